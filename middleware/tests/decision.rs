//! What an authorizer decides and explains, by the public interface of the library.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a request that cannot be made fails the test"
)]

use std::convert::Infallible;

use actgate::clock::FixedClock;
use actgate::policy::Check;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, AuthorizerBuilder, ConfigError, Error, Explanation, Policy, Resource};
use axum::body::Body;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn policy(text: &str) -> Policy {
    Policy::from_yaml(text).unwrap()
}

/// A builder that trusts `issuer`, at a fixed time.
fn builder(issuer: &TestIssuer, text: &str) -> AuthorizerBuilder {
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    builder.policy(policy(text)).clock(FixedClock::at(TestIssuer::NOW))
}

fn explain(authorizer: &Authorizer, request: &str, token: &str) -> Explanation {
    let (method, uri) = request.split_once(' ').unwrap();
    let (method, uri) = (method.parse::<Method>().unwrap(), uri.parse::<Uri>().unwrap());
    let target = Target::with_escaped_slashes(&method, &uri).unwrap();
    authorizer.explain(&Presented::token(&target, token), TestIssuer::NOW)
}

fn check<'e>(explanation: &'e Explanation, rule: &str) -> &'e Check {
    let mut checks = explanation.checks().iter();
    checks
        .find(|check| check.rule == rule)
        .unwrap_or_else(|| panic!("no check `{rule}`"))
}

#[test]
fn each_check_names_what_it_reads() {
    let issuer = TestIssuer::new().unwrap();
    let resource = Resource::new("https://api.example.com/orders").unwrap();
    let text =
        "routes: [{ match: GET /orders, any_of: [{ initiator: { kind: human } }, { client: { one_of: [web] } }] }]";
    let authorizer = builder(&issuer, text)
        .resource(resource.path("/orders").unwrap())
        .build()
        .unwrap();
    let token = issuer
        .token(json!({ "client_id": "web", "sub_profile": "user" }))
        .unwrap();
    let explanation = explain(&authorizer, "GET /orders", &token);
    let sources = explanation.checks().iter().map(|check| {
        let source = check.source.as_deref().unwrap_or("none");
        format!("{} {source}", check.rule)
    });
    let sources: Vec<String> = sources.collect();
    let expected = [
        "route method and path",
        "resource host and path",
        "credential the header with the token",
        "form none",
        "issuer `iss`",
        "type `typ` of the header of the token",
        "key `kid` and `alg` of the header of the token",
        "signature none",
        "claims none",
        "audience `aud`",
        "time `exp` and `nbf`",
        "confirmation `cnf`",
        "GET /orders: self_actor none",
        "GET /orders: chain_inverted none",
        "GET /orders: any_of none",
    ];
    assert_eq!(sources, expected);
    let alternatives = explanation
        .checks()
        .iter()
        .flat_map(|check| &check.alternatives)
        .flatten();
    let of_alternatives: Vec<_> = alternatives.map(|check| check.source.as_deref()).collect();
    let of_facts = ["`sub_profile` is the entity profile `user`", "`client_id`"];
    assert_eq!(of_alternatives, of_facts.map(Some));
    assert_eq!(check(&explanation, "confirmation").got, "no bound key");
}

#[test]
fn a_token_that_was_verified_before_is_not_verified_again() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: GET / }]").build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let got = || check(&explain(&authorizer, "GET /", &token), "signature").got.clone();
    assert_eq!((got(), got()), ("valid".to_owned(), "verified before".to_owned()));
}

