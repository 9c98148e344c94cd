//! Every code of a denial: the status and the challenge for the client, the code in the decision log.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::deployment::key_server::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, chain, now, token_of};
use crate::wire::challenge::Challenge;
use crate::wire::{self, bearer, request};

const POLICY: &str = r#"
requirements:
  until-thursday: { time: { zone: UTC, days: mon-thu } }
  from-thursday: { time: { zone: UTC, days: thu-sun } }
  not-thursday: { time: { zone: UTC, days: [mon, tue, fri, sat] } }
routes:
  - match: GET /open
    public: true
  - match: GET /any
    scopes: { none_of: [never] }
  - match: GET /scoped
    scopes: [orders:read]
  - match: GET /people
    initiator: { kind: human }
  - match: GET /machines
    initiator: { kind: agent }
  - match: GET /alice
    initiator: { one_of: [alice-canary] }
  - match: GET /mfa
    initiator: { amr: [mfa] }
  - match: GET /strong
    initiator: { acr: [phr] }
  - match: GET /fresh
    initiator: { max_auth_age: 5m }
  - match: GET /delegated
    actor: { required: true }
  - match: GET /alone
    actor: { absent: true }
  - match: GET /by-agents
    actor: { kind: agent }
  - match: GET /by-bot
    actor: { one_of: [bot] }
  - match: GET /by-own-issuer
    actor: { issuer: same }
  - match: GET /by-client
    actor: { is_presenter: true }
  - match: GET /may-act
    may_act: honored
  - match: GET /of-partner
    initiator: { issuer: "https://partner.example.com" }
  - match: GET /never
    require: [until-thursday, from-thursday, not-thursday]
  - match: GET /payment
    authorization_details: { type: payment }
  - match: GET /client
    client: { one_of: [web-canary] }
  - match: GET /tenant
    claims: { tid: T1 }
  - match: GET /short-lived
    token: { max_lifetime: 1h }
  - match: GET /young
    token: { max_age: 10m }
  - match: GET /one-audience
    token: { single_audience: true }
  - match: GET /bound
    token: { sender_constrained: true }
  - match: GET /expression
    expression: claims.region == "eu"
  - match: GET /alternatives
    any_of: [{ actor: { one_of: [bot] } }, { claims: { tid: T1 } }]
  - match: GET /shallow
    chain: { max_depth: 1 }
  - match: GET /known
    chain: { all_of: [bot] }
  - match: GET /chain/via
    chain: { via: [bot] }
  - match: GET /chain/agents
    chain: { kinds: agent }
  - match: GET /chain/start
    chain: { starts_with: [orch] }
  - match: GET /chain/path
    chain: { path: [orch, bot] }
  - match: GET /chain/called
    chain: { called_by: [orch] }
  - match: GET /chain/once
    chain: { repeats: none }
  - match: GET /chain/prior
    chain: { prior: { first: [orch] } }
  - match: GET /chain/prior-agents
    chain: { prior: { kinds: agent } }
"#;

/// The status, the error in the challenge (`None`: no challenge; `Some("")`: no error), and the code in the log.
type Denial = (u16, Option<&'static str>, &'static str);

