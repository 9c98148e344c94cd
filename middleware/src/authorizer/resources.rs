//! The resources of an authorizer: which of them a request is for.

use std::cmp::Reverse;
use std::sync::Arc;

use super::protected::Protected;
use crate::error::Error;
use crate::issuer::TrustedIssuer;
use crate::policy::Policy;
use crate::request::{PathForm, Presented};
use crate::resource::{Metadata, Resource};

/// What an authorizer protects.
#[derive(Clone, Debug)]
pub(super) enum Resources {
    /// One, which every request is for.
    One(Arc<Protected>),
    Placed(Arc<PlacedResources>),
}

/// Resources with a place each.
#[derive(Debug)]
pub(super) struct PlacedResources {
    /// The most specific first: those with hosts, and of these the longest path.
    resources: Vec<Arc<Protected>>,
    /// What challenges name for a request that is for none.
    elsewhere: Arc<Protected>,
    has_hosts: bool,
    has_paths: bool,
}

impl Resources {
    /// At least one resource, and no two that overlap.
    pub(super) fn new(
        resources: &[Resource],
        issuers: &[&TrustedIssuer],
        realm: Option<&str>,
        policy: &Policy,
    ) -> Resources {
        let protected = resources
            .iter()
            .map(|resource| Arc::new(Protected::of(resource, resources, issuers, realm, policy)));
        let mut protected: Vec<Arc<Protected>> = protected.collect();
        if let [only] = &protected[..]
            && !only.place.is_stated()
        {
            return Resources::One(Arc::clone(only));
        }
        protected.sort_by_key(|resource| Reverse(resource.place.specificity()));
        let places = || protected.iter().map(|resource| &resource.place);
        Resources::Placed(Arc::new(PlacedResources {
            elsewhere: Arc::new(Protected::unnamed(realm.unwrap_or_default().into(), None)),
            has_hosts: places().any(|place| place.has_hosts()),
            has_paths: places().any(|place| !place.path().is_empty()),
            resources: protected,
        }))
    }

    /// The resource that a request is for; [`None`] if it is for none.
    #[inline(always)]
    pub(super) fn of(&self, presented: &Presented<'_>, policy: &Policy) -> Result<Option<&Arc<Protected>>, Error> {
        match self {
            Resources::One(protected) => Ok(Some(protected)),
            Resources::Placed(placed) => placed.of(presented, policy),
        }
    }

    /// What challenges name for a request that is for no resource, or is denied before that is known.
    pub(super) fn elsewhere(&self) -> &Arc<Protected> {
        match self {
            Resources::One(protected) => protected,
            Resources::Placed(placed) => &placed.elsewhere,
        }
    }

    /// Whether the place of a request decides what it is for.
    pub(super) fn are_placed(&self) -> bool {
        matches!(self, Resources::Placed(_))
    }

    /// Whether the host of a request decides what it is for.
    pub(super) fn have_hosts(&self) -> bool {
        matches!(self, Resources::Placed(placed) if placed.has_hosts)
    }

    /// The answer to a request for a path of metadata; [`None`] where none is published here.
    pub(super) fn metadata(&self, presented: &Presented<'_>) -> Option<Metadata> {
        let target = presented.target();
        let resources = match self {
            Resources::One(protected) => std::slice::from_ref(protected),
            Resources::Placed(placed) => &placed.resources[..],
        };
        if !resources.iter().any(|resource| resource.is_published()) {
            return None;
        }
        let host = match self {
            Resources::Placed(placed) if placed.has_hosts => presented.host().ok()?,
            _ => None,
        };
        let mut of_host = resources.iter().filter(|resource| resource.place.is_of_host(host));
        let found = of_host.find_map(|resource| resource.metadata(target.method(), target.path()));
        Some(found.unwrap_or_else(|| Metadata::answer(target.method(), None)))
    }
}

