//! Trusted issuers and a policy on one side, a request on the other, a decision between them.

mod authenticate;
mod authorize;
mod builder;
mod certain_denial;
mod checks;
mod conclude;
mod conflicts;
mod counter;
mod decide;
mod decision;
mod explain;
mod in_force;
mod introspected;
mod kind_warning;
mod known_request;
mod limited;
mod mcp_message;
mod missed_route;
mod origins;
mod pending;
mod pipeline;
mod protected;
mod recorded;
mod request_facts;
mod request_record;
mod resources;
mod restored_request;
mod rule_counts;
mod rules;
mod shadow;
mod start;
mod status;
mod step;
mod token_in_words;

use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, Guard};
use http::{HeaderMap, HeaderName};

pub use builder::AuthorizerBuilder;
pub use certain_denial::CertainDenial;
pub use decision::Decision;
pub use explain::Explanation;
pub use known_request::KnownRequest;
pub use recorded::{RecordedExplanation, Undecided};
pub use rule_counts::RuleCount;

pub(crate) use counter::Counting;
pub(crate) use decision::{Conclusion, Denied};
pub(crate) use in_force::InForce;
pub(crate) use pending::{Authorization, Pending, Waits};
pub(crate) use request_facts::request_facts;

use conflicts::{Bodies, body_conflict, history_conflicts, resource_conflicts};
use counter::Counter;
use in_force::Current;
use kind_warning::KindWarning;
use protected::Protected;
use resources::Resources;
use rule_counts::RuleCounts;

use crate::challenge::{Challenge, ChallengeContext};
use crate::clock::Clock;
use crate::error::{ConfigError, Error};
use crate::identity::Identity;
use crate::issuer::TrustedIssuer;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::request::{Presented, Target};
use crate::resource::{Metadata, Resource, WELL_KNOWN, is_below};
use crate::token::introspection::Introspector;
use crate::token::revocation::Revocations;
use crate::token::{KnownHeaders, TokenCache};

/// Authorizes requests by trusted issuers and a policy. Built once, shared, cheap to clone.
///
/// The steps are, in this order, and the first that fails denies: route, credential, form of the token, issuer, type, key,
/// signature, form of the claims and of the chain, audience, time, confirmation, revocation, introspection, scope, core rules, history rules, limit.
///
/// [`build`](AuthorizerBuilder::build) is pure: keys that are fetched are unavailable (503) until
/// [`start`](Self::start).
///
/// ```no_run
/// # use actgate::{Authorizer, Policy, TrustedIssuer};
/// # async fn example(text: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = TrustedIssuer::discover("https://idp.example.com")?.audience("https://orders.example.com")?;
/// let authorizer = Authorizer::builder().issuer(issuer).policy(Policy::from_yaml(text)?).build()?;
/// let authorizer = authorizer.start()?;
/// authorizer.ready().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Authorizer {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    issuers: Vec<Trust>,
    /// The place of the issuer that opaque tokens are of.
    opaque: Option<usize>,
    /// The headers that issuers have to themselves, each once.
    carriers: Box<[HeaderName]>,
    current: Arc<Current>,
    leeway: u64,
    limits: Limits,
    clock: Clock,
    /// What the resources in force are made of, with every policy anew; empty where each issuer has its audiences.
    specified: Arc<[Resource]>,
    realm: Option<Box<str>>,
    /// The origins of the audiences, whose web pages may send messages to an MCP endpoint.
    origins: Vec<Box<str>>,
    cache: Arc<TokenCache<Identity>>,
    /// The headers of verified tokens, which were parsed by these limits.
    headers: Arc<KnownHeaders>,
    /// The revoked tokens, for every clone. Until there is a list, a request reads no more than that there is none.
    revocations: Arc<OnceLock<ArcSwap<Revocations>>>,
    bodies: Bodies,
    /// What counts the requests of parties.
    counter: Counter,
}