fn of_the_request(issuer: &TokenIssuer) -> Vec<(Vec<u8>, Denial)> {
    let good = bearer(&issuer.token(json!({})));
    let get = |fields: &[&str]| request("GET", "/any", fields);
    let token = |token: &str| get(&[&bearer(token)]);
    let invalid = |code| (401, Some("invalid_token"), code);
    let untrusted = SigningKey::ec("es256", Curve::P256);
    let unknown = SigningKey::ec("unknown", Curve::P256);
    let none = issuer.token_with_header_changed(json!({ "alg": "none" }));
    let dates = |exp: Value| issuer.token(json!({ "exp": exp }));
    vec![
        (get(&[]), (401, Some(""), "missing_token")),
        (
            get(&["Authorization: Basic dXNlcjpwYXNz"]),
            (401, Some(""), "missing_token"),
        ),
        (get(&[&good, &good]), (400, Some("invalid_request"), "invalid_request")),
        (
            request("GET", "/any//", &[&good]),
            (400, Some("invalid_request"), "invalid_request"),
        ),
        (token("garbage"), invalid("malformed_token")),
        (token(&"a".repeat(17_000)), invalid("token_too_long")),
        (token(&none), invalid("unsupported_algorithm")),
        (token(&token_of(&unknown, "ES256")), invalid("unknown_key")),
        (token(&token_of(&untrusted, "ES256")), invalid("invalid_signature")),
        (token(&dates(json!(now() - 60))), invalid("invalid_claim")),
        (token(&dates(json!("soon"))), invalid("invalid_claim")),
        (
            token(&issuer.token(json!({ "cnf": { "jkt": "x" } }))),
            invalid("invalid_confirmation"),
        ),
        (token(&issuer.token(json!({ "act": null }))), invalid("invalid_chain")),
        (
            token(&issuer.token(json!({ "act": chain(&["a"; 17]) }))),
            invalid("chain_too_long"),
        ),
    ]
}

fn of_the_policy() -> Vec<(&'static str, Value, Denial)> {
    let denied = |code| (403, None, code);
    let login = Some("insufficient_user_authentication");
    let agent = || json!({ "sub": "bot", "sub_profile": "ai_agent" });
    let of = |act: Value| json!({ "act": act });
    vec![
        ("/nowhere", json!({}), denied("no_route")),
        (
            "/scoped",
            json!({ "scope": "other" }),
            (403, Some("insufficient_scope"), "insufficient_scope"),
        ),
        ("/any", json!({ "scope": "never" }), denied("scope_not_allowed")),
        ("/people", agent(), denied("initiator_not_human")),
        (
            "/people",
            json!({ "sub_profile": "martian" }),
            denied("initiator_kind_unknown"),
        ),
        ("/machines", json!({}), denied("initiator_kind_not_allowed")),
        ("/alice", json!({ "sub": "bob" }), denied("initiator_not_allowed")),
        ("/mfa", json!({ "amr": ["pwd"] }), denied("amr_not_met")),
        ("/strong", json!({ "acr": "pwd" }), (401, login, "acr_not_met")),
        (
            "/fresh",
            json!({ "auth_time": now() - 600 }),
            (401, login, "auth_too_old"),
        ),
        ("/delegated", json!({}), denied("actor_missing")),
        ("/alone", of(chain(&["bot"])), denied("actor_present")),
        ("/by-agents", of(json!({ "sub": "bot" })), denied("actor_kind_unknown")),
        (
            "/by-agents",
            of(json!({ "sub": "bob", "sub_profile": "user" })),
            denied("actor_kind_not_allowed"),
        ),
        ("/by-bot", of(chain(&["other"])), denied("actor_not_allowed")),
        (
            "/by-own-issuer",
            of(json!({ "sub": "bot", "iss": "https://partner.example.com" })),
            denied("actor_issuer_not_allowed"),
        ),
        ("/by-client", of(chain(&["bot"])), denied("actor_not_presenter")),
        (
            "/may-act",
            json!({ "may_act": { "sub": "bot" } }),
            denied("actor_not_in_may_act"),
        ),
        ("/of-partner", json!({}), denied("initiator_issuer_not_allowed")),
        ("/never", json!({}), denied("time_not_allowed")),
        ("/payment", json!({}), denied("authorization_details_not_met")),
        ("/client", json!({ "client_id": "other" }), denied("client_not_allowed")),
        ("/tenant", json!({ "tid": "T2" }), denied("claim_not_met")),
        (
            "/short-lived",
            json!({ "iat": now() - 3600, "exp": now() + 60 }),
            denied("token_lifetime_too_long"),
        ),
        (
            "/young",
            json!({ "iat": now() - 1200, "exp": now() + 60 }),
            denied("token_too_old"),
        ),
        (
            "/one-audience",
            json!({ "aud": ["bot", crate::mint::AUDIENCE] }),
            denied("token_audience_not_single"),
        ),
        ("/bound", json!({}), denied("token_not_sender_constrained")),
        ("/expression", json!({ "region": "uk" }), denied("expression_not_true")),
        ("/alternatives", json!({}), denied("any_of_not_met")),
        ("/any", of(json!({ "sub": "alice-canary" })), denied("self_actor")),
        (
            "/delegated",
            json!({ "sub": "bot", "sub_profile": "ai_agent", "act": { "sub": "bob", "sub_profile": "user" } }),
            denied("chain_inverted"),
        ),
        ("/shallow", of(chain(&["bot", "orch"])), denied("chain_too_deep")),
        (
            "/known",
            of(chain(&["bot", "other"])),
            denied("chain_actor_not_allowed"),
        ),
        ("/chain/via", of(chain(&["x"])), denied("chain_actor_missing")),
        (
            "/chain/agents",
            of(json!({ "sub": "x" })),
            denied("chain_actor_kind_unknown"),
        ),
        (
            "/chain/agents",
            of(json!({ "sub": "x", "sub_profile": "service" })),
            denied("chain_actor_kind_not_allowed"),
        ),
        ("/chain/start", of(chain(&["x"])), denied("chain_start_not_allowed")),
        ("/chain/path", of(chain(&["bot"])), denied("chain_path_not_allowed")),
        (
            "/chain/called",
            of(chain(&["bot", "x", "orch"])),
            denied("chain_caller_not_allowed"),
        ),
        (
            "/chain/once",
            of(chain(&["bot", "bot"])),
            denied("chain_actor_repeated"),
        ),
        (
            "/chain/prior",
            of(chain(&["bot", "x"])),
            denied("prior_actor_not_allowed"),
        ),
        ("/chain/prior", of(chain(&["orch"])), denied("prior_actor_missing")),
        (
            "/chain/prior-agents",
            of(json!({ "sub": "x", "act": { "sub": "y" } })),
            denied("prior_actor_kind_unknown"),
        ),
        (
            "/chain/prior-agents",
            of(json!({ "sub": "x", "act": { "sub": "y", "sub_profile": "user" } })),
            denied("prior_actor_kind_not_allowed"),
        ),
        (
            "/shallow",
            json!({ "chain_complete": false }),
            denied("chain_incomplete"),
        ),
    ]
}

