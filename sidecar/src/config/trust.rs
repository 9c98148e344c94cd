//! Whom the gate believes, and what it demands: what the library makes an authorizer of.

use std::sync::Arc;
use std::time::Duration;

use actgate::chain::{ChainContract, PriorActorUse, Profile};
use actgate::keys::{Algorithm, Fetch, Fetched, RemoteKeys, Schedule, Source};
use actgate::{Authorizer, ConfigError, Keys, Policy, TrustedIssuer};

/// Issuers, audiences and policy.
#[derive(Debug)]
pub struct Trust {
    /// Whose tokens are accepted; at least one.
    pub issuers: Vec<IssuerSettings>,
    /// What `aud` of a token must name; at least one.
    pub audiences: Vec<String>,
    /// How far the clocks of issuer and gate may be apart.
    pub leeway: Duration,
    /// The URL of our protected resource metadata (RFC 9728).
    pub resource_metadata: Option<String>,
    /// What may be done, by whom.
    pub policy: Arc<Policy>,
}

/// One issuer whose tokens are accepted.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Its identifier, compared byte for byte with `iss`.
    pub issuer: String,
    /// Where its keys are.
    pub source: Source,
    /// The algorithms its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How it spells kind and chain; as the library has it when not said.
    pub profile: Option<Profile>,
    /// What its chain is worth; likewise.
    pub chain: Option<ChainContract>,
    /// What prior actors may be used for; likewise.
    pub prior_actors: Option<PriorActorUse>,
    /// When its keys are fetched.
    pub schedule: Schedule,
}

impl Trust {
    /// The authorizer, with the keys that `keys` has for each issuer.
    ///
    /// # Errors
    /// Only what [`load`](super::load) finds, too, or what `keys` could not do.
    pub fn authorizer<K: Into<Keys>>(
        self,
        keys: impl Fn(&IssuerSettings) -> Result<K, ConfigError>,
    ) -> Result<Authorizer, ConfigError> {
        let issuers = self
            .issuers
            .iter()
            .map(|issuer| issuer.trusted(&self.audiences, keys(issuer)?))
            .collect::<Result<Vec<_>, _>>()?;
        let authorizer = Authorizer::new(issuers, self.policy)?.with_leeway(self.leeway)?;
        match &self.resource_metadata {
            Some(url) => authorizer.with_resource_metadata(url),
            None => Ok(authorizer),
        }
    }
}

impl IssuerSettings {
    /// The keys of this issuer, fetched by `fetch` from where the configuration says, when it says. Needs a tokio runtime.
    ///
    /// # Errors
    /// An address that may not be fetched, no algorithm, or a duration out of range.
    pub fn remote_keys(&self, fetch: impl Fetch) -> Result<RemoteKeys, ConfigError> {
        RemoteKeys::start(
            &self.issuer,
            self.source.clone(),
            &self.algorithms,
            self.schedule.clone(),
            fetch,
        )
    }

    fn trusted(&self, audiences: &[String], keys: impl Into<Keys>) -> Result<TrustedIssuer, ConfigError> {
        let (first, others) = audiences.split_first().ok_or(ConfigError::EmptyAudience)?;
        let mut issuer = TrustedIssuer::new(&self.issuer, first, keys)?;
        for audience in others {
            issuer = issuer.with_audience(audience)?;
        }
        if let Some(profile) = self.profile {
            issuer = issuer.with_profile(profile);
        }
        if let Some(chain) = self.chain {
            issuer = issuer.with_chain(chain);
        }
        if let Some(prior_actors) = self.prior_actors {
            issuer = issuer.with_prior_actors(prior_actors);
        }
        Ok(issuer)
    }

    /// The issuer as the library trusts it, with keys that are never fetched: says what is wrong with it, and touches no network.
    pub(super) fn offline(&self, audiences: &[String]) -> Result<TrustedIssuer, ConfigError> {
        self.trusted(audiences, self.remote_keys(NoFetch)?)
    }
}

/// Keys that are never fetched: for looking at a configuration without acting on it.
struct NoFetch;

impl Fetch for NoFetch {
    fn fetch<'a>(&'a self, _url: &'a str) -> Fetched<'a> {
        // Never an answer: a failed fetch would be told in the log.
        Box::pin(std::future::pending())
    }
}
