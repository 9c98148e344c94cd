//! What a grant, a token and a client have after a registration or a user changed, and what is recorded of it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use actgate_issuer::{AUDIT_FILE, IssuancePolicy, IssuanceRequest, Registry, Settings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::{settings, text};
use crate::browser::{ALICE, ALICE_WITH_PASSWORD, VERIFIER, answer, authorization_request, redirect_uri};
use crate::client::{ACCESS_TOKEN, Reply, Running, claims};
use crate::exchange::{ORDERS, REFUND_AGENT};
use crate::registration::CALLBACK;

const ALLOW: &[(&str, &str)] = &[("decision", "allow")];
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test]
async fn a_refresh_has_what_its_agent_is_registered_for_now() {
    let issuer = Running::start(settings()).await;
    let scopes = json!({ "scopes": ["orders:read", "orders:write"] });
    let secret = text(&issuer.add_agent(scopes).await, "client_secret");
    let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    let own = issuer.token_with("scout", &secret, &own).await.access_token();
    let through = [("requested_actor", "scout")];
    let request = authorization_request(
        "storefront",
        ORDERS,
        "offline_access orders:read orders:write",
        &through,
    );
    let page = issuer.get(&format!("/authorize?{request}")).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let code = answer(&issuer.submit(&page, "/consent", ALLOW).await, "code").unwrap();
    let redirect_uri = redirect_uri("storefront");
    let redeemed = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", VERIFIER),
        ("actor_token", &own),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    let first = issuer.token("storefront", &redeemed).await;
    assert_eq!(first.json()["scope"], "offline_access orders:read orders:write");
    let change = async |change: Value| issuer.admin(Method::PATCH, "agents/scout", change).await;
    assert_eq!(change(json!({ "scopes": ["orders:read"] })).await.status, 200);
    let refresh = text(&first, "refresh_token");
    let second = issuer.refresh("storefront", &refresh, &[]).await;
    assert_eq!(second.json()["scope"], "offline_access orders:read", "{}", second.text);
    let elsewhere = json!({ "resources": ["https://shipping.example"] });
    assert_eq!(change(elsewhere).await.status, 200);
    let refresh = text(&second, "refresh_token");
    let third = issuer.refresh("storefront", &refresh, &[]).await;
    third.assert_error(400, "invalid_grant");
}

fn in_folder(folder: &Path) -> Settings {
    Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.join("data")),
        ..settings()
    }
}

#[tokio::test]
async fn an_exchange_has_what_its_user_may_do_now() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Running::start(in_folder(folder.path())).await;
    let token = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    issuer.stop().await;
    let narrower = Registry::SAMPLE.replace(
        "    scopes: [orders:read, orders:write, refunds:write, shipping:write]\n  bob",
        "    scopes: [orders:read]\n  bob",
    );
    assert_ne!(narrower, Registry::SAMPLE);
    let narrower = Registry::from_yaml(&narrower).unwrap();
    let issuer = Running::with_registry(in_folder(folder.path()), narrower).await;
    let refunds = [("resource", REFUND_AGENT), ("scope", "refunds:write")];
    let refused = issuer.exchange("assistant", &token, &refunds).await;
    refused.assert_error(400, "invalid_scope");
    let orders = issuer.exchange("assistant", &token, &[("resource", ORDERS)]).await;
    assert_eq!(claims(&orders.access_token())["scope"], "orders:read");
    issuer.stop().await;
}

#[tokio::test]
async fn openid_suffices_and_scopes_for_claims_are_ignored() {
    let issuer = Running::start(Settings::default()).await;
    for (requested, granted) in [
        ("openid", "openid"),
        ("openid profile email", "openid"),
        ("openid orders:read phone", "openid orders:read"),
    ] {
        let token = issuer.user_token("storefront", ORDERS, requested, ALICE).await;
        assert_eq!(claims(&token)["scope"], granted, "{requested}");
    }
}

#[tokio::test]
async fn an_authorization_request_can_be_a_form() {
    let issuer = Running::start(Settings::default()).await;
    let request = authorization_request("storefront", ORDERS, "openid orders:read", &[]);
    let pairs: Vec<_> = url::form_urlencoded::parse(request.as_bytes()).into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let page = issuer.post("/authorize", &pairs).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let reply = issuer.submit(&page, "/consent", ALLOW).await;
    assert!(answer(&reply, "code").is_some(), "{}", reply.text);
}

