//! What an answer of the issuer makes of a token.

use actgate::challenge::Protocol;
use actgate::introspection::IntrospectedTokens;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode, Uri};
use serde_json::json;

use crate::answering::{bench, decide, pass};

#[tokio::test(start_paused = true)]
async fn an_opaque_token_is_what_its_issuer_states() {
    let bench = bench(IntrospectedTokens::Opaque);
    let actor = |sub: &str| json!({ "sub": sub, "sub_profile": "ai_agent" });
    for (token, claims, expected) in [
        ("person", json!({}), "allow"),
        ("agent", json!({ "sub_profile": "ai_agent" }), "initiator_not_human"),
        ("delegated", json!({ "act": actor("bot") }), "allow"),
        ("inverted", json!({ "act": { "sub": 7 } }), "invalid_chain"),
        ("elsewhere", json!({ "aud": "https://other.example" }), "invalid_claim"),
        ("without-audience", json!({ "aud": null }), "invalid_claim"),
        ("expired", json!({ "exp": TestIssuer::NOW - 31 }), "invalid_claim"),
        ("without-end", json!({ "exp": null }), "invalid_claim"),
        ("text-end", json!({ "exp": "soon" }), "invalid_claim"),
        ("other-issuer", json!({ "iss": "https://other.test" }), "invalid_claim"),
        ("own-issuer", json!({ "iss": null }), "allow"),
        ("refresh", json!({ "token_type": "refresh_token" }), "invalid_claim"),
        (
            "refresh-of-hydra",
            json!({ "token_use": "refresh_token" }),
            "invalid_claim",
        ),
        ("id-token", json!({ "at_hash": "x" }), "invalid_claim"),
        ("bound", json!({ "cnf": { "jkt": "x" } }), "invalid_confirmation"),
        ("five.parts.of.a.jwe", json!({}), "allow"),
    ] {
        bench.answering.activate(token, claims);
        for attempt in ["first", "second"] {
            assert_eq!(bench.code(token).await, expected, "{token}, {attempt}");
        }
    }
    assert_eq!(bench.answering.count(), 16, "one question for each token");
    let decision = decide(&bench.authorizer, "/orders", "delegated").await;
    let identity = decision.identity().unwrap();
    assert_eq!((identity.subject(), identity.client()), ("alice", Some("app")));
    assert_eq!(identity.chain().depth(), 1);
    assert_eq!(bench.code("random").await, "token_inactive");
    assert_eq!(bench.code(&"x".repeat(16 * 1024 + 1)).await, "token_too_long");
    bench.answering.activate(&"x".repeat(16 * 1024), json!({}));
    assert_eq!(bench.code(&"x".repeat(16 * 1024)).await, "allow");
    assert_eq!(bench.code("x\u{e9}").await, "invalid_request");
    assert_eq!(bench.answering.count(), 18);
    // A signed token is not asked about.
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    assert_eq!((bench.code(&signed).await, bench.answering.count()), ("allow", 18));
    assert_eq!(bench.code("a.b.c").await, "malformed_token");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_used_for_its_time_and_never_longer_than_the_token() {
    let bench = bench(IntrospectedTokens::Opaque);
    bench.answering.activate("a", json!({}));
    assert_eq!(bench.code("a").await, "allow");
    bench.answering.answer("a", r#"{"active":false}"#);
    pass(29).await;
    assert_eq!((bench.code("a").await, bench.answering.count()), ("allow", 1));
    assert_eq!(bench.authorizer.token_cache().hits, 1, "its facts are cached");
    pass(1).await;
    assert_eq!((bench.code("a").await, bench.answering.count()), ("token_inactive", 2));
    assert_eq!((bench.code("a").await, bench.answering.count()), ("token_inactive", 2));
    pass(10).await;
    bench.answering.activate("a", json!({}));
    assert_eq!((bench.code("a").await, bench.answering.count()), ("allow", 3));
    bench.clock.set(TestIssuer::NOW + 330);
    assert_eq!((bench.code("a").await, bench.answering.count()), ("invalid_claim", 3));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_no_token_is_active() {
    let bench = bench(IntrospectedTokens::All);
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    for token in ["opaque", &signed] {
        bench.answering.activate(token, json!({}));
        assert_eq!(bench.code(token).await, "allow");
        for fault in [
            "down",
            "hang",
            "",
            "<html>",
            "[]",
            r#"{"active":"true"}"#,
            r#"{"active":true"#,
            r#"{"active":true,"active":false}"#,
        ] {
            bench.answering.answer(token, fault);
            pass(30).await;
            let decision = decide(&bench.authorizer, "/orders", token).await;
            let error = decision.error().unwrap();
            assert_eq!(error.code(), "introspection_unavailable", "{fault}");
            let challenge = bench.authorizer.challenge_to(&decision).unwrap();
            let response = challenge.respond(Protocol::Http, ());
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers().get(RETRY_AFTER), Some(&HeaderValue::from(5)));
            assert!(!response.headers().contains_key(WWW_AUTHENTICATE));
            let asked = bench.answering.count();
            assert_eq!(bench.code(token).await, "introspection_unavailable");
            assert_eq!(bench.answering.count(), asked, "the failure is known for a second");
        }
        bench.answering.activate(token, json!({}));
        pass(1).await;
        assert_eq!(bench.code(token).await, "allow");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signed_token_is_verified_first_and_then_its_issuer_is_asked() {
    let bench = bench(IntrospectedTokens::Signed);
    let token = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    let forged = TestIssuer::new()
        .unwrap()
        .token(json!({ "sub_profile": "user" }))
        .unwrap();
    let expired = bench.issuer.token(json!({ "exp": 7 })).unwrap();
    let elsewhere = bench.issuer.token(json!({ "aud": "x" })).unwrap();
    assert_eq!(bench.code(&forged).await, "invalid_signature");
    assert_eq!(bench.code(&expired).await, "invalid_claim");
    assert_eq!(bench.code(&elsewhere).await, "invalid_claim");
    assert_eq!(bench.code("opaque").await, "malformed_token");
    assert_eq!(bench.answering.count(), 0);

    bench.answering.activate(&token, json!({ "sub": "mallory" }));
    assert_eq!((bench.code(&token).await, bench.answering.count()), ("allow", 1));
    let decision = decide(&bench.authorizer, "/orders", &token).await;
    assert_eq!(
        decision.identity().unwrap().subject(),
        "someone",
        "that of the signature"
    );
    bench.answering.answer(&token, r#"{"active":false}"#);
    pass(29).await;
    assert_eq!(bench.code(&token).await, "allow");
    pass(1).await;
    assert_eq!(bench.code(&token).await, "token_inactive");
    pass(10).await;
    bench.answering.activate(&token, json!({ "iss": "https://other.test" }));
    assert_eq!(bench.code(&token).await, "invalid_claim");
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_chain_meets_no_rule_on_prior_actors_and_is_asked_about_again_soon() {
    let bench = bench(IntrospectedTokens::Opaque);
    let act = json!({ "sub": "bot", "sub_profile": "ai_agent" });
    bench
        .answering
        .activate("cut", json!({ "act": act, "chain_complete": false }));
    assert_eq!(bench.code_at("/short", "cut").await, "chain_incomplete");
    bench.answering.activate("cut", json!({ "act": act }));
    pass(10).await;
    assert_eq!(bench.code_at("/short", "cut").await, "allow");
    assert_eq!(bench.answering.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_explanation_shows_the_answer_and_does_not_ask() {
    let bench = bench(IntrospectedTokens::All);
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let steps = |token: &str| {
        let explanation = bench
            .authorizer
            .explain(&Presented::token(&target, token), TestIssuer::NOW);
        let checks = explanation.checks().iter();
        checks
            .map(|check| format!("{} {:?}", check.rule, check.outcome))
            .collect::<Vec<_>>()
    };
    bench.answering.activate("opaque", json!({}));
    let before = ["route Passed", "credential Passed", "issuer Passed"];
    assert_eq!(steps("opaque"), [&before[..], &["introspection Failed"]].concat());
    assert_eq!(bench.answering.count(), 0);
    assert_eq!(bench.code("opaque").await, "allow");
    let after = steps("opaque");
    assert_eq!(
        after[..5],
        [&before[..], &["introspection Passed", "claims Passed"]].concat()
    );
    assert_eq!(steps("opaque"), after, "also of a cached token");
    let signed = bench.issuer.token(json!({ "sub_profile": "user" })).unwrap();
    bench.answering.activate(&signed, json!({}));
    assert_eq!(steps(&signed).last().unwrap(), "introspection Failed");
    assert_eq!(bench.code(&signed).await, "allow");
    assert!(steps(&signed).contains(&"introspection Passed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_explanation_that_waits_asks_as_a_decision_does() {
    let bench = bench(IntrospectedTokens::Opaque);
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let code = async |token: &str| {
        let presented = Presented::token(&target, token);
        let explained = bench.authorizer.explain_waiting(&presented, TestIssuer::NOW);
        let decision = explained.await;
        decision.decision().error().map_or("allow", actgate::Error::code)
    };
    bench.answering.activate("a", json!({}));
    assert_eq!((code("a").await, bench.answering.count()), ("allow", 1));
    assert_eq!((code("a").await, bench.answering.count()), ("allow", 1));
    assert_eq!((code("other").await, bench.answering.count()), ("token_inactive", 2));
    bench.answering.answer("b", "down");
    assert_eq!(
        (code("b").await, bench.answering.count()),
        ("introspection_unavailable", 3)
    );
}

#[tokio::test(start_paused = true)]
async fn an_explanation_states_why_there_is_no_answer_and_what_is_malformed_in_one() {
    let bench = bench(IntrospectedTokens::Opaque);
    let uri = Uri::from_static("/orders");
    let target = Target::new(&Method::GET, &uri).unwrap();
    let last = |token: &str| {
        let explanation = bench
            .authorizer
            .explain(&Presented::token(&target, token), TestIssuer::NOW);
        let check = explanation.checks().last().unwrap();
        (
            check.rule.clone(),
            check.got.clone(),
            check.source.clone().unwrap_or_default(),
        )
    };
    let source = "the answer of the issuer".to_owned();
    let unanswered = |reason: &str| {
        let got = format!("issuer `https://issuer.test` did not answer whether the token is active: {reason}");
        ("introspection".to_owned(), got, source.clone())
    };
    assert_eq!(last("other"), unanswered("the issuer has not answered yet"));
    bench.answering.answer("a", "down");
    assert_eq!(bench.code("a").await, "introspection_unavailable");
    assert_eq!(last("other"), unanswered("status 502"));
    bench.answering.activate("b", json!({ "sub": 7 }));
    assert_eq!(bench.code("b").await, "invalid_claim");
    assert_eq!(last("other"), unanswered("the issuer has not answered yet"));
    let (rule, got, _) = last("b");
    assert_eq!(rule, "claims");
    assert!(got.contains("a number, expected a text"), "{got}");
}
