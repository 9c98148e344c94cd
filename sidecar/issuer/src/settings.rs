//! What an operator can choose about the issuer, apart from who and what it knows.

use std::time::Duration;

use url::Url;

use crate::clock::Clock;
use crate::keys::{KeyError, Signing};

/// The longest chain of actors the issuer writes into a token.
pub const MAX_CHAIN: usize = 16;

/// Everything that can be set. `Settings::default()` is ready to use.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer identifier: an `http` or `https` origin without a path. Left out, it becomes the address the
    /// server was bound to.
    pub issuer_url: Option<String>,
    /// The algorithm of the signing keys. Default ES256.
    pub signing: Signing,
    /// How long an access token lives, 1 second to 1 day. Default 15 minutes.
    pub token_lifetime: Duration,
    /// The number of `act` objects a token may carry, 1 to [`MAX_CHAIN`] (the default). An exchange that would
    /// exceed it is refused; no chain is ever cut short.
    pub chain_cap: usize,
    /// Where the time comes from. Default: the system.
    pub clock: Clock,
    /// Whether keys can be rotated over HTTP. Default: not.
    pub rotation: Rotation,
    /// Which addresses the server may listen on. Default: loopback only.
    pub exposure: Exposure,
}

/// Who can rotate the signing keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Only the process itself, through [`Handle::rotate_key`](crate::Handle::rotate_key).
    #[default]
    Handle,
    /// Also anybody who can reach the listener, with `POST /admin/keys/rotate`. It asks for no credential.
    Endpoint,
}

/// Which addresses the server agrees to be bound to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exposure {
    /// 127.0.0.0/8 and ::1.
    #[default]
    Loopback,
    /// Any address. The issuer is not made for this: its users and secrets come from a plain file.
    Network,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            issuer_url: None,
            signing: Signing::default(),
            token_lifetime: Duration::from_secs(15 * 60),
            chain_cap: MAX_CHAIN,
            clock: Clock::system(),
            rotation: Rotation::default(),
            exposure: Exposure::default(),
        }
    }
}

/// Settings the issuer cannot start with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The issuer identifier is no origin.
    #[error(
        "the issuer must be an http or https origin without user, path, query or fragment, such as https://issuer.example"
    )]
    IssuerUrl,
    /// The token lifetime is out of bounds.
    #[error("the token lifetime must be between 1 second and 1 day")]
    TokenLifetime,
    /// The chain cap is out of bounds.
    #[error("the chain cap must be between 1 and {MAX_CHAIN}")]
    ChainCap,
    /// No signing key could be made.
    #[error(transparent)]
    SigningKey(#[from] KeyError),
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if !(1..=86_400).contains(&self.token_lifetime.as_secs()) {
            return Err(SettingsError::TokenLifetime);
        }
        if !(1..=MAX_CHAIN).contains(&self.chain_cap) {
            return Err(SettingsError::ChainCap);
        }
        match &self.issuer_url {
            Some(issuer) if !is_origin(issuer) => Err(SettingsError::IssuerUrl),
            _ => Ok(()),
        }
    }
}

/// An issuer is compared byte for byte, so only the one canonical spelling of an origin is taken.
fn is_origin(issuer: &str) -> bool {
    Url::parse(issuer)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == issuer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Settings, SettingsError};

    #[test]
    fn the_defaults_are_good() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn an_issuer_is_a_bare_origin() {
        for (issuer, good) in [
            ("https://issuer.example", true),
            ("http://127.0.0.1:4000", true),
            ("https://issuer.example/", false),
            ("https://issuer.example/tenant", false),
            ("https://issuer.example?x", false),
            ("https://issuer.example#x", false),
            ("https://user@issuer.example", false),
            ("https://ISSUER.example", false),
            ("https://issuer.example:443", false),
            ("ftp://issuer.example", false),
            ("issuer.example", false),
        ] {
            let settings = Settings {
                issuer_url: Some(issuer.to_owned()),
                ..Settings::default()
            };
            assert_eq!(settings.check().is_ok(), good, "{issuer}");
        }
    }

    #[test]
    fn lifetime_and_cap_have_bounds() {
        for seconds in [0, 86_401] {
            let settings = Settings {
                token_lifetime: Duration::from_secs(seconds),
                ..Settings::default()
            };
            assert_eq!(settings.check(), Err(SettingsError::TokenLifetime));
        }
        for chain_cap in [0, 17] {
            let settings = Settings {
                chain_cap,
                ..Settings::default()
            };
            assert_eq!(settings.check(), Err(SettingsError::ChainCap));
        }
    }
}