impl PlacedResources {
    fn of(&self, presented: &Presented<'_>, policy: &Policy) -> Result<Option<&Arc<Protected>>, Error> {
        let host = match self.has_hosts {
            true => presented.host()?,
            false => None,
        };
        let position = |path: Option<&PathForm<'_>>| {
            let is_in = |resource: &Arc<Protected>| {
                resource.place.is_of_host(host) && path.is_none_or(|path| resource.place.is_of_path(path))
            };
            self.resources.iter().position(is_in)
        };
        let found = match self.has_paths {
            true => {
                let prefixes = self.resources.iter().filter_map(|resource| resource.place.prefix());
                policy.choose_by_path(presented.target(), prefixes, |path| position(Some(path)))?
            }
            false => position(None),
        };
        Ok(found.and_then(|found| self.resources.get(found)))
    }
}

#[cfg(test)]
mod tests {
    use http::header::{AUTHORIZATION, HOST};
    use http::{HeaderMap, HeaderValue, Method, Uri};
    use serde_json::{Value, json};

    use crate::clock::FixedClock;
    use crate::error::ConfigError;
    use crate::request::{Presented, Target};
    use crate::testing::TestIssuer;
    use crate::{Authorizer, AuthorizerBuilder, Decision, Policy, Resource, TrustedIssuer};

    const ORDERS: &str = "https://api.example/orders";
    const BILLING: &str = "https://api.example/billing";
    const ADMIN: &str = "https://admin.example";

    const POLICY: &str = "routes:
  - { match: '* /orders/{*rest}', scopes: [orders] }
  - { match: 'GET /billing/{id}', scopes: { any_of: [billing, invoices] } }
  - { match: 'GET /{tenant}/x', scopes: [tenant] }
  - { match: 'GET /health', public: true }
  - { match: '* /{tenant}' }
";

    struct Bench {
        issuer: TestIssuer,
        authorizer: Authorizer,
    }

    fn without_audience(issuer: &TestIssuer) -> TrustedIssuer {
        let trusted = TrustedIssuer::discover(TestIssuer::ISSUER).unwrap();
        trusted.key_set(issuer.jwks().as_bytes()).unwrap()
    }

    fn bench(policy: &str, resources: Vec<Resource>) -> Bench {
        let issuer = TestIssuer::new().unwrap();
        let builder = Authorizer::builder().issuer(without_audience(&issuer));
        let builder = builder
            .policy(Policy::from_yaml(policy).unwrap())
            .clock(FixedClock::at(TestIssuer::NOW));
        let authorizer = resources
            .into_iter()
            .fold(builder, AuthorizerBuilder::resource)
            .build()
            .unwrap();
        Bench { issuer, authorizer }
    }

    fn three() -> Vec<Resource> {
        vec![
            Resource::new(ORDERS).unwrap().path("/orders").unwrap(),
            Resource::new(BILLING)
                .unwrap()
                .path("/billing")
                .unwrap()
                .audience("billing")
                .unwrap(),
            Resource::new(ADMIN).unwrap().host("admin.example").unwrap(),
        ]
    }

