//! Introspection, revocation and UserInfo of the running issuer, and what ends by a second use and a withdrawn consent.

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};

use crate::deployment::bundled_issuer::{
    ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims, error, refresh_token,
};
use crate::mint::signing_key::base64url;
use crate::wire::{self, bearer, request};

const ASSISTANT: &str = "https://assistant.example";

fn redeem(issuer: &BundledIssuer, code: &str, verifier: &str) -> wire::Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://storefront.example/callback"),
        ("code_verifier", verifier),
    ];
    issuer.token("storefront", &form)
}

#[test]
fn a_code_that_is_used_twice_ends_what_it_gave() {
    let issuer = BundledIssuer::start();
    let verifier = base64url(digest(&SHA256, b"a verifier"));
    let scope = "offline_access orders:read";
    let code = issuer.code("storefront", ALICE_BY_PASSWORD, ASSISTANT, scope, &verifier);
    let first = redeem(&issuer, &code, &verifier);
    let token = access_token(&first);
    let exchanged = access_token(&issuer.exchange("assistant", &token, ORDERS, "orders:read"));
    let invalid = (400, "invalid_grant".to_owned());
    assert_eq!(error(&redeem(&issuer, &code, &verifier)), invalid);
    assert!(!issuer.is_active("storefront", &token) && !issuer.is_active("orders-api", &exchanged));
    assert_eq!(
        error(&issuer.refresh("storefront", &refresh_token(&first), "")),
        invalid
    );
    let exchange = issuer.exchange("assistant", &token, ORDERS, "orders:read");
    assert_eq!(error(&exchange), (400, "invalid_request".to_owned()));
}

#[test]
fn without_consent_refresh_and_exchange_fail() {
    let issuer = BundledIssuer::start();
    let scope = "offline_access orders:read";
    let first = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, scope);
    issuer.withdraw_consent("alice", "wonderland", "storefront");
    let refreshed = issuer.refresh("storefront", &refresh_token(&first), "");
    assert_eq!(error(&refreshed), (400, "invalid_grant".to_owned()));
    let exchange = issuer.exchange("assistant", &access_token(&first), ORDERS, "orders:read");
    assert_eq!(error(&exchange), (400, "invalid_request".to_owned()));
    let again = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, scope));
    access_token(&issuer.exchange("assistant", &again, ORDERS, "orders:read"));
}

#[test]
fn introspection_shows_the_chain_to_the_audience_alone() {
    let issuer = BundledIssuer::start();
    let subject = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, "orders:read"));
    let token = access_token(&issuer.exchange("assistant", &subject, ORDERS, "orders:read"));
    let answer = issuer.post_as("orders-api", "/introspect", &[("token", &token)]).json();
    assert_eq!(answer["active"], true);
    assert_eq!(answer["act"], claims(&token)["act"]);
    assert_eq!(
        (&answer["sub_profile"], &answer["chain_complete"]),
        (&"user".into(), &true.into())
    );
    assert!(!issuer.is_active("warehouse", &token));
    let anonymous = wire::post_form(issuer.address, "/introspect", &[], &[("token", &token)]);
    assert_eq!(error(&anonymous), (401, "invalid_client".to_owned()));
}

#[test]
fn a_revoked_token_is_inactive_at_once() {
    let issuer = BundledIssuer::start();
    let token = access_token(&issuer.client_credentials("warehouse", ORDERS, "orders:read"));
    assert!(issuer.is_active("orders-api", &token));
    assert_eq!(issuer.post_as("warehouse", "/revoke", &[("token", &token)]).status, 200);
    assert!(!issuer.is_active("orders-api", &token));
    assert_eq!(
        issuer.post_as("warehouse", "/revoke", &[("token", "unknown")]).status,
        200
    );
}

