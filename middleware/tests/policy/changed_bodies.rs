//! The smallest change that would allow a request, where a rule reads its body.

use actgate::clock::FixedClock;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{Method, Uri};
use serde_json::json;

#[test]
fn a_change_of_a_member_keeps_the_others() {
    let issuer = TestIssuer::new().unwrap();
    let policy = Policy::from_yaml("routes: [{ match: POST /, operation: { json: { /a: 1, /b: 2 } } }]").unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy).reads_bodies();
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let headers = http::HeaderMap::from_iter([
        (http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()),
        (http::header::CONTENT_TYPE, "application/json".parse().unwrap()),
    ]);
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let presented = Presented::headers(&target, &headers).body(br#"{"a": 1, "b": 3}"#);
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let change = authorizer
        .smallest_change(&explanation, &presented, TestIssuer::NOW)
        .unwrap();
    let needed: Vec<&str> = change
        .alternatives
        .iter()
        .flatten()
        .map(|change| &*change.needed)
        .collect();
    assert_eq!(needed, ["/b of the body: 2"]);
}

#[test]
fn a_member_of_a_body_that_is_too_long_or_was_not_read_is_no_change_by_itself() {
    let issuer = TestIssuer::new().unwrap();
    let policy = Policy::from_yaml("routes: [{ match: POST /, operation: { json: { /a: 1 }, max: 16B } }]").unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let builder = Authorizer::builder().issuer(trusted).policy(policy).reads_bodies();
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    for (length, body, expected) in [
        (16, None, "/a of the body: 1"),
        (17, None, "a body of at most 16 bytes and /a of the body: 1"),
        (
            17,
            Some("{\"a\": 2, \"bc\": 0}"),
            "a body of at most 16 bytes and /a of the body: 1",
        ),
        (
            17,
            Some("{\"a\": 1, \"bc\": 0}"),
            "a body of at most 16 bytes and /a of the body: 1",
        ),
        (10, Some("{\"a\": \"2\"}"), "/a of the body: 1"),
    ] {
        let headers = http::HeaderMap::from_iter([
            (http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()),
            (http::header::CONTENT_TYPE, "application/json".parse().unwrap()),
            (http::header::CONTENT_LENGTH, length.into()),
        ]);
        let presented = Presented::headers(&target, &headers);
        let presented = body.map_or(presented, |body| presented.body(body.as_bytes()));
        let explanation = authorizer.explain(&presented, TestIssuer::NOW);
        let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW);
        let needed = change.into_iter().flat_map(|change| change.alternatives).flatten();
        let needed: Vec<String> = needed.map(|change| change.needed.to_string()).collect();
        assert_eq!(needed.join(" and "), expected, "{length} {body:?}");
    }
}

#[test]
fn a_body_that_is_announced_is_as_long_for_each_rule() {
    let policy = "requirements: { r: { operation: { json: { /a: 1 }, max: 2KiB } } }\n\
                  routes: [{ match: POST /, require: [r], operation: { json: { /b: 2 }, max: 1KiB } }]";
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(policy).unwrap()).reads_bodies();
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let token = issuer.token(json!({})).unwrap();
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let needed = |length: u32| {
        let headers = http::HeaderMap::from_iter([
            (http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()),
            (http::header::CONTENT_TYPE, "application/json".parse().unwrap()),
            (http::header::CONTENT_LENGTH, length.into()),
        ]);
        let presented = Presented::headers(&target, &headers);
        let explanation = authorizer.explain(&presented, TestIssuer::NOW);
        let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW);
        let needed = change.into_iter().flat_map(|change| change.alternatives).flatten();
        let needed: Vec<String> = needed.map(|change| change.needed.to_string()).collect();
        needed.join(" and ")
    };
    assert_eq!(needed(1000), "/a of the body: 1 and /b of the body: 2");
    assert_eq!(
        needed(1500),
        "a body of at most 1024 bytes and /a of the body: 1 and /b of the body: 2"
    );
}

