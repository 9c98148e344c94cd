//! Flows with the built-in registry of the issuer; every token is used at a gate in front of an API.

use serde_json::{Value, json};

use crate::deployment::bundled_issuer::{
    ALICE, ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims, error, gate_for,
};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::flows::key_rotation::signer;
use crate::mint::parts;
use crate::wire::challenge::Challenge;
use crate::wire::{self, bearer, request};

const POLICY: &str = r#"
requirements:
  human-must-initiate:
    initiator: { kind: human }
  fresh-human:
    require: [human-must-initiate]
    initiator: { amr: [mfa], max_auth_age: 5m }
routes:
  - match: GET /health
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: POST /orders
    scopes: [orders:write]
    require: [human-must-initiate]
  - match: POST /refunds
    scopes: [refunds:write]
    require: [fresh-human]
    actor: { one_of: [refund-agent, shopper] }
    chain: { max_depth: 2 }
  - match: GET /one-hop/{id}
    scopes: [orders:read]
    chain: { max_depth: 1 }
  - match: GET /people/{id}
    actor: { absent: true }
  - match: GET /machines/{id}
    initiator: { kind: agent }
  - match: GET /delegated/{id}
    actor: { required: true }
"#;

struct Shop {
    issuer: BundledIssuer,
    upstream: Upstream,
    gate: Gate,
}

impl Shop {
    fn open() -> Self {
        Self::with(BundledIssuer::start())
    }

    fn with(issuer: BundledIssuer) -> Self {
        let upstream = Upstream::start();
        let gate = gate_for(&issuer, upstream.address(), ORDERS, POLICY);
        Self { issuer, upstream, gate }
    }

    fn assert(&self, method: &str, target: &str, token: &str, status: u16, code: &str) {
        let decided = self.gate.decide(method, target, token);
        assert_eq!(
            decided,
            (status, code.to_owned()),
            "{method} {target} with {}",
            claims(token)
        );
    }
}

#[test]
fn a_client_credentials_token_is_autonomous() {
    let shop = Shop::open();
    let answer = shop.issuer.client_credentials("night-batch", ORDERS, "orders:read");
    let token = access_token(&answer);
    let claims = claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["aud"]),
        (&json!("night-batch"), &json!(ORDERS))
    );
    assert!(claims.get("act").is_none(), "without an actor: {claims}");
    assert!(answer.json().get("refresh_token").is_none() && answer.json().get("id_token").is_none());
    shop.assert("GET", "/orders/1", &token, 200, "");
    shop.assert("GET", "/machines/1", &token, 200, "");
    shop.assert("GET", "/delegated/1", &token, 403, "actor_missing");
    shop.assert("POST", "/orders", &token, 403, "insufficient_scope");
    let writer = access_token(&shop.issuer.client_credentials("night-batch", ORDERS, "orders:write"));
    shop.assert("POST", "/orders", &writer, 403, "initiator_not_human");
    let beyond = shop.issuer.client_credentials("warehouse", ORDERS, "refunds:write");
    assert_eq!(error(&beyond), (400, "invalid_scope".into()));
    let elsewhere = shop
        .issuer
        .client_credentials("warehouse", "https://nowhere.example", "orders:read");
    assert_eq!(error(&elsewhere), (400, "invalid_target".into()));
    let unknown = shop.issuer.client_credentials("unknown", ORDERS, "orders:read");
    assert_eq!(error(&unknown), (401, "invalid_client".into()));
}

