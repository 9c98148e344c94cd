//! Opaque tokens, and signed ones whose issuer is asked.

use serde_json::json;

use super::{Asking, active};
use crate::wire::{self, bearer, request};

#[test]
fn an_opaque_token_is_accepted_as_its_issuer_states() {
    let asking = Asking::start(", cache: 1h");
    let actor = json!({ "sub": "bot-canary", "sub_profile": "ai_agent" });
    asking.answer_with(&active(json!({ "act": actor })));
    let token = "opaque-token-canary";
    assert_eq!(asking.decide(token), (200, String::new()));
    let question = asking.endpoint.since(0).remove(0);
    assert_eq!((&*question.method, &*question.target), ("POST", "/introspect"));
    // RFC 6749 section 2.3.1: both parts are encoded as a form.
    assert_eq!(
        question.head.value("authorization").as_deref(),
        Some("Basic Z2F0ZSUyQjpzJTNBY3JldA==")
    );
    let body = String::from_utf8(question.body).expect("a form");
    assert_eq!(body, format!("token={token}&token_type_hint=access_token"));

    let known = asking.deployment.gate.decisions().len();
    assert_eq!(asking.decide(token).0, 200);
    assert_eq!(asking.endpoint.count(), 1, "the answer is used again");
    let event = asking.deployment.gate.decision_after(known);
    assert_eq!(event["chain"]["actors"][0]["sub"], "bot-canary");
    let forwarded = asking.deployment.upstream.since(0);
    assert!(forwarded.iter().all(|request| !request.has("authorization")));
    assert_eq!(
        forwarded[0].head.value("x-auth-subject").as_deref(),
        Some("alice-canary")
    );
    let logs = asking.deployment.gate.process.stdout().join("\n") + &asking.deployment.gate.process.stderr().join("\n");
    assert!(!logs.contains(token) && !logs.contains("s:cret"), "{logs}");
}

#[test]
fn what_an_issuer_states_is_checked_as_the_claims_of_a_signed_token() {
    let asking = Asking::start(", cache: 1h");
    for (index, (answer, status, code)) in [
        (json!({ "active": false }), 401, "token_inactive"),
        (active(json!({ "aud": "https://other.example" })), 401, "invalid_claim"),
        (active(json!({ "exp": 7 })), 401, "invalid_claim"),
        (active(json!({ "exp": null })), 401, "invalid_claim"),
        (active(json!({ "iss": "https://other.example" })), 401, "invalid_claim"),
        (active(json!({ "token_type": "refresh_token" })), 401, "invalid_claim"),
        (active(json!({ "act": {} })), 401, "invalid_chain"),
        (active(json!({ "cnf": { "jkt": "x" } })), 401, "invalid_confirmation"),
        (active(json!({ "scope": "other" })), 403, "insufficient_scope"),
    ]
    .into_iter()
    .enumerate()
    {
        asking.answer_with(&answer);
        let token = format!("token-{index}");
        assert_eq!(asking.decide(&token), (status, code.to_owned()), "{answer}");
        assert_eq!(asking.decide(&token), (status, code.to_owned()), "{answer}");
        assert_eq!(asking.endpoint.count(), index + 1);
    }
    let answer = wire::answer(
        asking.deployment.gate.address,
        &request("GET", "/orders/1", &[&bearer("token-0")]),
    );
    let challenge = answer.field("www-authenticate").expect("a challenge");
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    assert_eq!(asking.deployment.upstream.count(), 0);
    let signed = asking.deployment.issuer.token(json!({}));
    assert_eq!((asking.decide(&signed).0, asking.endpoint.count()), (200, 9));
}

#[test]
fn a_signed_token_is_rejected_once_its_issuer_states_that_it_is_inactive() {
    let asking = Asking::start(", tokens: signed, cache: 50ms");
    let token = asking.deployment.issuer.token(json!({}));
    asking.answer_with(&json!({ "active": true }));
    assert_eq!(asking.decide(&token).0, 200);
    asking.answer_with(&json!({ "active": false }));
    let gate = &asking.deployment.gate;
    gate.wait_until("inactive", || {
        asking.decide(&token) == (401, "token_inactive".to_owned())
    });
    let asked = asking.endpoint.count();
    assert_eq!(asking.decide("opaque").1, "malformed_token");
    let forged = crate::mint::forged_token();
    assert_eq!(asking.decide(&forged).0, 401);
    assert_eq!(asking.endpoint.count(), asked, "neither is asked about");
}
