//! Trusted issuers: keys, accepted audiences and token profile.

use std::sync::Arc;

use crate::error::ConfigError;
use crate::keys::{Algorithm, KeySet, KeySetError, KeySource, RefreshPolicy};
use crate::profile::{ChainCompleteness, PriorActors, Profile};

/// One trusted issuer and what its tokens must contain. Pure: it holds no key that is fetched and no task.
///
/// Its keys verify its own tokens only; keys are never looked up across issuers.
///
/// ```
/// use actgate::TrustedIssuer;
///
/// let issuer = TrustedIssuer::discover("https://idp.example.com")?.audience("https://orders.example.com")?;
/// assert_eq!(issuer.identifier(), "https://idp.example.com");
///
/// assert!(TrustedIssuer::discover("idp.example.com").is_err());
/// # Ok::<(), actgate::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    pub(crate) issuer: Arc<str>,
    pub(crate) audiences: Vec<Box<str>>,
    pub(crate) keys: KeySource,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) refresh_policy: RefreshPolicy,
    pub(crate) profile: Profile,
    pub(crate) prior_actors: PriorActors,
    chain_completeness: Option<ChainCompleteness>,
}

impl TrustedIssuer {
    /// An issuer whose keys are found by discovery (OpenID Connect Discovery 1.0, RFC 8414).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn discover(issuer: &str) -> Result<TrustedIssuer, ConfigError> {
        TrustedIssuer::new(issuer, KeySource::Discovery)
    }

    /// An issuer with its keys. `issuer` is compared byte for byte with `iss` and with the issuer's metadata.
    ///
    /// The defaults: every [`Algorithm`], the profile of RFC 9068, prior actors for audit only. At least one
    /// [`audience`](Self::audience) is needed.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for an issuer that is not an `https` (or, in closed networks, `http`) URL or has user, query
    /// or fragment; for an address of keys that is neither `https` nor on loopback.
    pub fn new(issuer: &str, keys: impl Into<KeySource>) -> Result<TrustedIssuer, ConfigError> {
        check_identifier(issuer).map_err(|reason| ConfigError::Url {
            url: issuer.to_owned(),
            reason,
        })?;
        let keys = keys.into();
        keys.endpoint(issuer)?;
        Ok(TrustedIssuer {
            issuer: issuer.into(),
            audiences: Vec::new(),
            keys,
            algorithms: Algorithm::all().to_vec(),
            refresh_policy: RefreshPolicy::default(),
            profile: Profile::default(),
            prior_actors: PriorActors::default(),
            chain_completeness: None,
        })
    }

    /// Accepts one more audience, compared byte for byte.
    ///
    /// # Errors
    /// [`ConfigError::EmptyAudience`].
    pub fn audience(mut self, audience: &str) -> Result<TrustedIssuer, ConfigError> {
        if audience.trim().is_empty() {
            return Err(ConfigError::EmptyAudience);
        }
        self.audiences.push(audience.into());
        Ok(self)
    }

    /// Accepts these algorithms instead of all.
    ///
    /// # Errors
    /// [`ConfigError::NoAlgorithm`] for an empty list.
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Result<TrustedIssuer, ConfigError> {
        if algorithms.is_empty() {
            return Err(ConfigError::NoAlgorithm(self.issuer.to_string()));
        }
        self.algorithms = algorithms.to_vec();
        Ok(self)
    }

    /// Sets when keys are fetched and how long they are used.
    ///
    /// # Errors
    /// [`ConfigError::Duration`] for a duration out of range.
    pub fn refresh_policy(mut self, refresh_policy: RefreshPolicy) -> Result<TrustedIssuer, ConfigError> {
        refresh_policy.check()?;
        self.refresh_policy = refresh_policy;
        Ok(self)
    }

    /// Verifies with the keys of this JWK set (RFC 7517 section 5) instead of fetching any.
    ///
    /// # Errors
    /// [`KeySetError`] for a document without a key of the accepted algorithms.
    pub fn key_set(mut self, document: &[u8]) -> Result<TrustedIssuer, KeySetError> {
        self.keys = KeySet::from_json(document, &self.algorithms)?.into();
        Ok(self)
    }

    /// Sets where the facts are found in the issuer's tokens.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> TrustedIssuer {
        self.profile = profile;
        self
    }

    /// Sets which actors the issuer's chain contains, instead of what the profile states.
    #[must_use]
    pub fn chain_completeness(mut self, completeness: ChainCompleteness) -> TrustedIssuer {
        self.chain_completeness = Some(completeness);
        self
    }

    /// Sets how prior actors are used.
    #[must_use]
    pub fn prior_actors(mut self, prior_actors: PriorActors) -> TrustedIssuer {
        self.prior_actors = prior_actors;
        self
    }

    /// The issuer identifier (`iss`).
    pub fn identifier(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn completeness(&self) -> ChainCompleteness {
        self.chain_completeness.unwrap_or(self.profile.chain_completeness)
    }
}

/// RFC 8414 section 2: a URL without query or fragment. White space could never match, because the comparison is textual.
fn check_identifier(issuer: &str) -> Result<(), &'static str> {
    let url = url::Url::parse(issuer).map_err(|_| "an issuer is an absolute URL")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("an issuer is an https URL, or an http URL in a closed network");
    }
    if issuer.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return Err("an issuer contains no white space");
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
        for valid in [
            "https://idp.example",
            "https://idp.example:443/realms/alpha",
            "https://idp.example/",
            "http://127.0.0.1:9400",
        ] {
            assert_eq!(check_identifier(valid), Ok(()), "{valid}");
        }
        for invalid in [
            "",
            "idp.example",
            " https://idp.example",
            "https://idp.example ",
            "ftp://idp.example",
            "https://u:p@idp.example",
            "https://idp.example/?a",
            "https://idp.example/#f",
        ] {
            assert!(check_identifier(invalid).is_err(), "{invalid:?}");
        }
    }

    #[test]
    fn keys_come_over_https_or_from_loopback() {
        assert!(TrustedIssuer::discover("http://idp.internal").is_err());
        assert!(TrustedIssuer::discover("http://127.0.0.1:9400").is_ok());
        let jwks_uri = |uri: &str| TrustedIssuer::new("http://idp.internal", KeySource::JwksUri(uri.to_owned()));
        assert!(jwks_uri("https://idp.internal/jwks").is_ok());
        assert!(jwks_uri("http://idp.internal/jwks").is_err());
        assert!(jwks_uri("").is_err());
    }

    #[test]
    fn empty_lists_and_odd_durations_are_errors() {
        let issuer = || TrustedIssuer::discover("https://idp.example").unwrap();
        assert_eq!(issuer().audience(" ").err(), Some(ConfigError::EmptyAudience));
        assert!(matches!(issuer().algorithms(&[]), Err(ConfigError::NoAlgorithm(_))));
        let never = RefreshPolicy {
            cooldown: std::time::Duration::ZERO,
            ..RefreshPolicy::default()
        };
        assert!(matches!(
            issuer().refresh_policy(never),
            Err(ConfigError::Duration { name: "cooldown", .. })
        ));
    }

    #[test]
    fn the_profile_states_the_completeness_unless_it_is_overridden() {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        assert_eq!(issuer.completeness(), ChainCompleteness::OuterOnly);
        let complete = issuer.chain_completeness(ChainCompleteness::Complete);
        assert_eq!(complete.completeness(), ChainCompleteness::Complete);
    }
}