/// Every code of a denial, except those of `introspection` and `revocations`, `keys_unavailable`, `certificate_mismatch` and, of issuers with a header of their own, `misplaced_token`.
const CODES: &str = "missing_token invalid_request malformed_token token_too_long unsupported_algorithm unknown_key invalid_signature invalid_claim \
    invalid_confirmation invalid_chain chain_too_long insufficient_scope no_route initiator_not_human initiator_kind_unknown \
    initiator_kind_not_allowed initiator_not_allowed amr_not_met acr_not_met auth_too_old actor_missing actor_present \
    actor_kind_unknown actor_kind_not_allowed actor_not_allowed actor_issuer_not_allowed client_not_allowed claim_not_met \
    scope_not_allowed token_lifetime_too_long token_too_old token_audience_not_single token_not_sender_constrained expression_not_true any_of_not_met self_actor chain_inverted chain_too_deep chain_actor_not_allowed \
    time_not_allowed authorization_details_not_met actor_not_presenter actor_not_in_may_act initiator_issuer_not_allowed \
    chain_actor_missing chain_actor_kind_unknown chain_actor_kind_not_allowed chain_start_not_allowed chain_path_not_allowed \
    chain_caller_not_allowed chain_actor_repeated prior_actor_not_allowed prior_actor_missing prior_actor_kind_unknown \
    prior_actor_kind_not_allowed chain_incomplete";

