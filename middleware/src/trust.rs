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
    /// Runs `judge` with the keys of the moment and their generation.
    pub(crate) fn with<T>(&self, judge: impl FnOnce(&KeySet, u64) -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Keys::Fixed(keys) => judge(keys, 0),
            Keys::Remote(remote) => match &**remote.state() {
                State::Ready(snapshot) => judge(&snapshot.keys, snapshot.generation),
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
    /// [`ConfigError`] for an issuer that is no URL with scheme `https` or `http`, or an empty audience.
    pub fn new(issuer: &str, audience: &str, keys: impl Into<Keys>) -> Result<TrustedIssuer, ConfigError> {
        let refuse = |reason| ConfigError::Url {
            url: issuer.to_owned(),
            reason,
        };
        let url = url::Url::parse(issuer).map_err(|_| refuse("an issuer is an absolute URL"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(refuse("an issuer is an https URL"));
        }
        TrustedIssuer {
            issuer: issuer.into(),
            audiences: Vec::new(),
            keys: keys.into(),
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