#[test]
fn no_token_or_secret_is_logged() {
    let issuer = BundledIssuer::start_logging("debug");
    let first = issuer.sign_in(
        "storefront",
        ALICE_BY_PASSWORD,
        ASSISTANT,
        "openid offline_access orders:read",
    );
    let second = issuer.refresh("storefront", &refresh_token(&first), "");
    let exchanged = access_token(&issuer.exchange("assistant", &access_token(&second), ORDERS, "orders:read"));
    issuer.is_active("orders-api", &exchanged);
    issuer.post_as("storefront", "/revoke", &[("token", &refresh_token(&second))]);
    issuer.refresh("storefront", &refresh_token(&second), "a-scope-of-a-caller");
    wire::post_form(issuer.address, "/introspect", &[], &[("token", "a-token-of-a-caller")]);
    let id_token = first.json()["id_token"].as_str().expect("an ID token").to_owned();
    let deadline = Instant::now() + wire::DEADLINE;
    let log = loop {
        let log = issuer.stderr();
        if log.matches("token request").count() == 4 {
            break log;
        }
        assert!(Instant::now() < deadline, "{log}");
        std::thread::sleep(Duration::from_millis(5));
    };
    let tokens = [
        access_token(&first),
        access_token(&second),
        refresh_token(&first),
        refresh_token(&second),
        exchanged,
        id_token,
    ];
    let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
    for secret in parts.chain([
        "wonderland",
        "GEZDGNBVGY3TQOJQ",
        "-secret",
        "a-scope-of-a-caller",
        "a-token-of-a-caller",
    ]) {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn userinfo_is_for_users() {
    let issuer = BundledIssuer::start();
    let userinfo = |token: &str| wire::answer(issuer.address, &request("GET", "/userinfo", &[&bearer(token)]));
    let user = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, "openid orders:read"));
    assert_eq!(userinfo(&user).json()["sub"], "alice");
    let machine = access_token(&issuer.client_credentials("warehouse", ORDERS, "orders:read"));
    for (token, status) in [(&*machine, 403), ("x", 401)] {
        let answer = userinfo(token);
        assert_eq!(answer.status, status);
        assert!(
            answer
                .field("www-authenticate")
                .is_some_and(|challenge| challenge.starts_with("Bearer "))
        );
    }
}

#[test]
fn a_refused_request_is_logged_with_its_reason_and_its_registered_client() {
    let issuer = BundledIssuer::start_logging("info");
    let post = |target: &str, form: &[(&str, &str)]| wire::post_form(issuer.address, target, &[], form);
    let of = |id: &'static str| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", "wrong"),
        ]
    };
    assert_eq!(post("/token", &of("warehouse")).status, 401);
    assert_eq!(post("/token", &of("a-client-of-a-caller")).status, 401);
    let unknown = [("grant_type", "a-grant-of-a-caller"), ("client_id", "terminal")];
    assert_eq!(post("/token", &unknown).status, 400);
    assert_eq!(post("/par", &[("client_id", "terminal")]).status, 400);
    let nowhere = [("client_id", "terminal"), ("resource", "https://nowhere.example")];
    assert_eq!(post("/device_authorization", &nowhere).status, 400);
    let get = |target: &str| wire::answer(issuer.address, &request("GET", target, &["Host: localhost"]));
    let callback = "redirect_uri=https://storefront.example/callback";
    assert_eq!(get(&format!("/authorize?client_id=storefront&{callback}")).status, 303);
    assert_eq!(get("/authorize?client_id=a-client-of-a-caller").status, 400);
    let expected = [
        r#"token request client="warehouse" grant="client_credentials" outcome="invalid_client""#,
        r#"token request grant="client_credentials" outcome="invalid_client""#,
        r#"token request client="terminal" outcome="unsupported_grant_type""#,
        r#"par request client="terminal" outcome="invalid_request" reason="the redirect_uri is not registered""#,
        r#"device_authorization request client="terminal" outcome="invalid_target""#,
        r#"authorize request client="storefront" outcome="invalid_request" reason="response_type is missing""#,
        r#"page request reason="The client_id is missing, or not registered.""#,
    ];
    let deadline = Instant::now() + wire::DEADLINE;
    let log = loop {
        let log = issuer.stderr();
        if expected.iter().all(|line| log.contains(line)) {
            break log;
        }
        assert!(Instant::now() < deadline, "{log}");
        std::thread::sleep(Duration::from_millis(5));
    };
    for text in ["of-a-caller", "wrong", "nowhere.example"] {
        assert!(!log.contains(text), "{text} in {log}");
    }
}