/// A trusted issuer with its current keys.
#[derive(Clone, Debug)]
struct Trust {
    issuer: Arc<TrustedIssuer>,
    keys: Keys,
    kind_warning: Arc<KindWarning>,
    /// Whether tokens are active, where the issuer is asked.
    introspection: Option<Introspector>,
}

impl Authorizer {
    /// Replaces the policy, at once for every clone of this authorizer and every layer with it. Keys and cached tokens are kept.
    ///
    /// Each request is decided by one policy: the one in force when it arrives, also where it waits for keys or for its body.
    /// [`Decision::policy`] is that policy.
    ///
    /// ```
    /// # use actgate::{Authorizer, Policy, testing::TestIssuer};
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// let policy = Policy::from_yaml("routes: [{ match: GET /orders }]")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).build()?;
    ///
    /// let next = Policy::from_yaml("routes: [{ match: GET /orders, scopes: [orders:read] }]")?;
    /// let hash = next.hash().clone();
    /// authorizer.replace_policy(next)?;
    /// assert_eq!(*authorizer.policy().hash(), hash);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The policy before stays in force with [`ConfigError::HistoryRule`] for a rule on prior actors that an issuer's chain cannot
    /// support; [`ConfigError::MetadataRoute`] for a route of the metadata that is published here; [`ConfigError::Overlap`] for
    /// resources that differ in a spelling which the policy does not distinguish; [`ConfigError::BodyRule`] for a rule on the body,
    /// unless the builder [`reads_bodies`](AuthorizerBuilder::reads_bodies); [`ConfigError::UnknownRequirement`] without a requirement
    /// that a layer [authorizes by](crate::AuthorizeLayer::for_requirement).
    pub fn replace_policy(&self, policy: impl Into<Arc<Policy>>) -> Result<(), ConfigError> {
        let (inner, policy) = (&self.inner, policy.into());
        let mut issuers = inner.issuers.iter();
        if let Some(conflict) = issuers.find_map(|trust| history_conflicts(&trust.issuer, &policy).into_iter().next()) {
            return Err(conflict);
        }
        if let Some(conflict) = body_conflict(inner.bodies, &policy) {
            return Err(conflict);
        }
        let resources = if inner.specified.is_empty() {
            inner.current.load().resources.clone()
        } else {
            if let Some(conflict) = resource_conflicts(&inner.specified, &policy).next() {
                return Err(conflict);
            }
            let issuers: Vec<&TrustedIssuer> = inner.issuers.iter().map(|trust| &*trust.issuer).collect();
            Resources::new(&inner.specified, &issuers, inner.realm.as_deref(), &policy)
        };
        let counts = RuleCounts::new(&policy, &inner.current.load().counts);
        inner.current.replace(InForce {
            policy,
            resources,
            counts,
        })
    }