#[test]
fn a_code_with_pkce_is_redeemed_for_a_token_of_the_user() {
    let shop = Shop::open();
    let answer = shop.issuer.sign_in(
        "storefront",
        ALICE_BY_PASSWORD,
        ORDERS,
        "openid orders:read orders:write",
    );
    let token = access_token(&answer);
    let claims = claims(&token);
    assert_eq!(
        (&claims["sub"], &claims["client_id"]),
        (&json!("alice"), &json!("storefront"))
    );
    assert_eq!(claims["amr"], json!(["pwd"]));
    shop.assert("GET", "/orders/1", &token, 200, "");
    shop.assert("POST", "/orders", &token, 200, "");
    shop.assert("GET", "/people/1", &token, 200, "");
    shop.assert("GET", "/delegated/1", &token, 403, "actor_missing");
    let id_token = answer.json()["id_token"].as_str().expect("an ID token").to_owned();
    let (status, _) = shop.gate.decide("GET", "/orders/1", &id_token);
    assert_eq!(status, 401, "an ID token is not an access token");

    // With an agent as the client, the agent is the actor.
    let token = access_token(
        &shop
            .issuer
            .sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, "orders:read"),
    );
    assert_eq!(claims_of_actor(&token), ["assistant"]);
    shop.assert("GET", "/orders/1", &token, 200, "");
    shop.assert("GET", "/people/1", &token, 403, "actor_present");
}

fn claims_of_actor(token: &str) -> Vec<String> {
    let mut names = Vec::new();
    let claims = claims(token);
    let mut act = claims.get("act");
    while let Some(actor) = act {
        names.push(actor["sub"].as_str().expect("a name").to_owned());
        act = actor.get("act");
    }
    names
}

#[test]
fn a_code_is_redeemed_once_by_its_client_with_its_verifier() {
    let shop = Shop::open();
    let verifier = "a-verifier-of-at-least-forty-three-characters-0123456789";
    let redeem = |client: &str, code: &str, verifier: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://storefront.example/callback"),
            ("code_verifier", verifier),
        ];
        shop.issuer.token(client, &form)
    };
    let code = shop
        .issuer
        .code("storefront", ALICE_BY_PASSWORD, ORDERS, "orders:read", verifier);
    assert_eq!(
        error(&redeem("assistant", &code, verifier)),
        (400, "invalid_grant".into()),
        "another client"
    );
    assert_eq!(redeem("storefront", &code, verifier).status, 200);
    assert_eq!(
        error(&redeem("storefront", &code, verifier)),
        (400, "invalid_grant".into()),
        "twice"
    );
    let code = shop
        .issuer
        .code("storefront", ALICE_BY_PASSWORD, ORDERS, "orders:read", verifier);
    let wrong = redeem("storefront", &code, &verifier.replace('a', "b"));
    assert_eq!(error(&wrong), (400, "invalid_grant".into()), "another verifier");
}

#[test]
fn an_exchange_adds_an_actor_and_shrinks_the_scope() {
    let shop = Shop::open();
    let assistant = "https://assistant.example";
    let first = access_token(&shop.issuer.sign_in(
        "storefront",
        ALICE_BY_PASSWORD,
        assistant,
        "orders:read orders:write",
    ));
    shop.assert("GET", "/orders/1", &first, 401, "invalid_claim");
    let second = access_token(&shop.issuer.exchange("assistant", &first, ORDERS, "orders:read"));
    assert_eq!(claims_of_actor(&second), ["assistant"]);
    let claims_before = claims(&first);
    let claims_after = claims(&second);
    assert_eq!(
        (&claims_after["sub"], &claims_after["aud"]),
        (&json!("alice"), &json!(ORDERS))
    );
    assert!(
        claims_after["exp"].as_u64() <= claims_before["exp"].as_u64(),
        "not valid for longer than the subject token"
    );
    assert!(claims_after.get("may_act").is_none());
    shop.assert("GET", "/orders/1", &second, 200, "");
    shop.assert("GET", "/one-hop/1", &second, 200, "");
    shop.assert("POST", "/orders", &second, 403, "insufficient_scope");
    let seen = shop.upstream.since(0);
    let one = seen.last().expect("a request upstream");
    assert_eq!(one.head.values("x-auth-subject"), ["alice"]);
    assert!(one.head.values("x-auth-actor")[0].contains("assistant"));
}

