//! [`Authorizer`]: what requests are judged by, made once at start.

use std::sync::Arc;
use std::time::Duration;

use crate::chain::{ChainContract, PriorActorUse};
use crate::challenge::Challenge;
use crate::clock::Clock;
use crate::error::{ConfigError, Error, Reason};
use crate::identity::Identity;
use crate::issuer::{Keys, TrustedIssuer};
use crate::keys::Status;
use crate::limits::Limits;
use crate::policy::{Policy, Truncation};
use crate::token::{Demand, TokenCache};

/// Judges requests: trusted issuers and a policy, made once and shared. Cheap to clone.
///
/// A request is judged in this order, and refused at the first step that fails: credential, form of the token, issuer,
/// type, signature, form of the claims and of the chain, audience, time, confirmation, scope, core rules, history rules.
#[derive(Clone, Debug)]
pub struct Authorizer {
    pub(super) inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) issuers: Vec<TrustedIssuer>,
    pub(super) policy: Arc<Policy>,
    pub(super) leeway: u64,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    resource_metadata: Option<Box<str>>,
    pub(super) cache: Arc<TokenCache<Known>>,
}

/// A token that was verified before. Facts, never a verdict.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) identity: Identity,
    pub(super) issuer: usize,
    pub(super) generation: u64,
}

impl Authorizer {
    /// Trusts `issuers` and judges by `policy`, with a leeway of 30 s and the default [`Limits`].
    ///
    /// # Errors
    /// [`ConfigError`] for no issuer, the same one twice, or a rule on prior actors that an issuer's chain cannot bear.
    pub fn new(
        issuers: impl IntoIterator<Item = TrustedIssuer>,
        policy: impl Into<Arc<Policy>>,
    ) -> Result<Authorizer, ConfigError> {
        let policy = policy.into();
        let issuers: Vec<TrustedIssuer> = issuers.into_iter().collect();
        if issuers.is_empty() {
            return Err(ConfigError::NoIssuer);
        }
        for (index, issuer) in issuers.iter().enumerate() {
            if issuers[..index].iter().any(|earlier| earlier.issuer == issuer.issuer) {
                return Err(ConfigError::DuplicateIssuer(issuer.issuer.to_string()));
            }
            check_history_rules(issuer, &policy)?;
        }
        let limits = Limits::default();
        Ok(Authorizer {
            inner: Arc::new(Inner {
                issuers,
                policy,
                leeway: 30,
                cache: Arc::new(TokenCache::new(limits.cache_bytes)),
                limits,
                clock: Clock::system(),
                resource_metadata: None,
            }),
        })
    }

    /// Accepts clocks that differ by up to `leeway`, in whole seconds, at most 60.
    ///
    /// # Errors
    /// [`ConfigError::Leeway`].
    pub fn with_leeway(mut self, leeway: Duration) -> Result<Authorizer, ConfigError> {
        if leeway > Duration::from_secs(60) {
            return Err(ConfigError::Leeway(leeway.as_secs()));
        }
        Arc::make_mut(&mut self.inner).leeway = leeway.as_secs();
        Ok(self)
    }

    /// Replaces the limits; verified tokens are forgotten.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Authorizer {
        let inner = Arc::make_mut(&mut self.inner);
        inner.cache = Arc::new(TokenCache::new(limits.cache_bytes));
        inner.limits = limits;
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Into<Clock>) -> Authorizer {
        Arc::make_mut(&mut self.inner).clock = clock.into();
        self
    }

    /// Names the protected resource metadata (RFC 9728) in each 401.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for what is no absolute URL.
    pub fn with_resource_metadata(mut self, url: &str) -> Result<Authorizer, ConfigError> {
        let parsed = url::Url::parse(url).map_err(|_| ConfigError::Url {
            url: url.to_owned(),
            reason: "it is not an absolute URL",
        })?;
        Arc::make_mut(&mut self.inner).resource_metadata = Some(parsed.as_str().into());
        Ok(self)
    }

    /// Whether the keys of every issuer are here.
    pub fn ready(&self) -> bool {
        self.inner.issuers.iter().all(|issuer| match &issuer.keys {
            Keys::Fixed(_) => true,
            Keys::Remote(remote) => matches!(remote.status(), Status::Ready { .. }),
        })
    }

    /// The answer to a refused request. Its realm is the first audience.
    pub fn challenge(&self, error: &Error) -> Challenge {
        let realm = self.inner.issuers.first().and_then(|issuer| issuer.audiences.first());
        Challenge::of(
            error,
            realm.map_or("", |realm| realm),
            self.inner.resource_metadata.as_deref(),
        )
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.inner.policy
    }
}