#[tokio::test]
async fn an_agent_keeps_an_owner_and_a_client_of_the_file_is_not_deleted() {
    let issuer = Running::start(settings()).await;
    issuer.add_agent(json!({})).await;
    let orphan = issuer
        .admin(Method::PATCH, "agents/scout", json!({ "owner": null }))
        .await;
    orphan.assert_error(400, "invalid_client_metadata");
    let deleted = issuer.admin(Method::DELETE, "agents/storefront", Value::Null).await;
    deleted.assert_error(409, "conflict");
    issuer.user_token("storefront", ORDERS, "orders:read", ALICE).await;
}

#[tokio::test]
async fn what_a_request_without_a_login_can_leave_is_short() {
    let issuer = Running::start(Settings::default()).await;
    let long = "a".repeat(3_000);
    let logout = issuer.get(&format!("/logout?state={long}")).await;
    assert!(
        logout.status == 400 && logout.text.contains("too long"),
        "{}",
        logout.text
    );
    let port = "0".repeat(3_000);
    let uri = format!("http://127.0.0.1:{port}8400/callback");
    let reply = issuer
        .get(&format!("/authorize?client_id=terminal&redirect_uri={uri}"))
        .await;
    assert_eq!((reply.status, reply.header("location")), (400, None));
}

/// A policy that denies.
struct Denying;

impl fmt::Debug for Denying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Denying")
    }
}

impl IssuancePolicy for Denying {
    fn decide(&self, _: &IssuanceRequest<'_>) -> Result<(), &'static str> {
        Err("never")
    }
}

#[tokio::test]
async fn what_is_no_refusal_takes_no_place_in_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Running::start(Settings {
        registration: true,
        issuance_policy: Some(Arc::new(Denying)),
        ..in_folder(folder.path())
    })
    .await;
    let ask = [("client_id", "terminal"), ("scope", "orders:read")];
    let asked = issuer.post("/device_authorization", &ask).await;
    let code = text(&asked, "device_code");
    for _ in 0..210 {
        let poll = [
            ("client_id", "terminal"),
            ("grant_type", DEVICE),
            ("device_code", &*code),
        ];
        assert_eq!(issuer.post("/token", &poll).await.status, 400);
    }
    // A client that registered itself has proved as little.
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_basic" });
    let client = issuer.register(metadata).await;
    let (id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
    for _ in 0..210 {
        let form = issuer.form("/introspect", &[("token", "x")]);
        Reply::read(form.basic_auth(&id, Some(&secret))).await;
    }
    let page = issuer.get("/consents").await;
    issuer
        .submit(&page, "/login", &[("username", "alice"), ("password", "guess")])
        .await;
    let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    issuer.token("warehouse", &own).await.assert_error(400, "access_denied");
    issuer.stop().await;
    let trail = std::fs::read_to_string(folder.path().join("data").join(AUDIT_FILE)).unwrap();
    let lines = |part: &str| trail.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines("authorization_pending") + lines("slow_down"), 0);
    assert_eq!(lines(r#""event":"introspect""#), 200);
    assert_eq!(
        lines(r#""event":"authentication""#),
        1,
        "failed logins have a budget of their own"
    );
    assert_eq!(
        lines(r#""client_id":"warehouse""#),
        1,
        "a denial of the policy is one line"
    );
}

#[tokio::test]
async fn a_registration_has_a_limited_number_of_keys() {
    let issuer = Running::start(Settings {
        registration: true,
        ..settings()
    })
    .await;
    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let register = async |keys: Value| {
        let metadata = json!({
            "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": keys },
        });
        issuer.register(metadata).await
    };
    assert_eq!(register(json!(vec![&key; 8])).await.status, 201);
    register(json!(vec![&key; 9]))
        .await
        .assert_error(400, "invalid_client_metadata");
    let mut padded = key;
    padded["x-note"] = "a".repeat(10_000).into();
    register(json!([padded]))
        .await
        .assert_error(400, "invalid_client_metadata");
}

#[tokio::test]
async fn the_consent_page_names_who_can_act_behind_the_api() {
    let issuer = Running::start(Settings::default()).await;
    let page = issuer
        .authorize("storefront", "https://assistant.example", "orders:read")
        .await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(page.text.contains("Shopping assistant"), "{}", page.text);
    let page = issuer.authorize("storefront", ORDERS, "orders:read").await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(
        page.text.contains("<h1>Allow access?") && !page.text.contains("act on your behalf"),
        "{}",
        page.text
    );
}
