//! Client credentials, client authentication, and the limits of the token endpoint.

use actgate_issuer::Settings;
use serde_json::json;

use crate::client::{Reply, Running, claims, part};

const ORDERS: (&str, &str) = ("resource", "https://orders.example");
const GRANT: (&str, &str) = ("grant_type", "client_credentials");

#[tokio::test]
async fn an_agent_without_a_user() {
    let issuer = Running::start(Settings::default()).await;
    let reply = issuer
        .token("night-batch", &[GRANT, ORDERS, ("scope", "orders:read")])
        .await;
    let token = reply.access_token();
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    assert_eq!(part(&token, 0)["alg"], "ES256");
    let claims = claims(&token);
    for (name, value) in [
        ("iss", json!(issuer.url)),
        ("sub", json!("night-batch")),
        ("sub_profile", json!("ai_agent")),
        ("client_id", json!("night-batch")),
        ("client_profile", json!("ai_agent")),
        ("aud", json!("https://orders.example")),
        ("scope", json!("orders:read")),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let seconds = |name: &str| claims[name].as_u64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 900);
    assert_eq!(seconds("nbf"), seconds("iat"));
    assert!(claims["jti"].as_str().unwrap().len() > 20);
    for absent in ["act", "auth_time", "acr", "amr"] {
        assert!(claims.get(absent).is_none(), "{absent}");
    }
    let body = reply.json();
    assert_eq!(
        (&body["token_type"], &body["expires_in"]),
        (&json!("Bearer"), &json!(900))
    );
    assert!(body.get("id_token").is_none() && body.get("refresh_token").is_none());
}

#[tokio::test]
async fn without_a_requested_scope_everything_allowed_is_granted() {
    let issuer = Running::start(Settings::default()).await;
    let shipping = ("resource", "https://shipping.example");
    let token = issuer.token("warehouse", &[GRANT, shipping]).await.access_token();
    assert_eq!(claims(&token)["scope"], "orders:read shipping:write");
    assert_eq!(claims(&token)["sub_profile"], "service");
    let token = issuer.token("refund-agent", &[GRANT]).await.access_token();
    assert_eq!(claims(&token)["aud"], "https://orders.example", "its only resource");
}

#[tokio::test]
async fn errors_of_client_credentials() {
    let issuer = Running::start(Settings::default()).await;
    for (client, pairs, error) in [
        (
            "warehouse",
            vec![GRANT, ORDERS, ("scope", "orders:write")],
            "invalid_scope",
        ),
        (
            "warehouse",
            vec![GRANT, ORDERS, ("scope", "shipping:write")],
            "invalid_scope",
        ),
        ("warehouse", vec![GRANT, ORDERS, ("scope", "a\"b")], "invalid_scope"),
        ("warehouse", vec![GRANT], "invalid_target"),
        (
            "warehouse",
            vec![GRANT, ("resource", "https://nowhere.example")],
            "invalid_target",
        ),
        (
            "warehouse",
            vec![GRANT, ("resource", "https://night-batch.example")],
            "invalid_target",
        ),
        (
            "warehouse",
            vec![GRANT, ORDERS, ("resource", "https://shipping.example")],
            "invalid_target",
        ),
        ("warehouse", vec![GRANT, GRANT], "invalid_request"),
        (
            "warehouse",
            vec![GRANT, ORDERS, ("scope", "a"), ("scope", "b")],
            "invalid_request",
        ),
        ("warehouse", vec![ORDERS], "invalid_request"),
        ("warehouse", vec![("grant_type", "password")], "unsupported_grant_type"),
        (
            "warehouse",
            vec![("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")],
            "unsupported_grant_type",
        ),
        ("storefront", vec![GRANT, ORDERS], "unauthorized_client"),
    ] {
        let reply = issuer.token(client, &pairs).await;
        reply.assert_error(400, error);
        assert!(!reply.text.contains("secret"), "{}", reply.text);
    }
    let public = [GRANT, ORDERS, ("client_id", "terminal")];
    issuer
        .post("/token", &public)
        .await
        .assert_error(400, "unauthorized_client");
}

#[tokio::test]
async fn a_client_that_fails_to_authenticate() {
    let issuer = Running::start(Settings::default()).await;
    let form = || issuer.form("/token", &[GRANT, ORDERS]);

    let reply = Reply::read(form().basic_auth("warehouse", Some("hunter2"))).await;
    reply.assert_error(401, "invalid_client");
    assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    assert!(!reply.text.contains("hunter2"));

    let posted = [GRANT, ORDERS, ("client_id", "warehouse"), ("client_secret", "hunter2")];
    let reply = issuer.post("/token", &posted).await;
    reply.assert_error(401, "invalid_client");
    assert_eq!(reply.header("www-authenticate"), None);

    let posted = [
        GRANT,
        ORDERS,
        ("client_id", "warehouse"),
        ("client_secret", "warehouse-secret"),
    ];
    assert_eq!(issuer.post("/token", &posted).await.status, 200);
    let both = issuer
        .form("/token", &posted)
        .basic_auth("warehouse", Some("warehouse-secret"));
    Reply::read(both).await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn the_limits_of_a_request() {
    let issuer = Running::start(Settings::default()).await;
    let large = "x".repeat(65 * 1024);
    let reply = issuer.token("warehouse", &[GRANT, ORDERS, ("scope", &large)]).await;
    reply.assert_error(413, "invalid_request");
    let many = vec![("a", "1"); 65];
    issuer
        .token("warehouse", &many)
        .await
        .assert_error(400, "invalid_request");
    let json = issuer.http.post(format!("{}/token", issuer.url));
    let json = json.header("content-type", "application/json").body("{}");
    Reply::read(json).await.assert_error(400, "invalid_request");

    assert_eq!(issuer.get("/token").await.status, 405);
    assert_eq!(issuer.get("/token").await.header("allow"), Some("POST"));
    assert_eq!(issuer.post("/jwks", &[]).await.status, 405);
    for path in ["/", "/token/", "//token", "/admin", "/introspect/"] {
        assert_eq!(issuer.get(path).await.status, 404, "{path}");
    }
}