    /// Replaces the list of revoked tokens, at once for every clone of this authorizer and every layer with it, and for cached
    /// tokens too.
    ///
    /// ```
    /// # use actgate::{Authorizer, Policy, testing::TestIssuer};
    /// use actgate::revocation::Revocations;
    ///
    /// # let issuer = TestIssuer::new()?.trusted("https://api.example")?;
    /// # let policy = Policy::from_yaml("routes: [{ match: GET /orders }]")?;
    /// let authorizer = Authorizer::builder().issuer(issuer).policy(policy).build()?;
    /// authorizer.replace_revocations(Revocations::default().jti("https://idp.example.com", "8f14e45f"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn replace_revocations(&self, revocations: impl Into<Arc<Revocations>>) {
        let mut next = Some(revocations.into());
        // The first list is stored by this alone: a second time it would replace one that came after it.
        let current = self
            .inner
            .revocations
            .get_or_init(|| ArcSwap::new(next.take().unwrap_or_default()));
        if let Some(next) = next {
            current.store(next);
        }
    }

    /// The name of a requirement of the policy, which no policy without it replaces.
    pub(crate) fn require(&self, name: &str) -> Result<Arc<str>, ConfigError> {
        self.inner.current.require(name)
    }

    /// What a request is decided by that arrives now.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.inner.current.load()
    }

    /// The same, for a decision that is over at once.
    pub(crate) fn borrow_in_force(&self) -> Guard<Arc<InForce>> {
        self.inner.current.borrow()
    }

    pub(crate) fn trusted_issuers(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.inner.issuers.iter().map(|trust| &*trust.issuer)
    }

    /// Whether the keys of every issuer are available.
    pub fn is_ready(&self) -> bool {
        self.issuers_without_keys().next().is_none()
    }

    /// The identifiers of the issuers whose keys are unavailable.
    pub fn issuers_without_keys(&self) -> impl Iterator<Item = &str> {
        let waiting = self.inner.issuers.iter().filter(|trust| !trust.keys.is_ready());
        waiting.map(|trust| trust.issuer.identifier())
    }

    /// Resolves once the keys of every issuer have been available. Before [`start`](Self::start) it waits without end for
    /// keys that are fetched.
    pub async fn ready(&self) {
        for trust in &self.inner.issuers {
            trust.keys.ready().await;
        }
    }

    /// The answer to a request that is denied with `error` before there is a decision on it.
    pub fn challenge(&self, error: &Error) -> Challenge {
        self.challenge_of(error, self.in_force().resources.elsewhere(), None)
    }

    /// The answer to a denied request. [`None`] if the request is allowed.
    pub fn challenge_to(&self, decision: &Decision) -> Option<Challenge> {
        decision.denied().map(|denied| self.challenge_to_denied(denied))
    }

    /// The answer that a request would get if the rules in shadow were enforced. [`None`] if it would be allowed, or no rule is in
    /// shadow.
    pub fn shadow_challenge_to(&self, decision: &Decision) -> Option<Challenge> {
        let denied = decision.denied_in_shadow();
        denied.map(|denied| self.challenge_to_denied(denied))
    }

    pub(crate) fn challenge_to_denied(&self, denied: &Denied) -> Challenge {
        match &denied.protected {
            Some(protected) => self.challenge_of(&denied.error, protected, denied.scope.as_deref()),
            None => self.challenge(&denied.error),
        }
    }

    fn challenge_of(&self, error: &Error, protected: &Protected, scope: Option<&str>) -> Challenge {
        let context = ChallengeContext {
            realm: &protected.realm,
            resource_metadata: protected.metadata_url.as_deref(),
            scope,
        };
        Challenge::new(error, &context)
    }

    /// Whether exactly one route of the policy is for the method and the path of this target, public or not.
    ///
    /// `false` also where the form that a server reads the path in would decide between several routes: such a request is
    /// [`Error::InvalidRequest`] to [`decide`](Self::decide).
    ///
    /// It does NOT authorize a request: it checks no token, host, query, header of MCP or rule. A target with a route can
    /// still be denied.
    pub fn has_route(&self, target: &Target<'_>) -> bool {
        let in_force = self.in_force();
        let route = in_force.policy.route(target.method().as_str(), target.forms());
        matches!(route, Ok(Some(_)))
    }

    /// The answer to a request for the metadata of a [`resource`](AuthorizerBuilder::resource), which needs no authorization;
    /// [`None`] for any other request, and where none is published here. Ask before [`decide`](Self::decide).
    ///
    /// It answers every path at and below `/.well-known/oauth-protected-resource`.
    pub fn metadata(&self, target: &Target<'_>, headers: &HeaderMap) -> Option<Metadata> {
        if !is_below(WELL_KNOWN, target.path()) {
            return None;
        }
        self.in_force().resources.metadata(&Presented::headers(target, headers))
    }

    /// Until when the token of an allowed request is accepted, in whole seconds since 1970: its `exp` and the leeway of this
    /// authorizer.
    ///
    /// A response that streams may last longer. To end it then is up to the program that serves it.
    ///
    /// It does NOT check anything: neither whether the time has passed, nor whether the issuer is still trusted, nor whether
    /// the key that signed the token is still published.
    pub fn accepted_until(&self, identity: &Identity) -> u64 {
        identity.expires_at().saturating_add(self.inner.leeway)
    }

    /// The source of time of the checks.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The policy in force now. [`Decision::policy`] is the one of a request.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.in_force().policy)
    }
}

