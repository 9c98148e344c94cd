//! The settings of an issuer, apart from its registry.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::Dialect;
use crate::issuance_policy::IssuancePolicy;
use crate::keys::Signing;

/// Every setting. `Settings::default()` suits a local issuer.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer identifier: an `http` or `https` origin without a path. Default: the address of the listener.
    pub issuer_url: Option<String>,
    /// The algorithm of the signing keys. Default: ES256.
    pub signing: Signing,
    /// The form of its access tokens. Default: RFC 9068.
    pub dialect: Dialect,
    /// The lifetime of access tokens, 1 second to 1 day. Default: 15 minutes.
    pub token_lifetime: Duration,
    /// The lifetime of refresh tokens, which a refresh does not extend: 1 second to 1 year. Default: 30 days.
    pub refresh_lifetime: Duration,
    /// The folder of the store and the audit trail, which is created if it does not exist; only its owner may have
    /// access. It belongs to one issuer identifier and one process. Default: none, everything ends with the process.
    pub data: Option<PathBuf>,
    /// The secret of the administration API, at least 16 characters. Default: one that is generated at the start,
    /// [`crate::Server::admin_secret`].
    pub admin_secret: Option<AdminSecret>,
    /// Lets clients register themselves at `/register` (RFC 7591). Default: false.
    pub registration: bool,
    /// Takes a URL as the identifier of a client, and fetches its metadata from there. Default: false.
    pub client_metadata_documents: bool,
    /// Decides which tokens are issued, after every check of the issuer. Default: none.
    pub issuance_policy: Option<Arc<dyn IssuancePolicy>>,
    /// Allows an address that is not loopback. Default: false. Anyone who reaches the address can obtain tokens with
    /// the passwords and secrets of the registry, which cross the network in clear text.
    pub expose_to_network: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            issuer_url: None,
            signing: Signing::default(),
            dialect: Dialect::default(),
            token_lifetime: Duration::from_secs(15 * 60),
            refresh_lifetime: Duration::from_secs(30 * 86_400),
            data: None,
            admin_secret: None,
            registration: false,
            issuance_policy: None,
            client_metadata_documents: false,
            expose_to_network: false,
        }
    }
}

/// The secret of the administration API. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminSecret(pub(crate) String);

impl AdminSecret {
    /// A secret in plain text.
    pub fn new(secret: impl Into<String>) -> AdminSecret {
        AdminSecret(secret.into())
    }
}

impl fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSecret")
    }
}

/// Settings that an issuer cannot start with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The issuer identifier is not an origin.
    #[error("the issuer must be an http or https origin without a trailing slash, such as https://issuer.example")]
    IssuerUrl,
    /// The token lifetime is out of range.
    #[error("the token lifetime must be between 1 second and 1 day")]
    TokenLifetime,
    /// The lifetime of refresh tokens is out of range.
    #[error("the lifetime of refresh tokens must be between 1 second and 1 year")]
    RefreshLifetime,
    /// The secret of the administration API is too short.
    #[error("the secret of the administration must have at least 16 characters")]
    AdminSecret,
    /// The address is not loopback, and [`Settings::expose_to_network`] is false.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The address means every address of the machine and cannot be the issuer identifier.
    #[error("an issuer that listens on {0} needs an issuer URL")]
    NoIssuerUrl(SocketAddr),
}

impl Settings {
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), SettingsError> {
        if !(1..=86_400).contains(&self.token_lifetime.as_secs()) {
            return Err(SettingsError::TokenLifetime);
        }
        if !(1..=365 * 86_400).contains(&self.refresh_lifetime.as_secs()) {
            return Err(SettingsError::RefreshLifetime);
        }
        if self.admin_secret.as_ref().is_some_and(|secret| secret.0.len() < 16) {
            return Err(SettingsError::AdminSecret);
        }
        if !self.expose_to_network && !address.ip().is_loopback() {
            return Err(SettingsError::NotLoopback(address));
        }
        match &self.issuer_url {
            Some(issuer) if !is_origin(issuer) => Err(SettingsError::IssuerUrl),
            None if address.ip().is_unspecified() => Err(SettingsError::NoIssuerUrl(address)),
            _ => Ok(()),
        }
    }
}

/// Issuer identifiers are compared byte for byte, so only the canonical form of an origin is accepted.
fn is_origin(issuer: &str) -> bool {
    Url::parse(issuer)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == issuer)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Settings, SettingsError};

    fn check(settings: &Settings, address: &str) -> Result<(), SettingsError> {
        settings.check(address.parse().unwrap())
    }

    #[test]
    fn an_issuer_identifier_is_an_origin() {
        assert_eq!(check(&Settings::default(), "127.0.0.1:0"), Ok(()));
        for (issuer, valid) in [
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
            assert_eq!(check(&settings, "127.0.0.1:0").is_ok(), valid, "{issuer}");
        }
    }

    #[test]
    fn the_lifetimes_are_limited() {
        for (seconds, valid) in [(0, false), (1, true), (31_536_000, true), (31_536_001, false)] {
            let settings = Settings {
                refresh_lifetime: Duration::from_secs(seconds),
                ..Settings::default()
            };
            assert_eq!(check(&settings, "[::1]:0").is_ok(), valid, "{seconds}");
        }
        for (seconds, valid) in [(0, false), (1, true), (86_400, true), (86_401, false)] {
            let settings = Settings {
                token_lifetime: Duration::from_secs(seconds),
                ..Settings::default()
            };
            assert_eq!(check(&settings, "[::1]:0").is_ok(), valid, "{seconds}");
        }
    }

    #[test]
    fn a_network_address_must_be_allowed_and_named() {
        for address in ["0.0.0.0:9400", "[::]:9400", "192.0.2.1:9400"] {
            let refused = SettingsError::NotLoopback(address.parse().unwrap());
            assert_eq!(check(&Settings::default(), address), Err(refused));
        }
        let mut settings = Settings {
            expose_to_network: true,
            ..Settings::default()
        };
        assert_eq!(check(&settings, "192.0.2.1:9400"), Ok(()));
        let unnamed = SettingsError::NoIssuerUrl("0.0.0.0:9400".parse().unwrap());
        assert_eq!(check(&settings, "0.0.0.0:9400"), Err(unnamed));
        settings.issuer_url = Some("http://issuer.example".to_owned());
        assert_eq!(check(&settings, "0.0.0.0:9400"), Ok(()));
    }
}
