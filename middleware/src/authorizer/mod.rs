//! Trusted issuers and a policy on one side, a request on the other, a decision between them.

mod authorize;
mod decision;
mod explain;
mod pending;
mod protected;
mod step;

use std::sync::Arc;
use std::time::Duration;

pub use decision::Decision;
pub use explain::Explanation;

pub(crate) use decision::Denied;
pub(crate) use pending::{Authorization, Pending};

use protected::Protected;

use crate::challenge::{Challenge, ChallengeContext};
use crate::clock::Clock;
use crate::error::{ConfigError, Error};
use crate::identity::Identity;
use crate::issuer::TrustedIssuer;
use crate::keys::{Fetch, Keys, RemoteKeys};
use crate::limits::Limits;
use crate::policy::{Policy, Truncation};
use crate::profile::{ChainCompleteness, PriorActors};
use crate::request::Target;
use crate::resource::{Metadata, Resource, WELL_KNOWN};
use crate::token::TokenCache;

const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// Authorizes requests by trusted issuers and a policy. Built once, shared, cheap to clone.
///
/// The steps are, in this order, and the first that fails denies: route, credential, form of the token, issuer, type, key,
/// signature, form of the claims and of the chain, audience, time, confirmation, scope, core rules, history rules.
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
    policy: Arc<Policy>,
    leeway: u64,
    limits: Limits,
    clock: Clock,
    resource: Option<Resource>,
    protected: Arc<Protected>,
    cache: Arc<TokenCache<Identity>>,
}

/// A trusted issuer with its current keys.
#[derive(Clone, Debug)]
struct Trust {
    issuer: Arc<TrustedIssuer>,
    keys: Keys,
}

impl Authorizer {
    /// Collects the issuers, the policy and the settings.
    pub fn builder() -> AuthorizerBuilder {
        AuthorizerBuilder::default()
    }

    /// Starts to fetch the keys of every issuer over HTTP, in the background, on the current tokio runtime.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`] outside of a runtime that is needed; [`ConfigError::Client`], also for an `https` issuer on a
    /// system without root certificates.
    #[cfg(feature = "reqwest")]
    pub fn start(&self) -> Result<Authorizer, ConfigError> {
        let fetch = crate::keys::HttpFetch::new()?;
        let issuers = self.inner.issuers.iter().map(|trust| &trust.issuer);
        fetch.check_roots(issuers.filter_map(|issuer| issuer.keys.address(&issuer.issuer)))?;
        self.start_with(fetch)
    }

    /// As [`start`](Self::start), fetching with `fetch`.
    ///
    /// # Errors
    /// [`ConfigError::NoRuntime`].
    pub fn start_with(&self, fetch: impl Fetch) -> Result<Authorizer, ConfigError> {
        let fetch = Arc::new(fetch);
        let mut inner = Inner::clone(&self.inner);
        for Trust { issuer, keys } in &mut inner.issuers {
            let TrustedIssuer {
                plain_http,
                algorithms,
                refresh_policy,
                ..
            } = &**issuer;
            let fetch = Arc::clone(&fetch);
            let remote = RemoteKeys::start(
                &issuer.issuer,
                &issuer.keys,
                *plain_http,
                algorithms,
                refresh_policy,
                fetch,
            )?;
            if let Some(remote) = remote {
                *keys = Keys::Remote(remote);
            }
        }
        Ok(Authorizer { inner: Arc::new(inner) })
    }

    /// The same authorizer with another policy. Keys and cached tokens are kept, and shared with this one.
    ///
    /// # Errors
    /// [`ConfigError::HistoryRule`] for a rule on prior actors that an issuer's chain cannot support;
    /// [`ConfigError::MetadataRoute`] for a route of the metadata that is published here.
    pub fn with_policy(&self, policy: impl Into<Arc<Policy>>) -> Result<Authorizer, ConfigError> {
        let policy = policy.into();
        let mut issuers = self.inner.issuers.iter();
        if let Some(conflict) = issuers.find_map(|trust| history_conflicts(&trust.issuer, &policy).next()) {
            return Err(conflict);
        }
        let mut inner = Inner::clone(&self.inner);
        if let Some(resource) = &inner.resource {
            if let Some(conflict) = metadata_route(&policy) {
                return Err(conflict);
            }
            let issuers = inner.issuers.iter().map(|trust| &*trust.issuer);
            let realm = inner.protected.realm.clone();
            inner.protected = Arc::new(Protected::published(realm, resource, issuers, &policy));
        }
        inner.policy = policy;
        Ok(Authorizer { inner: Arc::new(inner) })
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
        self.challenge_of(error, &self.inner.protected, None)
    }