impl Inner {
    /// The trusted issuer of a token that was verified before.
    fn trust_of(&self, identity: &Identity) -> Option<&Trust> {
        let mut trusted = self.issuers.iter();
        trusted.find(|trust| Arc::ptr_eq(&trust.issuer, identity.trusted_issuer()))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, Uri};
    use serde_json::json;

    use super::*;
    use crate::clock::FixedClock;
    use crate::keys::Algorithm;
    use crate::profile::ChainCompleteness;
    use crate::request::{Presented, Target};
    use crate::testing::TestIssuer;

    fn policy(text: &str) -> Policy {
        Policy::from_yaml(text).unwrap()
    }

    #[test]
    fn a_replaced_policy_keeps_keys_and_cached_tokens() {
        let issuer = TestIssuer::new().unwrap();
        let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(policy("routes: [{ match: GET / }]"));
        let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
        let token = issuer.token(json!({})).unwrap();
        let outcome = || {
            let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
            let target = Target::new(&Method::GET, &uri).unwrap();
            let _ = &headers;
            let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
            explanation.decision().error().map(Error::code)
        };
        assert_eq!(outcome(), None);
        let next = policy("routes: [{ match: GET /, scopes: [admin] }]");
        authorizer.replace_policy(next).unwrap();
        assert!(authorizer.inner.cache.get(token.as_bytes()).is_some());
        assert_eq!(outcome(), Some("insufficient_scope"));
    }

    #[test]
    fn the_accepted_algorithms_limit_a_static_key_set_too() {
        let issuer = TestIssuer::new().unwrap();
        let code = |algorithms: &[Algorithm]| {
            let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
            let builder = Authorizer::builder().issuer(trusted.algorithms(algorithms).unwrap());
            let authorizer = builder.policy(policy("routes: [{ match: GET / }]")).build().unwrap();
            let (uri, token) = (Uri::from_static("/"), issuer.token(json!({})).unwrap());
            let target = Target::new(&Method::GET, &uri).unwrap();
            let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
            explanation.decision().error().map(Error::code)
        };
        assert_eq!(code(&[Algorithm::RS256, Algorithm::ES256]), None);
        assert_eq!(code(&[Algorithm::RS256]), Some("unsupported_algorithm"));
    }

    #[test]
    fn a_policy_that_the_chain_cannot_support_does_not_replace_another() {
        let issuer = TestIssuer::new().unwrap();
        let outer = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let outer = outer.chain_completeness(ChainCompleteness::OuterOnly);
        let builder = Authorizer::builder().issuer(outer);
        let authorizer = builder.policy(policy("routes: [{ match: GET / }]")).build().unwrap();
        let before = authorizer.policy();
        let deep = policy("routes: [{ match: GET /, chain: { max_depth: 1 } }]");
        assert!(matches!(
            authorizer.replace_policy(deep),
            Err(ConfigError::HistoryRule { .. })
        ));
        assert!(Arc::ptr_eq(&authorizer.policy(), &before));
    }

    #[tokio::test]
    async fn keys_that_are_fetched_are_unavailable_until_they_are_started() {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        let issuer = issuer.audience("https://api.example").unwrap();
        let builder = Authorizer::builder().issuer(issuer);
        let authorizer = builder.policy(policy("routes: [{ match: GET / }]")).build().unwrap();
        assert!(!authorizer.is_ready());
        let test = TestIssuer::new().unwrap();
        let builder = Authorizer::builder().issuer(test.trusted("https://api.example").unwrap());
        let fixed = builder.policy(policy("routes: [{ match: GET / }]")).build().unwrap();
        assert!(fixed.is_ready());
        fixed.ready().await;
    }
}
