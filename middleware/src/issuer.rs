//! Whom we believe: issuers, each with its own keys, audiences and way of writing.

use crate::chain::{ChainContract, PriorActorUse, Profile};
use crate::error::{ConfigError, Error};
use crate::keys::{KeySet, RemoteKeys, State};
use std::sync::Arc;

/// One issuer that is trusted, and what its tokens must say.
///
/// Its keys verify its own tokens only; no key is ever sought across issuers.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    pub(crate) issuer: Box<str>,
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) keys: Keys,
    pub(crate) profile: Profile,
    pub(crate) chain: ChainContract,
    pub(crate) prior_actors: PriorActorUse,
}

/// Where the keys of an issuer come from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Keys {
    /// A set that never changes.
    Fixed(Arc<KeySet>),
    /// A set that is kept fresh from the issuer.
    Remote(RemoteKeys),
}

impl From<KeySet> for Keys {
    fn from(keys: KeySet) -> Self {
        Keys::Fixed(Arc::new(keys))
    }
}

impl From<RemoteKeys> for Keys {
    fn from(keys: RemoteKeys) -> Self {
        Keys::Remote(keys)
    }
}

impl Keys {
    /// What `judge` makes of the keys of the moment and their generation.
    pub(crate) fn with<T>(&self, judge: impl FnOnce(&KeySet, u64) -> T) -> Result<T, Error> {
        match self {
            Keys::Fixed(keys) => Ok(judge(keys, 0)),
            Keys::Remote(remote) => match &**remote.state() {
                State::Ready(snapshot) => Ok(judge(&snapshot.keys, snapshot.generation)),
                State::Pending | State::Stale => Err(Error::Unavailable { retry_after: 5 }),
            },
        }
    }
}

impl TrustedIssuer {
    /// Trusts `issuer`, whose tokens for us name `audience`. Both are compared byte for byte.
    ///
    /// Until said otherwise it writes as RFC 9068 says, its chain is [`ChainContract::OuterOnly`], and prior actors are
    /// for audit only.
    ///
    /// # Errors
    /// [`ConfigError`] for an issuer that is no URL of `https` (or, in closed networks, `http`) without user, query or
    /// fragment; for remote keys of another issuer; for an empty audience.
    pub fn new(issuer: &str, audience: &str, keys: impl Into<Keys>) -> Result<TrustedIssuer, ConfigError> {
        check_issuer(issuer).map_err(|reason| ConfigError::Url {
            url: issuer.to_owned(),
            reason,
        })?;
        let keys = keys.into();
        if let Keys::Remote(remote) = &keys
            && remote.issuer() != issuer
        {
            return Err(ConfigError::KeysOfAnotherIssuer {
                issuer: issuer.to_owned(),
                keys_of: remote.issuer().to_owned(),
            });
        }
        TrustedIssuer {
            issuer: issuer.into(),
            audiences: Vec::new(),
            keys,
            profile: Profile::default(),
            chain: ChainContract::OuterOnly,
            prior_actors: PriorActorUse::default(),
        }
        .with_audience(audience)
    }

    /// Accepts one more audience.
    ///
    /// # Errors
    /// [`ConfigError::EmptyAudience`].
    pub fn with_audience(mut self, audience: &str) -> Result<TrustedIssuer, ConfigError> {
        if audience.trim().is_empty() {
            return Err(ConfigError::EmptyAudience);
        }
        self.audiences.push(audience.into());
        Ok(self)
    }

    /// Says how the issuer writes its tokens.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> TrustedIssuer {
        self.profile = profile;
        self
    }

    /// Says what the issuer's chain is worth.
    #[must_use]
    pub fn with_chain(mut self, chain: ChainContract) -> TrustedIssuer {
        self.chain = chain;
        self
    }

    /// Says what is done with prior actors.
    #[must_use]
    pub fn with_prior_actors(mut self, prior_actors: PriorActorUse) -> TrustedIssuer {
        self.prior_actors = prior_actors;
        self
    }
}

/// RFC 8414 section 2: a URL without query or fragment. It is compared as text, so that a blank would never match.
fn check_issuer(issuer: &str) -> Result<(), &'static str> {
    let url = url::Url::parse(issuer).map_err(|_| "an issuer is an absolute URL")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("an issuer is an https URL, or an http one in a closed network");
    }
    if issuer
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        return Err("an issuer holds no blanks");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer has no user, query or fragment");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_plain_url() {
        for good in [
            "https://idp.example",
            "https://idp.example:443/realms/alpha",
            "https://idp.example/",
            "http://127.0.0.1:9400",
        ] {
            assert_eq!(check_issuer(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "idp.example",
            " https://idp.example",
            "https://idp.example ",
            "ftp://idp.example",
            "https://u:p@idp.example",
            "https://idp.example/?a",
            "https://idp.example/#f",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad:?}");
        }
    }
}
