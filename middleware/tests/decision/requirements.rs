//! Requirements that layers authorize by, and what is counted and logged of decisions.

use std::convert::Infallible;

use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, ConfigError};
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::{builder, policy};

/// The status of a request under a requirement.
async fn required(authorizer: &Authorizer, name: &str, path: &str, token: &str) -> u16 {
    let layer = AuthorizeLayer::for_requirement(authorizer, name).unwrap();
    let service = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).unwrap();
    layer.layer(service).oneshot(request).await.unwrap().status().as_u16()
}

const REQUIREMENTS: &str = "
requirements:
  people: { initiator: { kind: human } }
  admins: { scopes: [admin] }
routes: [{ match: GET /admin, require: [admins] }]
";

#[tokio::test]
async fn a_requirement_of_a_layer_is_counted_once_it_is_not_met() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, REQUIREMENTS).build().unwrap();
    let rules = || -> Vec<String> {
        let rules = authorizer.rules().into_iter();
        rules.map(|count| format!("{} {}", count.rule, count.unmet)).collect()
    };
    let rules_of_route = ["GET /admin: admins.scopes 0", "GET /admin: self_actor 0"];
    assert_eq!(rules(), rules_of_route);
    let human = issuer.token(json!({ "sub_profile": "user" })).unwrap();
    let agent = issuer.token(json!({ "sub_profile": "ai_agent" })).unwrap();
    assert_eq!(required(&authorizer, "people", "/", &human).await, 200);
    assert_eq!(rules(), rules_of_route);
    assert_eq!(required(&authorizer, "people", "/", &agent).await, 403);
    assert_eq!(
        rules(),
        [
            "GET /admin: admins.scopes 0",
            "GET /admin: self_actor 0",
            "people: initiator.kind 1"
        ]
    );
}

#[tokio::test]
async fn a_requirement_accepts_no_escaped_slash() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, REQUIREMENTS).build().unwrap();
    let human = issuer.token(json!({ "sub_profile": "user" })).unwrap();
    assert_eq!(required(&authorizer, "people", "/a/b", &human).await, 200);
    assert_eq!(required(&authorizer, "people", "/a%2Fb", &human).await, 400);
}

#[test]
fn a_policy_keeps_the_requirements_of_layers() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, REQUIREMENTS).build().unwrap();
    let unknown = |result: Result<(), ConfigError>| match result {
        Err(ConfigError::UnknownRequirement(name)) => name,
        other => panic!("{other:?}"),
    };
    let layer = |name: &str| AuthorizeLayer::for_requirement(&authorizer, name).map(drop);
    assert_eq!(unknown(layer("unknown")), "unknown");
    layer("people").unwrap();
    layer("admins").unwrap();
    layer("people").unwrap();
    authorizer.replace_policy(policy(REQUIREMENTS)).unwrap();
    for (kept, lost) in [("people", "admins"), ("admins", "people")] {
        let text =
            format!("requirements: {{ {kept}: {{ scopes: [a] }} }}\nroutes: [{{ match: GET /, require: [{kept}] }}]");
        assert_eq!(unknown(authorizer.replace_policy(policy(&text))), lost);
    }
}

/// Counts the warnings of the library.
struct Warnings(std::sync::atomic::AtomicUsize);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn evidence_that_contradicts_itself_is_logged_once_a_minute() {
    let issuer = TestIssuer::new().unwrap();
    let kinds = actgate::profile::Kinds::from_yaml("service: [{ claims: { machine: yes } }]").unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap().kinds(kinds);
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy("routes: [{ match: GET / }]"));
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let warnings = std::sync::Arc::new(Warnings(std::sync::atomic::AtomicUsize::new(0)));
    let _default = tracing::subscriber::set_default(std::sync::Arc::clone(&warnings));
    let mut counts = Vec::new();
    for machine in ["no", "yes", "yes"] {
        let token = issuer
            .token(json!({ "sub_profile": "user", "machine": machine }))
            .unwrap();
        let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, field)]);
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::GET, &uri).unwrap();
        authorizer.decide(&target, &headers).await;
        counts.push(warnings.0.load(std::sync::atomic::Ordering::Relaxed));
    }
    assert_eq!(counts, [0, 1, 1]);
}
