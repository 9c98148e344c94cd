//! Decisions by the body of a request.

use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, ConfigError, Error};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::json;

use super::{builder, check};

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