#[test]
fn a_cached_token_stays_until_it_expires() {
    let issuer = TestIssuer::new().unwrap();
    let resource = |name: &str| {
        let resource = Resource::new(&format!("https://api.example.com/{name}")).unwrap();
        let resource = resource.audience(&format!("https://{name}.example")).unwrap();
        resource.path(&format!("/{name}")).unwrap()
    };
    let text = "routes: [{ match: GET /a }, { match: GET /b }]";
    let trusted = actgate::TrustedIssuer::new(TestIssuer::ISSUER, issuer.key_set().unwrap()).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy(text));
    let authorizer = builder.resource(resource("a")).resource(resource("b")).build().unwrap();
    let token = issuer
        .token(json!({ "aud": "https://a.example", "exp": TestIssuer::NOW + 100 }))
        .unwrap();
    let at = |path: &str, now: u64| {
        let uri = path.parse::<Uri>().unwrap();
        let target = Target::new(&Method::GET, &uri).unwrap();
        let explanation = authorizer.explain(&Presented::token(&target, &token), now);
        let code = explanation.decision().error().map(Error::code);
        (code, check(&explanation, "signature").got.clone())
    };
    let (fresh, before) = ("valid".to_owned(), "verified before".to_owned());
    assert_eq!(at("/a", TestIssuer::NOW), (None, fresh.clone()));
    assert_eq!(at("/b", TestIssuer::NOW), (Some("invalid_claim"), before.clone()));
    assert_eq!(at("/a", TestIssuer::NOW), (None, before.clone()));
    assert_eq!(at("/a", TestIssuer::NOW + 200), (Some("invalid_claim"), before));
    assert_eq!(at("/a", TestIssuer::NOW), (None, fresh));
}

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

#[test]
fn a_rule_on_the_body_needs_a_program_that_passes_it() {
    let issuer = TestIssuer::new().unwrap();
    let text = "routes: [{ match: POST /, operation: { json: { /amount: { max: 5 } } } }]";
    let error = builder(&issuer, text).build().map(drop).unwrap_err();
    assert!(matches!(error, ConfigError::BodyRule { .. }), "{error}");
    assert!(builder(&issuer, text).reads_bodies().build().is_ok());
}

