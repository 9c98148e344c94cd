//! Expressions at their limits, and on routes with several parameters.

use actgate::clock::FixedClock;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};

/// What an expression on `GET /a/{x}/{y}` evaluates to, in the words of an explanation.
fn got(issuer: &TestIssuer, expression: &str, claims: Value, headers: &HeaderMap) -> String {
    let policy = format!("routes:\n  - match: GET /a/{{x}}/{{y}}\n    expression: |-\n      {expression}\n");
    let policy = Policy::from_yaml(&policy).unwrap_or_else(|mistakes| panic!("{expression}: {mistakes}"));
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted).policy(policy);
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let (uri, token) = (Uri::from_static("/a/one/two"), issuer.token(claims).unwrap());
    let target = Target::new(&Method::GET, &uri).unwrap();
    let mut headers = headers.clone();
    let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    headers.insert(http::header::AUTHORIZATION, field);
    let explanation = authorizer.explain(&Presented::headers(&target, &headers), TestIssuer::NOW);
    let mut checks = explanation.checks().iter();
    let check = checks.find(|check| check.rule.ends_with(": expression"));
    check
        .unwrap_or_else(|| panic!("{expression}: {:?}", explanation.checks().last()))
        .got
        .clone()
}

#[test]
fn facts_are_read_up_to_their_limits() {
    let issuer = TestIssuer::new().unwrap();
    let none = HeaderMap::new();
    let numbers = |count: usize| Value::from((0..count).collect::<Vec<_>>());
    let members = |count: usize| Value::Object((0..count).map(|n| (format!("m{n}"), json!(n))).collect());
    let exact = |mut value: Value| {
        match &mut value {
            Value::Array(items) => items[0] = json!(0.5),
            Value::Object(all) => drop(all.insert("m0".to_owned(), json!(0.5))),
            _ => {}
        }
        value
    };
    let words = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    let too_many = "more than 256 items, 32 actors, or 65536 bytes";
    for (expression, claims, expected) in [
        ("scopes.exists(s, s == \"0\")", json!({ "scope": words(256) }), "true"),
        ("scopes.exists(s, s == \"0\")", json!({ "scope": words(257) }), too_many),
        ("1 in claims.list", json!({ "list": numbers(256) }), "true"),
        ("1 in claims.list", json!({ "list": numbers(257) }), too_many),
        ("claims.object.m1 == 1", json!({ "object": members(256) }), "true"),
        ("claims.object.m1 == 1", json!({ "object": members(257) }), too_many),
        ("1 in claims.list", json!({ "list": exact(numbers(256)) }), "true"),
        ("1 in claims.list", json!({ "list": exact(numbers(257)) }), too_many),
        (
            "claims.object.m1 == 1",
            json!({ "object": exact(members(256)) }),
            "true",
        ),
        (
            "claims.object.m1 == 1",
            json!({ "object": exact(members(257)) }),
            too_many,
        ),
        ("token.nbf == 5", json!({ "nbf": 5 }), "true"),
        (
            "initiator.kind == \"service\"",
            json!({ "sub_profile": "service" }),
            "true",
        ),
        ("params.y == \"two\" && params.x == \"one\"", json!({}), "true"),
        ("claims[\"a\"].b == 1", json!({ "a": {} }), "no `b`"),
        (
            "claims.a[claims.k] == 1",
            json!({ "a": {}, "k": "hidden" }),
            "a member that is missing",
        ),
        ("[1, \"a\"].exists(i, i == 1)", json!({}), "true"),
        ("(claims.a == 1 ? \"a\" : 1) == 1", json!({ "a": 2 }), "true"),
        ("[1] + [2] == [1, 2]", json!({}), "true"),
        ("([1] + [\"a\"]).exists(i, i == 1)", json!({}), "true"),
        ("\"a\" + claims.b == \"ab\"", json!({ "b": "b" }), "true"),
        ("claims.b + \"a\" == \"ba\"", json!({ "b": "b" }), "true"),
    ] {
        assert_eq!(got(&issuer, expression, claims, &none), expected, "{expression}");
    }
    for (length, expected) in [(65_536, "true"), (65_537, too_many)] {
        let long = HeaderValue::try_from("h".repeat(length)).unwrap();
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-long"), long)]);
        let expression = "request.headers[\"x-long\"].startsWith(\"h\")";
        assert_eq!(got(&issuer, expression, json!({}), &headers), expected, "{length}");
    }
}