    /// The answer to a denied request. [`None`] if the request is allowed.
    pub fn challenge_to(&self, decision: &Decision) -> Option<Challenge> {
        decision.denied().map(|denied| self.challenge_to_denied(denied))
    }

    pub(crate) fn challenge_to_denied(&self, denied: &Denied) -> Challenge {
        let protected = denied.protected.as_ref().unwrap_or(&self.inner.protected);
        self.challenge_of(&denied.error, protected, denied.scope.as_deref())
    }

    fn challenge_of(&self, error: &Error, protected: &Protected, scope: Option<&str>) -> Challenge {
        let context = ChallengeContext {
            realm: &protected.realm,
            resource_metadata: protected.metadata_url.as_deref(),
            scope,
        };
        Challenge::new(error, &context)
    }

    /// The answer to a request for the metadata of the [`resource`](AuthorizerBuilder::resource), which needs no authorization;
    /// [`None`] for any other request, and without a resource. Ask before [`decide`](Self::decide).
    ///
    /// It answers every path at and below `/.well-known/oauth-protected-resource`.
    pub fn metadata(&self, target: &Target<'_>) -> Option<Metadata> {
        self.inner.protected.metadata(target)
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }
}

/// Collects the parts of an [`Authorizer`]. Needs at least one issuer, and a policy.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AuthorizerBuilder {
    issuers: Vec<TrustedIssuer>,
    policy: Option<Arc<Policy>>,
    leeway: Option<Duration>,
    limits: Limits,
    clock: Clock,
    realm: Option<String>,
    resource_metadata: Option<String>,
    resource: Option<Resource>,
}