#[tokio::test]
async fn a_decision_that_waits_for_the_body_is_not_counted() {
    let issuer = TestIssuer::new().unwrap();
    let text = "routes: [{ match: POST /, operation: { json: { /amount: { max: 5 } } } }]";
    let authorizer = builder(&issuer, text).reads_bodies().build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let headers = HeaderMap::from_iter([
        (
            http::header::AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
        ),
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]);
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let unmet = || authorizer.rules().iter().map(|count| count.unmet).sum::<u64>();
    let presented = Presented::headers(&target, &headers);
    let decision = authorizer.decide_presented(&presented).await;
    assert_eq!((decision.body_limit(), unmet()), (Some(64 * 1024), 0));
    let decision = authorizer.decide_presented(&presented.body(br#"{"amount": 7}"#)).await;
    assert_eq!((decision.body_limit(), unmet()), (None, 1));
}

#[test]
fn a_decision_names_the_agent_that_acts() {
    let issuer = TestIssuer::new().unwrap();
    let text = "
agents:
  - { subject: bot, owner: team-a }
  - { subject: other, issuer: https://other.example }
routes: [{ match: GET / }]
";
    let authorizer = builder(&issuer, text).build().unwrap();
    let agent = |claims: Value| {
        let explanation = explain(&authorizer, "GET /", &issuer.token(claims).unwrap());
        let agent = explanation.decision().agent();
        agent.map(|agent| format!("{} of {:?} by {:?}", agent.subject(), agent.issuer(), agent.owner()))
    };
    let bot = Some(r#"bot of None by Some("team-a")"#.to_owned());
    assert_eq!(agent(json!({ "sub": "bot" })), bot);
    assert_eq!(agent(json!({ "sub": "alice", "act": { "sub": "bot" } })), bot);
    assert_eq!(agent(json!({ "sub": "alice" })), None);
    let other = json!({ "sub": "alice", "act": { "sub": "other", "iss": "https://other.example" } });
    let expected = r#"other of Some("https://other.example") by None"#;
    assert_eq!(agent(other).as_deref(), Some(expected));
}

#[test]
fn an_authorizer_answers_about_targets_identities_and_time() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: GET /a }, { match: GET /b, public: true }]")
        .leeway(std::time::Duration::from_secs(7))
        .build()
        .unwrap();
    for (path, expected) in [("/a", true), ("/b", true), ("/c", false), ("/A", false)] {
        let uri = path.parse::<Uri>().unwrap();
        assert_eq!(
            authorizer.has_route(&Target::new(&Method::GET, &uri).unwrap()),
            expected,
            "{path}"
        );
    }
    assert_eq!(authorizer.clock().now(), TestIssuer::NOW);
    let token = issuer.token(json!({ "exp": TestIssuer::NOW + 50 })).unwrap();
    let explanation = explain(&authorizer, "GET /a", &token);
    let identity = explanation.decision().identity().unwrap();
    assert_eq!(authorizer.accepted_until(identity), TestIssuer::NOW + 57);
}

#[test]
fn a_missed_route_is_explained_by_what_the_policy_has_instead() {
    let issuer = TestIssuer::new().unwrap();
    let text = "
routes:
  - { match: GET /orders }
  - { match: DELETE /orders, scopes: [delete] }
  - { match: GET /Admin, scopes: [admin] }
  - { match: 'GET /files/{name}', escaped_slash: pass }
  - { match: 'GET /files/{name}/raw', scopes: [raw] }
";
    let authorizer = builder(&issuer, text).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let other_spelling = "none: `GET /orders` has another spelling of this path";
    for (request, got) in [
        ("GET /none", "none"),
        ("GET /orders/", other_spelling),
        ("GET /ORDERS", other_spelling),
        (
            "GET /orders?_method=DELETE",
            "the request is ambiguous: the method in the query (`_method`) requires another access: that of `DELETE /orders`; \
             state `spelling: exact` if the API distinguishes the two",
        ),
        (
            "GET /files/a%2Fraw",
            "the request is ambiguous: the path contains an escaped separator: that of `GET /files/{name}/raw` if the API \
             decodes it",
        ),
        (
            "GET /orders%2F1",
            "the request is ambiguous: the path contains an escaped separator: state `escaped_slash: pass` on its route if \
             the API reads it as a part of a segment",
        ),
    ] {
        let explanation = explain(&authorizer, request, &token);
        assert_eq!(check(&explanation, "route").got, got, "{request}");
    }
}

#[test]
fn metadata_is_answered_where_it_is_published() {
    let issuer = TestIssuer::new().unwrap();
    let metadata = |resource: Resource, path: &'static str| {
        let builder = builder(&issuer, "routes: [{ match: GET /orders }]");
        let authorizer = builder.resource(resource).build().unwrap();
        let uri = Uri::from_static(path);
        let target = Target::new(&Method::GET, &uri).unwrap();
        authorizer
            .metadata(&target, &HeaderMap::new())
            .map(|metadata| metadata.status().as_u16())
    };
    let resource = || Resource::new("https://api.example.com").unwrap();
    assert_eq!(metadata(resource(), "/.well-known/oauth-protected-resource"), Some(200));
    assert_eq!(
        metadata(resource(), "/.well-known/oauth-protected-resource/x"),
        Some(404)
    );
    let elsewhere = resource().metadata_at("https://meta.example.com/orders").unwrap();
    assert_eq!(metadata(elsewhere, "/.well-known/oauth-protected-resource"), None);
}