    impl Bench {
        fn decide(&self, uri: &str, host: &str, token: Option<&str>) -> Decision {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]);
            if let Some(token) = token {
                headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
            }
            let uri: Uri = uri.parse().unwrap();
            let target = Target::new(&Method::GET, &uri).unwrap();
            self.authorizer
                .enforce(self.authorizer.in_force(), None, &Presented::headers(&target, &headers))
                .into_decision()
        }

        fn status(&self, uri: &str, host: &str, token: &str) -> u16 {
            let decision = self.decide(uri, host, Some(token));
            decision.error().map_or(200, |error| error.status().as_u16())
        }

        fn token(&self, audience: &str) -> String {
            let claims = json!({"aud": audience, "scope": "orders billing tenant"});
            self.issuer.token(claims).unwrap()
        }

        fn document(&self, path: &str, host: &'static str) -> Option<Value> {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            let uri: Uri = format!("/.well-known/oauth-protected-resource{path}").parse().unwrap();
            let target = Target::new(&Method::GET, &uri).unwrap();
            let response = self.authorizer.metadata(&target, &headers)?.response(|body| body);
            serde_json::from_slice(response.body()).ok()
        }
    }

    #[test]
    fn a_token_is_for_the_resource_of_its_request_fresh_and_cached() {
        let bench = bench(POLICY, three());
        let [orders, billing, admin] = [ORDERS, "billing", ADMIN].map(|audience| bench.token(audience));
        // The second round is that of cached tokens.
        for _ in 0..2 {
            for (uri, host, expected) in [
                ("/orders/1", "api.example", [200, 401, 401]),
                ("/billing/1", "api.example", [401, 200, 401]),
                ("/orders/1", "admin.example", [401, 401, 200]),
                ("/billing/1", "ADMIN.example.:8443", [401, 401, 200]),
                ("/ordersx", "api.example", [401, 401, 401]),
                ("/other", "api.example", [401, 401, 401]),
                ("/Orders/1", "api.example", [400, 400, 400]),
                ("/orders./1", "api.example", [400, 400, 400]),
                ("/billing", "api.example", [401, 200, 401]),
                ("/billing/", "api.example", [401, 403, 401]),
                ("/orders/1", "admin.example@x", [400, 400, 400]),
                ("https://admin.example/orders/1", "api.example", [400, 400, 400]),
                ("https://admin.example/orders/1", "admin.example", [401, 401, 200]),
            ] {
                let got = [&orders, &billing, &admin].map(|token| bench.status(uri, host, token));
                assert_eq!(got, expected, "{uri} at {host}");
            }
        }
        let public = bench.decide("/health", "other.example", None);
        assert!(public.outcome().is_ok());
    }

    #[test]
    fn the_most_specific_resource_applies() {
        let resource = |identifier: &str, path: &str| Resource::new(identifier).unwrap().path(path).unwrap();
        let bench = bench(
            "routes: [{ match: '* /{*rest}' }, { match: GET / }]",
            vec![
                resource("https://a.example", "/"),
                resource("https://a.example/x", "/x"),
                resource("https://a.example/x/y", "/x/y"),
                resource("https://b.example/x", "/x").host("b.example").unwrap(),
            ],
        );
        for (uri, host, audience) in [
            ("/", "a.example", "https://a.example"),
            ("/z", "a.example", "https://a.example"),
            ("/x", "a.example", "https://a.example/x"),
            ("/x/z", "a.example", "https://a.example/x"),
            ("/x/y/z", "a.example", "https://a.example/x/y"),
            ("/x/y/z", "b.example", "https://b.example/x"),
            ("/y", "b.example", "https://a.example"),
        ] {
            assert_eq!(bench.status(uri, host, &bench.token(audience)), 200, "{uri} at {host}");
        }
    }

    #[test]
    fn challenges_name_the_resource_of_the_request() {
        let bench = bench(POLICY, three());
        let challenge = |uri, host| {
            let decision = bench.decide(uri, host, None);
            let challenge = bench.authorizer.challenge_to(&decision).unwrap();
            challenge.www_authenticate().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(
            challenge("/billing/1", "api.example"),
            "Bearer realm=\"https://api.example/billing\", scope=\"billing invoices\", \
             resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/billing\""
        );
        assert_eq!(
            challenge("/other", "admin.example"),
            "Bearer realm=\"https://admin.example\", resource_metadata=\"https://admin.example/.well-known/oauth-protected-resource\""
        );
        assert_eq!(challenge("/other", "api.example"), "Bearer");
    }

    #[test]
    fn each_resource_has_its_document_with_the_scopes_of_its_routes() {
        let bench = bench(POLICY, three());
        for (path, host, expected) in [
            ("/orders", "api.example", json!([ORDERS, ["orders", "tenant"]])),
            (
                "/billing",
                "other.example",
                json!([BILLING, ["billing", "invoices", "tenant"]]),
            ),
            (
                "",
                "admin.example",
                json!([ADMIN, ["orders", "billing", "invoices", "tenant"]]),
            ),
            ("", "api.example", Value::Null),
            ("/other", "api.example", Value::Null),
        ] {
            let document = bench.document(path, host);
            let got = document.map_or(Value::Null, |document| {
                json!([document["resource"], document["scopes_supported"]])
            });
            assert_eq!(got, expected, "{path} at {host}");
        }
        let root = Resource::new("https://api.example").unwrap().path("/").unwrap();
        let mut resources = three();
        resources.push(root);
        let bench = super::tests::bench(POLICY, resources);
        let document = bench.document("", "api.example").unwrap();
        assert_eq!(
            document["scopes_supported"],
            json!(["tenant"]),
            "the rest are of other resources"
        );
    }

    #[test]
    fn an_issuer_has_its_own_audiences_at_a_single_resource_or_those_that_the_resource_names() {
        let issuer = TestIssuer::new().unwrap();
        let single = Resource::new(ORDERS).unwrap();
        let builder = || Authorizer::builder().policy(Policy::from_yaml("routes: [{ match: GET / }]").unwrap());
        let named = |audience| without_audience(&issuer).audience(audience).unwrap();
        let accepts = |builder: AuthorizerBuilder, audience: &str| {
            let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
            let (uri, token) = (Uri::from_static("/"), issuer.token(json!({"aud": audience})).unwrap());
            let target = Target::new(&Method::GET, &uri).unwrap();
            authorizer
                .explain(&Presented::token(&target, &token), TestIssuer::NOW)
                .decision()
                .outcome()
                .is_ok()
        };
        let own = || builder().issuer(named("own")).resource(single.clone());
        assert!(accepts(own(), "own") && !accepts(own(), ORDERS));
        let of_resource = |named: &str| {
            let resource = single
                .clone()
                .audience_of(named, "api://1")
                .unwrap()
                .audience_of(named, "1")
                .unwrap();
            builder().issuer(without_audience(&issuer)).resource(resource)
        };
        for audience in ["api://1", "1"] {
            assert!(accepts(of_resource(TestIssuer::ISSUER), audience));
        }
        let unknown = of_resource("https://issuer.tset").build().err();
        assert_eq!(
            unknown.map(|error| error.to_string()).as_deref(),
            Some(
                "the resource `https://api.example/orders` has audiences for the tokens of `https://issuer.tset`, which is not trusted; \
                 did you mean `https://issuer.test`?"
            )
        );
        let both = of_resource(TestIssuer::ISSUER);
        let both = both.issuer(named("own"));
        assert!(
            both.check()
                .contains(&ConfigError::AudienceOfIssuer(TestIssuer::ISSUER.to_owned()))
        );
        assert!(!accepts(of_resource(TestIssuer::ISSUER), ORDERS));
        let two = builder().issuer(named("own")).resource(single.path("/orders").unwrap());
        let two = two.resource(Resource::new(BILLING).unwrap().path("/billing").unwrap());
        assert_eq!(
            two.build().err(),
            Some(ConfigError::AudienceOfIssuer(TestIssuer::ISSUER.to_owned()))
        );
    }

    #[test]
    fn an_explanation_names_the_resource() {
        let bench = bench(POLICY, three());
        let explain = |path: &'static str, host| {
            let uri = Uri::from_static(path);
            let target = Target::new(&Method::GET, &uri).unwrap().with_origin("http", host);
            let token = bench.token(ORDERS);
            let explanation = bench
                .authorizer
                .explain(&Presented::token(&target, &token), TestIssuer::NOW);
            let checks = explanation
                .checks()
                .iter()
                .filter(|check| ["resource", "audience"].contains(&&*check.rule));
            let checks: Vec<String> = checks
                .map(|check| format!("{}: {}", check.expected, check.got))
                .collect();
            checks.join("\n")
        };
        assert_eq!(
            explain("/orders/1", "api.example"),
            format!("a resource of the host and the path: {ORDERS}\nfor {ORDERS}: {ORDERS}")
        );
        assert_eq!(
            explain("/other", "api.example"),
            format!(
                "a resource of the host and the path: none at this host and path\nfor no resource at this host and path: {ORDERS}"
            )
        );
    }
}