#[test]
fn two_exchanges_keep_the_chain_and_lock_the_audience() {
    let shop = Shop::open();
    let (assistant, shopper) = ("https://assistant.example", "https://shopper.example");
    let first = access_token(
        &shop
            .issuer
            .sign_in("storefront", ALICE, assistant, "orders:read refunds:write"),
    );
    let second = access_token(
        &shop
            .issuer
            .exchange("assistant", &first, shopper, "orders:read refunds:write"),
    );
    let third = access_token(&shop.issuer.exchange("shopper", &second, ORDERS, "refunds:write"));
    assert_eq!(claims_of_actor(&third), ["shopper", "assistant"]);
    shop.assert("POST", "/refunds", &third, 200, "");
    shop.assert("GET", "/orders/1", &third, 403, "insufficient_scope");
    // A token of one hop is not valid at another.
    shop.assert("POST", "/refunds", &second, 401, "invalid_claim");
    shop.assert("POST", "/refunds", &first, 401, "invalid_claim");
    let deep = access_token(&shop.issuer.exchange("shopper", &second, ORDERS, "orders:read"));
    shop.assert("GET", "/one-hop/1", &deep, 403, "chain_too_deep");
}

#[test]
fn a_third_hop_is_denied_by_max_depth() {
    let shop = Shop::open();
    let (assistant, shopper) = ("https://assistant.example", "https://shopper.example");
    let (refunds, scope) = ("https://refund-agent.example", "refunds:write");
    let refund = |token: &str| {
        let answer = shop
            .issuer
            .exchange_with_actor_token("refund-agent", token, ORDERS, scope);
        access_token(&answer)
    };
    let first = access_token(&shop.issuer.sign_in("storefront", ALICE, assistant, scope));
    let straight = access_token(&shop.issuer.exchange("assistant", &first, refunds, scope));
    shop.assert("POST", "/refunds", &refund(&straight), 200, "");
    let second = access_token(&shop.issuer.exchange("assistant", &first, shopper, scope));
    let third = access_token(&shop.issuer.exchange("shopper", &second, refunds, scope));
    let deep = refund(&third);
    assert_eq!(claims_of_actor(&deep), ["refund-agent", "shopper", "assistant"]);
    shop.assert("POST", "/refunds", &deep, 403, "chain_too_deep");
}

#[test]
fn a_wider_scope_or_another_target_is_denied() {
    let shop = Shop::open();
    let assistant = "https://assistant.example";
    let narrow = access_token(
        &shop
            .issuer
            .sign_in("storefront", ALICE_BY_PASSWORD, assistant, "orders:read"),
    );
    let wide = shop
        .issuer
        .exchange("assistant", &narrow, ORDERS, "orders:read orders:write");
    assert_eq!(error(&wide), (400, "invalid_scope".into()));
    let other = shop
        .issuer
        .exchange("assistant", &narrow, "https://nowhere.example", "orders:read");
    assert_eq!(error(&other), (400, "invalid_target".into()));
    let forged = shop
        .issuer
        .exchange("assistant", &format!("{narrow}x"), ORDERS, "orders:read");
    assert_eq!(error(&forged), (400, "invalid_request".into()));
    let not_its_own = shop.issuer.exchange("ledger-bot", &narrow, ORDERS, "orders:read");
    assert!(not_its_own.status >= 400, "{}", not_its_own.everything());
}

#[test]
fn an_agent_that_exchanges_its_own_token_is_not_delegated() {
    let shop = Shop::open();
    // Its own token, exchanged: `act.sub` equals `sub`, as with Ping.
    let own = access_token(
        &shop
            .issuer
            .client_credentials("ledger-bot", "https://ledger-bot.example", "orders:read"),
    );
    let token = access_token(&shop.issuer.exchange("ledger-bot", &own, ORDERS, "orders:read"));
    assert_eq!(claims_of_actor(&token), ["ledger-bot"]);
    assert_eq!(claims(&token)["sub"], json!("ledger-bot"));
    shop.assert("GET", "/machines/1", &token, 200, "");
    shop.assert("GET", "/delegated/1", &token, 403, "actor_missing");
    // Without a human every exchange works, and the rule on the initiator denies.
    let own = access_token(&shop.issuer.client_credentials(
        "night-batch",
        "https://night-batch.example",
        "orders:write",
    ));
    let token = access_token(&shop.issuer.exchange("night-batch", &own, ORDERS, "orders:write"));
    shop.assert("POST", "/orders", &token, 403, "initiator_not_human");
}