impl AuthorizerBuilder {
    /// Trusts one more issuer.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Sets the policy.
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// Accepts clocks that differ by up to `leeway`, in whole seconds, at most 60. Default 30.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Sets the limits on untrusted input.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock. Default: the clock of the system.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Sets the realm of each challenge (RFC 9110 section 11.5). Default: the resource, or the first audience of the first issuer.
    pub fn realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.to_owned());
        self
    }

    /// Protects a resource, whose metadata (RFC 9728) is published: challenges name its URL, and
    /// [`AuthorizeLayer::with_metadata`](crate::AuthorizeLayer::with_metadata) answers there. It is the audience of each issuer that
    /// names none.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Sets the URL of the protected resource metadata (RFC 9728) that another server publishes. Challenges name it. For a
    /// [`resource`](Self::resource) there is no need of it.
    pub fn resource_metadata(mut self, url: &str) -> Self {
        self.resource_metadata = Some(url.to_owned());
        self
    }

    /// Every reason why [`build`](Self::build) fails; none if it succeeds.
    pub fn check(&self) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        if self.issuers.is_empty() {
            errors.push(ConfigError::NoIssuer);
        }
        if self.policy.is_none() {
            errors.push(ConfigError::NoPolicy);
        }
        if let Some(leeway) = self.leeway
            && leeway > MAX_LEEWAY
        {
            errors.push(ConfigError::Leeway(leeway.as_secs()));
        }
        if let Some(url) = &self.resource_metadata
            && url::Url::parse(url).is_err()
        {
            let (url, reason) = (url.clone(), "it is not an absolute URL");
            errors.push(ConfigError::Url { url, reason });
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            let mut earlier = self.issuers[..index].iter();
            if earlier.any(|earlier| earlier.issuer == issuer.issuer) {
                errors.push(ConfigError::DuplicateIssuer(issuer.issuer.to_string()));
            }
            if issuer.audiences.is_empty() && self.resource.is_none() {
                errors.push(ConfigError::NoAudience(issuer.issuer.to_string()));
            }
            errors.extend(issuer.check_tenant().err());
            if let Some(policy) = &self.policy {
                errors.extend(history_conflicts(issuer, policy));
            }
        }
        if let (Some(_), Some(policy)) = (&self.resource, &self.policy) {
            errors.extend(metadata_route(policy));
        }
        errors
    }

    /// Builds the authorizer. Pure: no task is spawned, nothing is fetched, no runtime is needed.
    ///
    /// # Errors
    /// The first of [`check`](Self::check).
    pub fn build(self) -> Result<Authorizer, ConfigError> {
        if let Some(error) = self.check().into_iter().next() {
            return Err(error);
        }
        let policy = self.policy.ok_or(ConfigError::NoPolicy)?;
        let identifier = self.resource.as_ref().map(Resource::identifier);
        let issuers = self.issuers.into_iter().map(|mut issuer| {
            if issuer.audiences.is_empty() {
                issuer.audiences.extend(identifier.map(Box::from));
            }
            Trust {
                keys: Keys::idle(&issuer.issuer, &issuer.keys, &issuer.refresh_policy),
                issuer: Arc::new(issuer),
            }
        });
        let issuers: Vec<Trust> = issuers.collect();
        let audience = issuers.first().and_then(|trust| trust.issuer.audiences.first());
        let realm = self.realm.map(String::into_boxed_str);
        let realm = realm
            .or(identifier.map(Box::from))
            .or(audience.cloned())
            .unwrap_or_default();
        let protected = match &self.resource {
            Some(resource) => {
                let issuers = issuers.iter().map(|trust| &*trust.issuer);
                Protected::published(realm, resource, issuers, &policy)
            }
            None => Protected::unnamed(realm, self.resource_metadata.map(Into::into)),
        };
        Ok(Authorizer {
            inner: Arc::new(Inner {
                policy,
                leeway: self.leeway.map_or(30, |leeway| leeway.as_secs()),
                cache: Arc::new(TokenCache::new(self.limits.cache_bytes)),
                limits: self.limits,
                clock: self.clock,
                resource: self.resource,
                protected: Arc::new(protected),
                issuers,
            }),
        })
    }
}

/// A route for the metadata that is published here: the policy does not decide on it.
fn metadata_route(policy: &Policy) -> Option<ConfigError> {
    let (route, line, column) = policy.route_below(WELL_KNOWN)?;
    Some(ConfigError::MetadataRoute {
        route: route.to_owned(),
        line,
        column,
        help: "remove the route",
    })
}