#[test]
fn a_change_of_a_body_is_one_that_the_body_does_not_have() {
    let issuer = TestIssuer::new().unwrap();
    let token = issuer
        .token(json!({ "scope": "a b", "act": { "sub": "bot" } }))
        .unwrap();
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let one = "operation: { json: { /a: x } }";
    let announced = "a body that is announced as JSON in UTF-8, without a content coding";
    for (rule, media_type, body, expected) in [
        (one, "text/plain", r#"{"a":"x"}"#, announced.to_owned()),
        (
            one,
            "text/plain",
            r#"{"a":"y"}"#,
            format!(r#"{announced} and /a of the body: "x""#),
        ),
        // The bound of one rule meets the other one as well, and a lower number does not.
        (
            "operation: { json: { /a: { max: 500 } } }\n    any_of: [{ scopes: [w] }, { operation: { json: { /a: { min: 0 } } } }]",
            "application/json",
            r#"{"a":900}"#,
            "/a of the body: a number of at most 500 and of at least 0".to_owned(),
        ),
        (
            "operation: { json: { /a: { matches: 'a*' } } }\n    any_of: [{ operation: { json: { /a: { matches: '*b' } } } }]",
            "application/json",
            r#"{"a":"b"}"#,
            String::new(),
        ),
        (
            "operation: { json: { /a: { matches: 'a*' } } }\n    any_of: [{ operation: { json: { /a: { matches: '*x' } } } }]",
            "application/json",
            r#"{"a":"b"}"#,
            "/a of the body: a text that matches a* and a text that matches *x".to_owned(),
        ),
        // The scopes of a ceiling leave the other alternative.
        (
            "any_of: [{ scopes: [b] }, { scopes: [a], operation: { json: { /a: { min: 0, max: 5 } } } }]\nagents: [{ subject: bot, ceiling: { scopes: a } }]",
            "application/json",
            r#"{"a":9}"#,
            "/a of the body: a number from 0 to 5; or no actor; or another actor".to_owned(),
        ),
        // A rule on the time is none on the number.
        (
            "operation: { json: { /a: { max: 500 } } }\n    time: { zone: UTC, days: [mon-wed, thu-sun] }",
            "application/json",
            r#"{"a":900}"#,
            "/a of the body: a number of at most 500".to_owned(),
        ),
        // Each value that is listed allows the request.
        (
            "any_of: [{ operation: { json: { /a: x } } }, { operation: { json: { /a: { one_of: [x, y] }, /n: 3 } } }]",
            "application/json",
            r#"{"a":"z"}"#,
            r#"/a of the body: "x""#.to_owned(),
        ),
        (
            "operation: { json: { /a: { one_of: [x, y] } } }",
            "application/json",
            r#"{"a":"z"}"#,
            r#"/a of the body: "x" or "y""#.to_owned(),
        ),
        // A body with both has 24 bytes at least, and 25 with the text that is tried.
        (
            "operation: { json: { /a: x, /b/c: { matches: 'E-*' } }, max: 20B }",
            "application/json",
            "{}",
            String::new(),
        ),
        (
            "operation: { json: { /a: x, /b/c: { matches: 'E-*' } }, max: 25B }",
            "application/json",
            "{}",
            r#"/a of the body: "x" and /b/c of the body: a text that matches E-*"#.to_owned(),
        ),
    ] {
        let policy = format!("routes:\n  - match: POST /\n    {rule}\n");
        let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(Policy::from_yaml(&policy).unwrap()).reads_bodies();
        let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
        let headers = http::HeaderMap::from_iter([
            (http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap()),
            (http::header::CONTENT_TYPE, media_type.parse().unwrap()),
        ]);
        let presented = Presented::headers(&target, &headers).body(body.as_bytes());
        let explanation = authorizer.explain(&presented, TestIssuer::NOW);
        let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW);
        let alternatives = change.into_iter().flat_map(|change| change.alternatives);
        let alternatives: Vec<String> = alternatives
            .map(|changes| {
                changes
                    .into_iter()
                    .map(|change| change.needed)
                    .collect::<Vec<_>>()
                    .join(" and ")
            })
            .collect();
        assert_eq!(alternatives.join("; or "), expected, "{rule} {body}");
    }
}
