//! What an authorizer and a policy answer about agents, targets and metadata.

use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy, Resource};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};

use super::{builder, explain, policy};

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

#[test]
fn prior_actors_in_a_list_are_as_many_as_nested_ones() {
    let issuer = TestIssuer::new().unwrap();
    let profile = actgate::profile::Profile::from_yaml("actor: { claim: act, prior: path }").unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap().profile(profile);
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(policy("routes: [{ match: GET / }]"));
    let authorizer = builder
        .clock(actgate::clock::FixedClock::at(TestIssuer::NOW))
        .build()
        .unwrap();
    let code = |count: usize| {
        let prior: Vec<Value> = (0..count).map(|n| json!({ "sub": format!("a{n}") })).collect();
        let claims = json!({ "act": { "sub": "a" }, "path": prior });
        let explanation = explain(&authorizer, "GET /", &issuer.token(claims).unwrap());
        let chain = explanation
            .decision()
            .identity()
            .map(|identity| identity.chain().depth());
        (chain, explanation.decision().error().map(actgate::Error::code))
    };
    for (count, expected) in [(0, (Some(1), None)), (15, (Some(16), None))] {
        assert_eq!(code(count), expected, "{count}");
    }
    for count in [16, 17] {
        assert_eq!(code(count), (None, Some("chain_too_long")), "{count}");
    }
}