#[test]
fn a_policy_lists_what_it_consists_of() {
    let policy = policy(
        "
agents: [{ subject: a }, { subject: b, issuer: https://b.example }]
requirements: { people: { initiator: { kind: human } } }
routes:
  - { match: GET /, require: [people], expression: 'request.headers[\"x-tenant\"] == \"a\"' }
  - { match: POST /mcp, mcp: tools/call }
  - { match: POST /mcp, mcp: tools/list }
",
    );
    let agents: Vec<&str> = policy.agents().map(|agent| agent.subject()).collect();
    assert_eq!(agents, ["a", "b"]);
    let issuers: Vec<_> = policy.agents().map(|agent| agent.issuer()).collect();
    assert_eq!(issuers, [None, Some("https://b.example")]);
    assert_eq!(policy.mcp_endpoints().collect::<Vec<_>>(), ["/mcp"]);
    assert_eq!(policy.read_headers().to_vec(), [Box::from("x-tenant")]);
    assert_eq!(policy.requirements().collect::<Vec<_>>(), ["people"]);
}

/// The code of a denial, and what is got, of a request with a JSON body, or with one that is announced.
fn by_body(
    authorizer: &Authorizer,
    token: &str,
    rule: &str,
    announced: Option<usize>,
    body: Option<&str>,
) -> (Option<&'static str>, String) {
    let mut headers = HeaderMap::from_iter([
        (
            http::header::AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
        ),
        (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]);
    if let Some(announced) = announced {
        headers.insert(http::header::CONTENT_LENGTH, announced.into());
    }
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let presented = Presented::headers(&target, &headers);
    let presented = body.map_or(presented, |body| presented.body(body.as_bytes()));
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let check = check(&explanation, rule);
    (check.code, check.got.clone())
}

#[test]
fn a_body_is_accepted_up_to_its_limit() {
    let issuer = TestIssuer::new().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let text = "
requirements: { r: { operation: { json: { /b: 1 }, max: 20B } } }
routes: [{ match: POST /, require: [r], operation: { json: { /a: 1 }, max: 15B } }]
";
    let authorizer = builder(&issuer, text).reads_bodies().build().unwrap();
    let of_route = |announced, body| by_body(&authorizer, &token, "POST /: operation.json./a", announced, body);
    let of_requirement = |announced, body| by_body(&authorizer, &token, "POST /: r.operation.json./b", announced, body);
    let (unread, met) = ((Some("body_not_read"), "a body that was not read"), (None, "1"));
    let too_large = |got| (Some("body_too_large"), got);
    for (announced, body, route, requirement) in [
        (Some(15), None, unread, unread),
        (Some(16), None, too_large("16 bytes"), unread),
        (Some(20), None, too_large("20 bytes"), unread),
        (Some(21), None, too_large("21 bytes"), too_large("21 bytes")),
        (None, Some(r#"{"a":1,"b":1  }"#), met, met),
        (None, Some(r#"{"a":1,"b":1   }"#), too_large("16 bytes"), met),
        (None, Some(r#"{"a":1,"b":1       }"#), too_large("20 bytes"), met),
        (
            None,
            Some(r#"{"a":1,"b":1        }"#),
            too_large("21 bytes or more"),
            too_large("21 bytes or more"),
        ),
    ] {
        let (of_route, of_requirement) = (of_route(announced, body), of_requirement(announced, body));
        assert_eq!((of_route.0, &*of_route.1), route, "{announced:?} {body:?}");
        assert_eq!(
            (of_requirement.0, &*of_requirement.1),
            requirement,
            "{announced:?} {body:?}"
        );
    }
}

#[test]
fn a_body_is_the_message_that_its_headers_mirror() {
    let issuer = TestIssuer::new().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let text = "routes: [{ match: POST /mcp, mcp: tools/call, operation: { arguments: { /id: 7 } } }]";
    let authorizer = builder(&issuer, text).reads_bodies().build().unwrap();
    let got = |name: &'static str, body: &str| {
        let headers = HeaderMap::from_iter([
            (
                http::header::AUTHORIZATION,
                HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
            ),
            (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (
                http::HeaderName::from_static("mcp-protocol-version"),
                HeaderValue::from_static("2026-07-28"),
            ),
            (
                http::HeaderName::from_static("mcp-method"),
                HeaderValue::from_static("tools/call"),
            ),
            (
                http::HeaderName::from_static("mcp-name"),
                HeaderValue::from_static(name),
            ),
        ]);
        let uri = Uri::from_static("/mcp");
        let target = Target::new(&Method::POST, &uri).unwrap();
        let presented = Presented::headers(&target, &headers).body(body.as_bytes());
        let explanation = authorizer.explain(&presented, TestIssuer::NOW);
        let check = check(&explanation, "POST /mcp mcp tools/call: operation.arguments./id");
        assert_eq!(check.source.as_deref(), Some("the body, `/params/arguments/id`"));
        (
            explanation.decision().error().map(Error::code),
            check.code,
            check.got.clone(),
        )
    };
    let body = |name: &str| {
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": { "id": 7 } } }).to_string()
    };
    assert_eq!(got("a", &body("a")), (None, None, "7".to_owned()));
    let (mismatch, words) = (
        Some("mcp_header_mismatch"),
        "the name in the message is not that of its headers",
    );
    assert_eq!(got("a", &body("b")), (mismatch, mismatch, words.to_owned()));
}

#[test]
fn a_token_for_another_audience_is_explained_by_its_claim() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: GET / }]").build().unwrap();
    for (claims, got) in [
        (json!({}), TestIssuer::AUDIENCE),
        (json!({ "aud": "https://other.example" }), "https://other.example"),
    ] {
        let explanation = explain(&authorizer, "GET /", &issuer.token(claims).unwrap());
        let check = check(&explanation, "audience");
        assert_eq!(
            (check.fact, check.source.as_deref(), &*check.got),
            (Some("audience"), Some("`aud`"), got)
        );
    }
}

#[test]
fn metadata_by_path_alone_needs_no_host() {
    let issuer = TestIssuer::new().unwrap();
    let resource = |name: &str| {
        let resource = Resource::new(&format!("https://api.example.com/{name}")).unwrap();
        resource.path(&format!("/{name}")).unwrap()
    };
    let trusted = actgate::TrustedIssuer::new(TestIssuer::ISSUER, issuer.key_set().unwrap()).unwrap();
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy("routes: [{ match: GET /a }, { match: GET /b }]"));
    let authorizer = builder.resource(resource("a")).resource(resource("b")).build().unwrap();
    let uri = Uri::from_static("/.well-known/oauth-protected-resource/a");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let mut headers = HeaderMap::new();
    headers.append(http::header::HOST, HeaderValue::from_static("a.example"));
    headers.append(http::header::HOST, HeaderValue::from_static("b.example"));
    let metadata = authorizer.metadata(&target, &headers);
    assert_eq!(metadata.map(|metadata| metadata.status().as_u16()), Some(200));
}

#[test]
fn a_method_that_is_not_registered_has_no_route_for_every_method() {
    let issuer = TestIssuer::new().unwrap();
    let authorizer = builder(&issuer, "routes: [{ match: '* /a' }, { match: '\"PURGE\" /b' }]")
        .build()
        .unwrap();
    for (method, path, expected) in [
        ("GET", "/a", true),
        ("FOO", "/a", false),
        ("PURGE", "/b", true),
        ("FOO", "/b", false),
    ] {
        let (method, uri) = (method.parse::<Method>().unwrap(), path.parse::<Uri>().unwrap());
        assert_eq!(
            authorizer.has_route(&Target::new(&method, &uri).unwrap()),
            expected,
            "{method} {path}"
        );
    }
}

#[test]
fn two_spellings_of_a_path_need_the_same_rules() {
    let is_accepted = |first: &str, second: &str| {
        let text = format!("routes: [{{ match: GET /a, {first} }}, {{ match: GET /A, {second} }}]");
        Policy::from_yaml(&text).is_ok()
    };
    for (one, other) in [
        ("chain: { max_depth: 1 }", "chain: { max_depth: 2 }"),
        ("actor: { required: true }", "actor: { absent: true }"),
        ("expression: claims.a == 1", "expression: claims.a == 2"),
    ] {
        assert!(is_accepted(one, one) && is_accepted(other, other), "{one}");
        assert!(!is_accepted(one, other), "{one}");
    }
}

#[test]
fn the_schema_of_a_policy_describes_its_routes() {
    let schema = actgate::policy::json_schema();
    let pattern = &schema["definitions"]["MethodsAndPath"]["pattern"];
    let pattern = pattern.as_str().unwrap();
    assert!(
        pattern.starts_with(r"^\s*(?:\*|") && pattern.contains("|GET|") && pattern.ends_with(r"\s+/"),
        "{pattern}"
    );
}

#[test]
fn a_policy_lists_what_is_in_shadow() {
    for (text, expected) in [
        ("mode: shadow\nroutes: [{ match: GET /, public: true }]", &[][..]),
        ("mode: shadow\nroutes: [{ match: GET / }]", &["every route"]),
        (
            "routes: [{ match: GET /, mode: shadow }, { match: GET /a }]",
            &["GET /"],
        ),
        ("routes: [{ match: GET / }]", &[]),
    ] {
        assert_eq!(policy(text).in_shadow().collect::<Vec<_>>(), expected, "{text}");
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
