//! The device grant, RFC 8628.

use actgate_issuer::Settings;
use serde_json::Value;

use crate::browser::{ALICE_WITH_PASSWORD, BOB, session};
use crate::client::{Pairs, Reply, Running, claims};

const ALLOW: Pairs<'_> = &[("decision", "allow")];

async fn ask(issuer: &Running) -> Value {
    let pairs = [
        ("client_id", "terminal"),
        ("scope", "openid offline_access orders:read"),
    ];
    let reply = issuer.post("/device_authorization", &pairs).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

async fn poll(issuer: &Running, asked: &Value) -> Reply {
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "terminal"),
        ("device_code", asked["device_code"].as_str().unwrap()),
    ];
    issuer.post("/token", &pairs).await
}

/// Enters a user code as a browser with this session does.
async fn enter(issuer: &Running, code: &str) -> Reply {
    let page = issuer.get("/device").await;
    issuer.submit(&page, "/device", &[("user_code", code)]).await
}

#[tokio::test]
async fn a_user_connects_a_device() {
    let issuer = Running::start(Settings::default()).await;
    let asked = ask(&issuer).await;
    let code = asked["user_code"].as_str().unwrap();
    assert_eq!((code.len(), &code[4..5], &asked["interval"]), (9, "-", &5.into()));
    assert_eq!(asked["verification_uri"], format!("{}/device", issuer.url));
    poll(&issuer, &asked).await.assert_error(400, "authorization_pending");

    let complete = asked["verification_uri_complete"].as_str().unwrap();
    let page = issuer.get(complete.strip_prefix(&*issuer.url).unwrap()).await;
    assert!(page.text.contains(&format!("value=\"{code}\"")), "{}", page.text);
    let typed = code.to_lowercase().replace('-', " ");
    let page = issuer.submit(&page, "/device", &[("user_code", &typed)]).await;
    assert!(page.text.contains("action=\"/login\""), "{}", page.text);
    let page = issuer.submit(&page, "/login", BOB).await;
    session(&page);
    for shown in ["The shop on a command line", "orders:read", "bob", "action=\"/device\""] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let done = issuer.submit(&page, "/device", ALLOW).await;
    assert!(done.text.contains("Approved"), "{}", done.text);
    let reply = poll(&issuer, &asked).await;
    let token = claims(&reply.access_token());
    assert_eq!(
        (&token["sub"], &token["client_id"]),
        (&"bob".into(), &"terminal".into())
    );
    assert!(token.get("act").is_none() && reply.json()["id_token"].is_string());
    assert!(reply.json()["refresh_token"].is_string());
    poll(&issuer, &asked).await.assert_error(400, "invalid_grant");
    let used = enter(&issuer, code).await;
    assert!(used.text.contains("was used already"), "{}", used.text);
}

#[tokio::test]
async fn the_polls_of_a_device_are_answered_as_those_of_a_backchannel_request() {
    let issuer = Running::start(Settings::default()).await;
    let asked = ask(&issuer).await;
    poll(&issuer, &asked).await.assert_error(400, "authorization_pending");
    poll(&issuer, &asked).await.assert_error(400, "slow_down");
    let page = enter(&issuer, asked["user_code"].as_str().unwrap()).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    issuer.submit(&page, "/device", &[("decision", "deny")]).await;
    poll(&issuer, &asked).await.assert_error(400, "access_denied");
    let late = ask(&issuer).await;
    issuer.handle.set_clock_offset(601);
    poll(&issuer, &late).await.assert_error(400, "expired_token");
    let page = enter(&issuer, late["user_code"].as_str().unwrap()).await;
    assert!(page.text.contains("has expired"), "{}", page.text);
    let unknown = serde_json::json!({ "device_code": "x.y" });
    poll(&issuer, &unknown).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn guesses_of_user_codes_are_limited() {
    let issuer = Running::start(Settings::default()).await;
    let asked = ask(&issuer).await;
    for _ in 0..10 {
        let page = enter(&issuer, "BBBB-BBBB").await;
        assert!(page.status == 200 && page.text.contains("not known"), "{}", page.text);
    }
    let code = asked["user_code"].as_str().unwrap();
    assert_eq!(enter(&issuer, code).await.status, 429);
    issuer.handle.set_clock_offset(301);
    assert!(enter(&issuer, code).await.text.contains("action=\"/login\""));
    assert_eq!(
        issuer.post("/device", &[("user_code", code)]).await.status,
        400,
        "no form"
    );
}

#[tokio::test]
async fn each_error_of_a_device_request() {
    let issuer = Running::start(Settings::default()).await;
    for (pairs, status, error) in [
        (vec![("client_id", "unknown")], 401, "invalid_client"),
        (
            vec![("client_id", "terminal"), ("scope", "no:such")],
            400,
            "invalid_scope",
        ),
        (
            vec![("client_id", "terminal"), ("resource", "https://shipping.example")],
            400,
            "invalid_target",
        ),
    ] {
        issuer
            .post("/device_authorization", &pairs)
            .await
            .assert_error(status, error);
    }
    let form = issuer.form("/device_authorization", &[]);
    let reply = Reply::read(form.basic_auth("assistant", Some("assistant-secret"))).await;
    reply.assert_error(400, "unauthorized_client");
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    for (name, path) in [
        ("device_authorization_endpoint", "device_authorization"),
        ("backchannel_authentication_endpoint", "bc-authorize"),
    ] {
        assert_eq!(metadata[name], format!("{}/{path}", issuer.url));
    }
    assert_eq!(
        metadata["backchannel_token_delivery_modes_supported"],
        serde_json::json!(["poll"])
    );
}