/// The rules on prior actors that the chain of `issuer` cannot support (RFC 8693 section 4.1 guarantees nothing of it).
fn history_conflicts<'p>(issuer: &'p TrustedIssuer, policy: &'p Policy) -> impl Iterator<Item = ConfigError> + 'p {
    policy.history_needs().filter_map(|need| {
        let (reason, help) = if issuer.prior_actors != PriorActors::Enforce {
            (
                "its prior actors are not enforced",
                "set `prior_actors: enforce` on the issuer, or remove the rule",
            )
        } else if issuer.completeness() != ChainCompleteness::Complete && need.truncation == Truncation::Refused {
            (
                "its chain is not complete, so that a dropped actor evades the rule",
                "set `chain_completeness: complete` if the issuer keeps every actor, or write `accept_truncation: true` beside the rule",
            )
        } else {
            return None;
        };
        Some(ConfigError::HistoryRule {
            rule: need.rule.to_owned(),
            line: need.line,
            column: need.column,
            issuer: issuer.issuer.to_string(),
            reason,
            help,
        })
    })
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
    fn a_swapped_policy_keeps_keys_and_cached_tokens() {
        let issuer = TestIssuer::new().unwrap();
        let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(policy("routes: [{ match: GET / }]"));
        let first = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
        let second = first
            .with_policy(policy("routes: [{ match: GET /, scopes: [admin] }]"))
            .unwrap();
        let token = issuer.token(json!({})).unwrap();
        let outcome = |authorizer: &Authorizer| {
            let (uri, headers) = (Uri::from_static("/"), HeaderMap::new());
            let target = Target::new(&Method::GET, &uri).unwrap();
            let _ = &headers;
            let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
            explanation.decision().error().map(Error::code)
        };
        assert_eq!(outcome(&first), None);
        assert!(second.inner.cache.get(&token).is_some());
        assert_eq!(outcome(&second), Some("insufficient_scope"));
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
    fn a_policy_that_the_chain_cannot_support_is_not_swapped_in() {
        let issuer = TestIssuer::new().unwrap();
        let outer = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let outer = outer.chain_completeness(ChainCompleteness::OuterOnly);
        let builder = Authorizer::builder().issuer(outer);
        let authorizer = builder.policy(policy("routes: [{ match: GET / }]")).build().unwrap();
        let deep = policy("routes: [{ match: GET /, chain: { max_depth: 1 } }]");
        assert!(matches!(
            authorizer.with_policy(deep),
            Err(ConfigError::HistoryRule { .. })
        ));
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

    fn open() -> Policy {
        Policy::from_yaml("routes: [{ match: GET / }]").unwrap()
    }

    fn trusted() -> TrustedIssuer {
        TestIssuer::new().unwrap().trusted(TestIssuer::AUDIENCE).unwrap()
    }

    #[test]
    fn rules_on_prior_actors_need_a_chain_that_supports_them() {
        let build = |completeness, prior_actors, rule: &str| {
            let policy = Policy::from_yaml(&format!("routes: [{{ match: GET /, chain: {rule} }}]")).unwrap();
            let issuer = trusted().chain_completeness(completeness).prior_actors(prior_actors);
            Authorizer::builder().issuer(issuer).policy(policy).build()
        };
        let rule = "{ max_depth: 1 }";
        assert!(build(ChainCompleteness::Complete, PriorActors::Enforce, rule).is_ok());
        for completeness in [
            ChainCompleteness::ActorTokenOnly,
            ChainCompleteness::OuterOnly,
            ChainCompleteness::None,
        ] {
            assert!(matches!(
                build(completeness, PriorActors::Enforce, rule),
                Err(ConfigError::HistoryRule { line: 1, .. })
            ));
            let accepting = "{ max_depth: 1, accept_truncation: true }";
            assert!(build(completeness, PriorActors::Enforce, accepting).is_ok());
        }
        for prior_actors in [PriorActors::Ignore, PriorActors::Audit] {
            assert!(build(ChainCompleteness::Complete, prior_actors, rule).is_err());
        }
    }

    #[test]
    fn the_realm_is_the_first_audience_or_as_it_is_set() {
        let challenge = |builder: AuthorizerBuilder| {
            let authorizer = builder.issuer(trusted()).policy(open()).build().unwrap();
            let challenge = authorizer.challenge(&Error::MissingToken);
            challenge.www_authenticate().unwrap().to_str().unwrap().to_owned()
        };
        let audience = format!("Bearer realm=\"{}\"", TestIssuer::AUDIENCE);
        assert_eq!(challenge(Authorizer::builder()), audience);
        assert_eq!(
            challenge(Authorizer::builder().realm("orders")),
            "Bearer realm=\"orders\""
        );
    }

    #[test]
    fn every_mistake_is_reported() {
        let none = Authorizer::builder();
        assert_eq!(none.check(), [ConfigError::NoIssuer, ConfigError::NoPolicy]);
        assert_eq!(none.build().err(), Some(ConfigError::NoIssuer));
        let builder = || Authorizer::builder().policy(open());
        let twice = builder().issuer(trusted()).issuer(trusted());
        assert!(matches!(twice.build(), Err(ConfigError::DuplicateIssuer(_))));
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        assert!(matches!(
            builder().issuer(issuer).build(),
            Err(ConfigError::NoAudience(_))
        ));
        let leeway = |seconds| builder().issuer(trusted()).leeway(Duration::from_secs(seconds));
        assert!(leeway(60).build().is_ok());
        assert_eq!(leeway(61).build().err(), Some(ConfigError::Leeway(61)));
        let metadata = builder().issuer(trusted()).resource_metadata("nowhere");
        assert!(matches!(metadata.build(), Err(ConfigError::Url { .. })));
    }
}