impl Inner {
    pub(super) fn issuer(&self, name: &str) -> Result<(usize, &TrustedIssuer), Error> {
        let mut issuers = self.issuers.iter().enumerate();
        issuers
            .find(|(_, issuer)| *issuer.issuer == *name)
            .ok_or(Error::InvalidClaim {
                claim: "iss",
                reason: Reason::Mismatch,
            })
    }

    pub(super) fn demand<'d>(&self, issuer: &'d TrustedIssuer) -> Demand<'d> {
        Demand {
            issuer: &issuer.issuer,
            audiences: &issuer.audiences,
            leeway: self.leeway,
        }
    }
}

/// A rule on prior actors is only as good as the chain it reads (RFC 8693 section 4.1 promises nothing of it).
fn check_history_rules(issuer: &TrustedIssuer, policy: &Policy) -> Result<(), ConfigError> {
    for need in policy.history_needs() {
        let refuse = |reason, mend| ConfigError::HistoryRule {
            rule: need.rule.to_owned(),
            line: need.line,
            issuer: issuer.issuer.to_string(),
            reason,
            mend,
        };
        if issuer.prior_actors != PriorActorUse::Restrict {
            return Err(refuse(
                "they are not to be decided on",
                "set `prior_actors: restrict` on the issuer, or remove the rule",
            ));
        }
        if issuer.chain != ChainContract::Complete && need.truncation == Truncation::Refused {
            return Err(refuse(
                "the chain is not complete, so that a dropped hop evades the rule",
                "set `chain_completeness: complete` if the issuer keeps every hop, or write `accept_truncation: true` beside the rule",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Authority;

    const OPEN: &str = "routes: [{ match: GET / }]";

    #[test]
    fn rules_on_prior_actors_need_a_chain_that_can_bear_them() {
        let authority = Authority::new().unwrap();
        let start = |chain, prior_actors, rule: &str| {
            let policy = Policy::from_yaml(&format!("routes: [{{ match: GET /, chain: {rule} }}]")).unwrap();
            let issuer = authority.trusted(Authority::AUDIENCE).unwrap();
            Authorizer::new([issuer.with_chain(chain).with_prior_actors(prior_actors)], policy)
        };
        let deny = "{ max_depth: 1 }";
        assert!(start(ChainContract::Complete, PriorActorUse::Restrict, deny).is_ok());
        for chain in [
            ChainContract::ActorTokenOnly,
            ChainContract::OuterOnly,
            ChainContract::None,
        ] {
            assert!(matches!(
                start(chain, PriorActorUse::Restrict, deny),
                Err(ConfigError::HistoryRule { line: 1, .. })
            ));
            assert!(
                start(
                    chain,
                    PriorActorUse::Restrict,
                    "{ max_depth: 1, accept_truncation: true }"
                )
                .is_ok()
            );
        }
        for prior_actors in [PriorActorUse::Ignore, PriorActorUse::Audit] {
            assert!(start(ChainContract::Complete, prior_actors, deny).is_err());
        }
    }

    #[test]
    fn trust_that_cannot_be_meant_does_not_start() {
        let authority = Authority::new().unwrap();
        let policy = || Policy::from_yaml(OPEN).unwrap();
        let trusted = || authority.trusted(Authority::AUDIENCE).unwrap();
        assert_eq!(Authorizer::new([], policy()).err(), Some(ConfigError::NoIssuer));
        let twice = Authorizer::new([trusted(), trusted()], policy());
        assert!(matches!(twice, Err(ConfigError::DuplicateIssuer(_))));
        assert_eq!(authority.trusted(" ").err(), Some(ConfigError::EmptyAudience));
        let authorizer = Authorizer::new([trusted()], policy()).unwrap();
        assert!(authorizer.clone().with_leeway(Duration::from_secs(60)).is_ok());
        assert_eq!(
            authorizer.with_leeway(Duration::from_secs(61)).err(),
            Some(ConfigError::Leeway(61))
        );
    }
}
