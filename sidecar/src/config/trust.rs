//! Whom the gate believes, and what it demands: what the library makes an authorizer of.

use std::sync::Arc;
use std::time::Duration;

use actgate::keys::{Algorithm, KeySource, RefreshPolicy};
use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::{Authorizer, AuthorizerBuilder, ConfigError, Policy, TrustedIssuer};

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
    pub source: KeySource,
    /// The algorithms its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How it spells kind and chain; as the library has it when not said.
    pub profile: Option<Profile>,
    /// What its chain is worth; likewise.
    pub chain: Option<ChainCompleteness>,
    /// What prior actors may be used for; likewise.
    pub prior_actors: Option<PriorActors>,
    /// When its keys are fetched.
    pub schedule: RefreshPolicy,
}

impl Trust {
    /// The authorizer of these settings, before its keys are fetched. `trusted` changes each issuer.
    ///
    /// # Errors
    /// Only what [`load`](super::load) finds, or what `trusted` returns.
    pub fn builder<E: From<ConfigError>>(
        self,
        trusted: impl Fn(TrustedIssuer) -> Result<TrustedIssuer, E>,
    ) -> Result<AuthorizerBuilder, E> {
        let mut builder = Authorizer::builder().policy(self.policy).leeway(self.leeway);
        for issuer in &self.issuers {
            builder = builder.issuer(trusted(issuer.trusted(&self.audiences)?)?);
        }
        Ok(match &self.resource_metadata {
            Some(url) => builder.resource_metadata(url),
            None => builder,
        })
    }
}

impl IssuerSettings {
    /// The issuer as the library trusts it.
    ///
    /// # Errors
    /// An address that may not be fetched, no algorithm, or a duration out of range.
    pub(super) fn trusted(&self, audiences: &[String]) -> Result<TrustedIssuer, ConfigError> {
        let mut issuer = TrustedIssuer::new(&self.issuer, self.source.clone())?
            .algorithms(&self.algorithms)?
            .refresh_policy(self.schedule.clone())?;
        for audience in audiences {
            issuer = issuer.audience(audience)?;
        }
        if let Some(profile) = self.profile {
            issuer = issuer.profile(profile);
        }
        if let Some(chain) = self.chain {
            issuer = issuer.chain_completeness(chain);
        }
        if let Some(prior_actors) = self.prior_actors {
            issuer = issuer.prior_actors(prior_actors);
        }
        Ok(issuer)
    }
}