#[test]
fn a_login_without_a_second_factor_is_denied() {
    let shop = Shop::open();
    let refund_agent = "https://refund-agent.example";
    let refund = |login| {
        let first = shop.issuer.sign_in("assistant", login, refund_agent, "refunds:write");
        let first = access_token(&first);
        let second = shop
            .issuer
            .exchange_with_actor_token("refund-agent", &first, ORDERS, "refunds:write");
        access_token(&second)
    };
    shop.assert("POST", "/refunds", &refund(ALICE_BY_PASSWORD), 403, "amr_not_met");
    shop.assert("POST", "/refunds", &refund(ALICE), 200, "");
}

#[test]
fn an_old_login_gets_a_step_up_challenge() {
    let (issuer, handle) = BundledIssuer::start_with_handle();
    let shop = Shop::with(issuer);
    let refund_agent = "https://refund-agent.example";
    handle.set_clock_offset(-400);
    let first = access_token(&shop.issuer.sign_in("assistant", ALICE, refund_agent, "refunds:write"));
    handle.set_clock_offset(0);
    let answer = shop
        .issuer
        .exchange_with_actor_token("refund-agent", &first, ORDERS, "refunds:write");
    let token = access_token(&answer);
    let bytes = request("POST", "/refunds", &[&bearer(&token)]);
    let answer = wire::answer(shop.gate.address, &bytes);
    let challenge = answer.field("www-authenticate").expect("a challenge");
    let challenge = Challenge::parse(&challenge).expect("a challenge");
    assert_eq!(answer.status, 401);
    assert_eq!(challenge.parameter("error"), Some("insufficient_user_authentication"));
    assert_eq!(challenge.parameter("max_age"), Some("300"));
}

#[test]
fn a_rotation_at_the_issuer_needs_no_restart_of_the_gate() {
    let (issuer, handle) = BundledIssuer::start_with_handle();
    let shop = Shop::with(issuer);
    let token = || access_token(&shop.issuer.client_credentials("warehouse", ORDERS, "orders:read"));
    let before = token();
    shop.assert("GET", "/orders/1", &before, 200, "");
    handle.rotate_key().expect("a new key");
    let after = token();
    assert_ne!(parts(&before)[0], parts(&after)[0], "another kid");
    let deadline = std::time::Instant::now() + wire::DEADLINE;
    while shop.gate.decide("GET", "/orders/1", &after).0 != 200 {
        assert!(std::time::Instant::now() < deadline, "the new key is not found");
    }
    shop.assert("GET", "/orders/1", &before, 200, "");
    let withdrawn = shop
        .issuer
        .administer("POST", &format!("keys/{}/revoke", signer(&before)), "");
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.everything());
    while shop.gate.decide("GET", "/orders/1", &before).0 != 401 {
        assert!(
            std::time::Instant::now() < deadline,
            "the withdrawn key is still accepted"
        );
    }
    shop.assert("GET", "/orders/1", &after, 200, "");
}

#[test]
fn each_signing_algorithm_of_the_issuer_is_accepted() {
    for algorithm in ["es256", "rs256", "eddsa"] {
        let shop = Shop::with(BundledIssuer::start_signing(algorithm));
        let token = access_token(&shop.issuer.client_credentials("warehouse", ORDERS, "orders:read"));
        shop.assert("GET", "/orders/1", &token, 200, "");
        let jwks = wire::answer(shop.issuer.address, &request("GET", "/jwks", &[])).json();
        let keys = jwks["keys"].as_array().expect("keys");
        let public = |key: &Value| ["d", "p", "q", "k"].iter().all(|private| key.get(private).is_none());
        assert!(!keys.is_empty() && keys.iter().all(public), "{algorithm}");
    }
}