#[test]
fn each_denial_has_its_status_challenge_and_code() {
    let deployment = Deployment::with_policy(POLICY);
    let issuer = &deployment.issuer;
    let mut rows = of_the_request(issuer);
    for (target, changes, denial) in of_the_policy() {
        let line = bearer(&issuer.token(changes));
        rows.push((request("GET", target, &[&line]), denial));
    }
    let covered: BTreeSet<&str> = rows.iter().map(|(_, (_, _, code))| *code).collect();
    assert_eq!(covered, CODES.split_whitespace().collect(), "a row per code");
    let mut failures = Vec::new();
    for (n, (bytes, wanted)) in rows.iter().enumerate() {
        let (status, error, code) = *wanted;
        let answer = wire::answer(deployment.gate.address, bytes);
        let challenge = answer.field("www-authenticate");
        let error_code = challenge.map(|field| {
            let challenge = Challenge::parse(&field).expect("a challenge");
            challenge.parameter("error").unwrap_or("").to_owned()
        });
        let event = deployment.gate.decision_after(n);
        let got = (
            answer.status,
            error_code.as_deref(),
            event["code"].as_str().unwrap_or("?"),
        );
        if got != (status, error, code) {
            failures.push(format!("wanted {wanted:?}, got {got:?}; logged {event}"));
        }
        let policy = status == 403 || error == Some("insufficient_user_authentication");
        if policy && code != "no_route" && event["rule"].as_str().is_none_or(str::is_empty) {
            failures.push(format!("{code}: no rule in {event}"));
        }
        if event["decision"] != json!("deny") || event["id"] != answer.json()["decision"] {
            failures.push(format!("{code}: {event} beside {}", answer.text()));
        }
        // The answer does not contain the reason of a denial by policy.
        if error.is_none() && answer.everything().contains(code) {
            failures.push(format!("{code}: the answer reveals the code: {}", answer.everything()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn a_request_without_keys_is_answered_with_503() {
    let conduct = Conduct::Status(500, String::new());
    let configuration = Configuration::of_policy(POLICY);
    let deployment = Deployment::start_cold(TokenIssuer::new(), conduct, &configuration);
    let token = deployment.issuer.token(json!({}));
    let answer = wire::get(deployment.gate.address, "/any", &token);
    assert_eq!((answer.status, answer.field("www-authenticate")), (503, None));
    assert!(answer.field("retry-after").is_some());
    let decision = deployment.gate.decision_after(0);
    let reason = format!("the signing keys of issuer `{}` are unavailable", crate::mint::ISSUER);
    assert_eq!(
        (&decision["code"], &decision["reason"]),
        (&json!("keys_unavailable"), &json!(reason))
    );
}

#[test]
fn the_reason_of_a_missing_scope_names_what_the_route_requires() {
    let deployment = Deployment::with_policy("routes: [{ match: GET /scoped, scopes: [orders:read, orders:list] }]");
    let token = deployment.issuer.token(json!({ "scope": "other-canary orders:list" }));
    assert_eq!(deployment.status("/scoped", &token), 403);
    let decision = deployment.gate.decision_after(0);
    assert_eq!(
        (&decision["code"], &decision["reason"]),
        (
            &json!("insufficient_scope"),
            &json!("the token lacks a scope that the route requires: orders:read orders:list")
        )
    );
}

/// An allowed request has no code, and a public route no chain.
#[test]
fn an_allowed_request_is_logged_with_its_chain() {
    let deployment = Deployment::with_policy(POLICY);
    let token = deployment.issuer.token(json!({ "act": chain(&["tool", "bot"]) }));
    assert_eq!(deployment.status("/delegated?x=secret-query", &token), 200);
    assert_eq!(deployment.status("/open", "x"), 200);
    let event = deployment.gate.decision_after(0);
    assert_eq!((&event["decision"], &event["code"]), (&json!("allow"), &Value::Null));
    assert_eq!(event["route"], json!("GET /delegated"));
    let text = event.to_string();
    for name in ["alice-canary", "tool", "bot", "web-canary"] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(!text.contains("secret-query"), "{text}");
    assert!(!text.contains(crate::mint::parts(&token)[2]), "{text}");
    let open = deployment.gate.decision_after(1);
    assert_eq!(
        (&open["decision"], &open["chain"]),
        (&json!("allow"), &Value::Null),
        "{open}"
    );
}
