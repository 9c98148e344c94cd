//! The parts of an [`Authorizer`], and every reason why they cannot be one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::conflicts::{
    Bodies, audience_conflicts, body_conflict, has_opaque, header_conflicts, history_conflicts, opaque_conflict,
    resource_conflicts,
};
use super::counter::Counter;
use super::origins::origins;
use super::protected::Protected;
use super::resources::Resources;
use super::rule_counts::RuleCounts;
use super::{Authorizer, Current, InForce, Inner, Trust};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::issuer::TrustedIssuer;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::policy::{Policy, PolicyWarnings, Provable};
use crate::quota::CountRequests;
use crate::resource::Resource;
use crate::token::TokenCache;
use crate::token::introspection::Introspector;
use crate::token::revocation::Revocations;

const MAX_LEEWAY: Duration = Duration::from_secs(60);

impl Authorizer {
    /// Collects the issuers, the policy and the settings.
    pub fn builder() -> AuthorizerBuilder {
        AuthorizerBuilder::default()
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
    resources: Vec<Resource>,
    bodies: Bodies,
    lacks_certificates: bool,
    revocations: Option<Arc<Revocations>>,
    counter: Counter,
}

impl AuthorizerBuilder {
    /// Trusts one more issuer.
    pub fn issuer(mut self, issuer: TrustedIssuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Rejects the tokens in this list. [`Authorizer::replace_revocations`] replaces it.
    pub fn revocations(mut self, revocations: impl Into<Arc<Revocations>>) -> Self {
        self.revocations = Some(revocations.into());
        self
    }

    /// Counts the requests of parties, for the limits of the policy, by `counter`: the replicas of a fleet count together. Default: each
    /// authorizer counts in its memory.
    pub fn count_by(mut self, counter: impl CountRequests) -> Self {
        self.counter = Counter::Shared(Arc::new(counter));
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
    /// names none of its own.
    ///
    /// With several resources each has a place ([`Resource::host`], [`Resource::path`]). A request is for the most specific
    /// one: those with hosts come before those without, then the longest path. Only a token for that resource is accepted; a
    /// request for none is denied like one with a token for another API. Issuers then have no audiences of their own.
    ///
    /// ```
    /// # use actgate::{Authorizer, Policy, Resource, keys::KeySource, TrustedIssuer};
    /// # let policy = Policy::from_yaml("routes: [{ match: '* /{*rest}' }]")?;
    /// let authorizer = Authorizer::builder()
    ///     .issuer(TrustedIssuer::discover("https://idp.example.com")?)
    ///     .resource(Resource::new("https://api.example.com/orders")?.path("/orders")?)
    ///     .resource(Resource::new("https://api.example.com/billing")?.path("/billing")?)
    ///     .policy(policy)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resources.push(resource);
        self
    }

    /// Sets the URL of the protected resource metadata (RFC 9728) that another server publishes. Challenges name it. A
    /// [`resource`](Self::resource) names its own.
    pub fn resource_metadata(mut self, url: &str) -> Self {
        self.resource_metadata = Some(url.to_owned());
        self
    }

    /// States that the bodies of requests are passed, where a rule of the policy reads them: by
    /// [`AuthorizeLayer::with_bodies`](crate::AuthorizeLayer::with_bodies), or by [`Presented::body`](crate::request::Presented::body).
    /// Without it a policy with such a rule is an error, because each of its requests would be denied.
    pub fn reads_bodies(mut self) -> Self {
        self.bodies = Bodies::Passed;
        self
    }

    /// States that no request has the certificate of its client ([`Presented`](crate::request::Presented)). A rule
    /// `token: { sender_constrained: true }` is then a [warning](Self::warnings): no token meets it.
    pub fn without_client_certificates(mut self) -> Self {
        self.lacks_certificates = true;
        self
    }

    /// The rules of the policy that no token of the issuers can meet: a kind that no profile proves, an actor where no issuer
    /// writes one. Each is certain by what the profiles state, and is no error: the routes deny every request.
    ///
    /// What the claims of a token contain, beyond that, is NOT known here. The other warnings are [`Policy::warnings`].
    ///
    /// ```
    /// use actgate::{Authorizer, Policy, TrustedIssuer};
    ///
    /// let policy = Policy::from_yaml("routes: [{ match: POST /refunds, initiator: { kind: human } }]")?;
    /// let issuer = TrustedIssuer::discover("https://cluster.example")?.profile("kubernetes".parse()?);
    /// let warnings = Authorizer::builder().issuer(issuer).policy(policy).warnings();
    /// assert_eq!(warnings.iter().next().and_then(|warning| warning.code()), Some("unprovable_rule"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn warnings(&self) -> PolicyWarnings {
        let Some(policy) = &self.policy else {
            return PolicyWarnings::default();
        };
        let issuers = self.issuers.iter().map(|issuer| Provable {
            identifier: issuer.identifier(),
            profile: &issuer.profile,
            kinds: &issuer.kinds,
            has_agent_clients: !issuer.agent_clients.is_empty(),
            completeness: issuer.completeness(),
            audiences: self.audiences_of(issuer),
            has_proofs: !self.lacks_certificates,
        });
        PolicyWarnings::new(policy.unprovable(&issuers.collect::<Vec<_>>()))
    }

