//! Which tokens an issuer is asked about, and how long an answer is used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::introspect::Introspect;
use crate::error::ConfigError;

/// The tokens that an issuer is asked about.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IntrospectedTokens {
    /// Opaque tokens: those that are not three parts with a dot between them. One issuer of an authorizer can have them.
    #[default]
    Opaque,
    /// Signed tokens (JWT), each after its signature and its claims have been verified. Opaque ones are rejected.
    Signed,
    /// Both.
    All,
}

/// That an issuer is asked about tokens, which of them, and how long an answer is used.
///
/// ```
/// use std::time::Duration;
///
/// use actgate::TrustedIssuer;
/// use actgate::introspection::{HttpIntrospection, IntrospectedTokens, Introspection};
///
/// let endpoint = HttpIntrospection::new("https://idp.example.com/introspect", "orders", || Ok("secret".to_owned()))?;
/// let introspection = Introspection::new(endpoint)
///     .tokens(IntrospectedTokens::Signed)
///     .cache(Duration::from_secs(10))?;
/// let issuer = TrustedIssuer::discover("https://idp.example.com")?.introspection(introspection);
/// # Ok::<(), actgate::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Introspection {
    pub(crate) endpoint: Arc<dyn Introspect>,
    /// What distinguishes the endpoint from others; none where it is like no other.
    name: Option<Arc<str>>,
    pub(crate) tokens: IntrospectedTokens,
    pub(crate) cache: Duration,
    pub(crate) timeout: Duration,
}

impl Introspection {
    /// Asks about opaque tokens, for at most 5 s each, and uses an answer for 30 s.
    pub fn new(endpoint: impl Introspect) -> Introspection {
        Introspection {
            endpoint: Arc::new(endpoint),
            name: None,
            tokens: IntrospectedTokens::default(),
            cache: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
        }
    }

    /// Names the endpoint. Two endpoints of one name are taken to be the same, so that answers are kept where an authorizer starts
    /// [in place of](crate::Authorizer::in_place_of) another: the name states everything that the endpoint depends on, such as its
    /// address, the client and the roots, and no secret.
    #[must_use]
    pub fn named(mut self, name: &str) -> Introspection {
        self.name = Some(name.into());
        self
    }

    /// Sets which tokens are asked about.
    #[must_use]
    pub fn tokens(mut self, tokens: IntrospectedTokens) -> Introspection {
        self.tokens = tokens;
        self
    }

    /// Sets how long an answer is used: a token that is revoked is accepted no longer than this. From 10 ms to 1 h.
    ///
    /// That a token is inactive is kept for at most 10 s, as is the answer with an incomplete chain (`chain_complete: false`); that
    /// the issuer did not answer, for at most 1 s.
    ///
    /// # Errors
    /// [`ConfigError::Duration`] for a duration out of range.
    pub fn cache(mut self, cache: Duration) -> Result<Introspection, ConfigError> {
        check("cache", cache, Duration::from_secs(3600), "from 10 ms to 1 h")?;
        self.cache = cache;
        Ok(self)
    }

    /// Sets the longest time for an answer. From 10 ms to 60 s.
    ///
    /// # Errors
    /// [`ConfigError::Duration`] for a duration out of range.
    pub fn timeout(mut self, timeout: Duration) -> Result<Introspection, ConfigError> {
        check("timeout", timeout, Duration::from_secs(60), "from 10 ms to 60 s")?;
        self.timeout = timeout;
        Ok(self)
    }

    pub(crate) fn has_opaque(&self) -> bool {
        matches!(self.tokens, IntrospectedTokens::Opaque | IntrospectedTokens::All)
    }

    pub(crate) fn has_signed(&self) -> bool {
        matches!(self.tokens, IntrospectedTokens::Signed | IntrospectedTokens::All)
    }
}

fn check(name: &'static str, value: Duration, longest: Duration, reason: &'static str) -> Result<(), ConfigError> {
    match (Duration::from_millis(10)..=longest).contains(&value) {
        true => Ok(()),
        false => Err(ConfigError::Duration { name, reason }),
    }
}

impl PartialEq for Introspection {
    fn eq(&self, other: &Introspection) -> bool {
        let has_same_endpoint = match (&self.name, &other.name) {
            (Some(name), Some(other)) => name == other,
            _ => Arc::ptr_eq(&self.endpoint, &other.endpoint),
        };
        has_same_endpoint && self.tokens == other.tokens && self.cache == other.cache && self.timeout == other.timeout
    }
}

/// The endpoint has a credential, which is not printed.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("tokens", &self.tokens)
            .field("cache", &self.cache)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