    /// The audiences that tokens of an issuer are accepted with, by one resource or another.
    fn audiences_of<'s>(&'s self, issuer: &'s TrustedIssuer) -> Vec<&'s str> {
        let own = issuer.audiences.iter().map(|audience| &**audience);
        let of_resources = self.resources.iter().flat_map(|resource| {
            let of_issuer = resource.audiences_of.iter();
            let of_issuer = of_issuer.filter(|(named, _)| **named == *issuer.issuer);
            let of_issuer = of_issuer.map(|(_, audience)| &**audience);
            let shared = resource.audiences.iter().map(|audience| &**audience);
            shared.chain(of_issuer).chain([resource.identifier()])
        });
        own.chain(of_resources).collect()
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
        if let (Some(url), [_, ..]) = (&self.resource_metadata, &self.resources[..]) {
            errors.push(ConfigError::MetadataAddress {
                url: url.clone(),
                help: "name it by `Resource::metadata_at`",
            });
        }
        for (index, issuer) in self.issuers.iter().enumerate() {
            let mut earlier = self.issuers[..index].iter();
            if earlier.any(|earlier| earlier.issuer == issuer.issuer) {
                errors.push(ConfigError::DuplicateIssuer(issuer.issuer.to_string()));
            }
            if issuer.audiences.is_empty() && self.resources.is_empty() {
                errors.push(ConfigError::NoAudience(issuer.issuer.to_string()));
            }
            errors.extend(issuer.check_tenant().err());
            if let Some(policy) = &self.policy {
                errors.extend(history_conflicts(issuer, policy));
            }
        }
        errors.extend(audience_conflicts(&self.issuers, &self.resources));
        errors.extend(header_conflicts(&self.issuers));
        errors.extend(opaque_conflict(&self.issuers));
        if let Some(policy) = &self.policy {
            errors.extend(resource_conflicts(&self.resources, policy));
            errors.extend(body_conflict(self.bodies, policy));
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
        let issuers = self.issuers.into_iter().map(|issuer| Trust {
            keys: Keys::idle(&issuer.issuer, &issuer.keys, &issuer.refresh_policy),
            introspection: {
                let settings = issuer.introspection.as_ref();
                settings.map(|settings| Introspector::idle(&issuer.issuer, settings, &self.limits))
            },
            issuer: Arc::new(issuer),
            kind_warning: Arc::default(),
        });
        let issuers: Vec<Trust> = issuers.collect();
        let trusted: Vec<&TrustedIssuer> = issuers.iter().map(|trust| &*trust.issuer).collect();
        let realm = self.realm.map(String::into_boxed_str);
        let resources = if self.resources.is_empty() {
            let audience = trusted.first().and_then(|issuer| issuer.audiences.first());
            let realm = realm.as_ref().or(audience).cloned().unwrap_or_default();
            Resources::One(Arc::new(Protected::unnamed(
                realm,
                self.resource_metadata.map(Into::into),
            )))
        } else {
            Resources::new(&self.resources, &trusted, realm.as_deref(), &policy)
        };
        let audiences = issuers.iter().flat_map(|trust| &trust.issuer.audiences);
        let audiences = audiences.map(|audience| &**audience);
        let origins = origins(audiences.chain(self.resources.iter().map(Resource::identifier)));
        let mut carriers = Vec::new();
        for header in issuers.iter().filter_map(|trust| trust.issuer.header.as_ref()) {
            if !carriers.contains(header) {
                carriers.push(header.clone());
            }
        }
        Ok(Authorizer {
            inner: Arc::new(Inner {
                current: Arc::new(Current::new(InForce {
                    counts: RuleCounts::new(&policy, &RuleCounts::default()),
                    policy,
                    resources,
                })),
                leeway: self.leeway.map_or(30, |leeway| leeway.as_secs()),
                cache: Arc::new(TokenCache::new(self.limits.cache_bytes)),
                headers: Arc::default(),
                revocations: Arc::new(
                    self.revocations
                        .map(ArcSwap::new)
                        .map(OnceLock::from)
                        .unwrap_or_default(),
                ),
                limits: self.limits,
                clock: self.clock,
                specified: self.resources.into(),
                realm,
                origins,
                carriers: carriers.into(),
                bodies: self.bodies,
                counter: self.counter,
                opaque: issuers.iter().position(|trust| has_opaque(&trust.issuer)),
                issuers,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::profile::{ChainCompleteness, PriorActors};
    use crate::testing::TestIssuer;

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
            for harmless in ["{ any_of: [a] }", "{ via: [a] }", "{ prior: { any_of: [a] } }"] {
                assert!(
                    build(completeness, PriorActors::Enforce, harmless).is_ok(),
                    "{harmless}"
                );
                assert!(build(completeness, PriorActors::Audit, harmless).is_err(), "{harmless}");
            }
        }
        for prior_actors in [PriorActors::Ignore, PriorActors::Audit] {
            assert!(build(ChainCompleteness::Complete, prior_actors, rule).is_err());
        }
        // What helps all rules is said once; what each of them needs is said of each.
        let policy = "routes: [{ match: GET /, chain: { max_depth: 1 } }, { match: GET /a, chain: { max_depth: 2 } }]";
        for (prior_actors, count) in [(PriorActors::Audit, 1), (PriorActors::Enforce, 2)] {
            let issuer = trusted().chain_completeness(ChainCompleteness::OuterOnly);
            let builder = Authorizer::builder().issuer(issuer.prior_actors(prior_actors));
            let errors = builder.policy(Policy::from_yaml(policy).unwrap()).check();
            assert_eq!(errors.len(), count, "{errors:?}");
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
        let with_header = |issuer: &str, header| {
            let issuer = TrustedIssuer::discover(issuer).unwrap().audience("a").unwrap();
            issuer.header(http::HeaderName::from_static(header)).unwrap()
        };
        let headers = |first, second| {
            let builder = builder().issuer(with_header("https://a.example", first));
            builder.issuer(with_header("https://b.example", second)).check()
        };
        assert_eq!(headers("x-a-b", "x-a-b"), []);
        assert_eq!(headers("x-a-b", "x-ab"), []);
        assert!(matches!(
            &headers("x-a-b", "x_a.b")[..],
            [ConfigError::HeaderSpelling { header, other, .. }] if header == "x_a.b" && other == "x-a-b"
        ));
        let metadata = builder().issuer(trusted()).resource_metadata("nowhere");
        assert!(matches!(metadata.build(), Err(ConfigError::Url { .. })));
        let both = builder().issuer(trusted()).resource_metadata("https://docs.example");
        let both = both.resource(Resource::new("https://api.example").unwrap());
        let error = both.build().err().map(|error| error.to_string());
        let expected =
            "the address of metadata `https://docs.example` is not of a resource; name it by `Resource::metadata_at`";
        assert_eq!(error.as_deref(), Some(expected));
    }
}
