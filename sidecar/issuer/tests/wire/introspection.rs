//! Introspection.

use actgate_issuer::Settings;
use serde_json::{Value, json};

use crate::browser::ALICE;
use crate::client::{Pairs, Reply, Running, claims, part};
use crate::exchange::{ASSISTANT, ORDERS};

const SIGNED: &str = "application/token-introspection+jwt";

impl Running {
    pub(crate) async fn introspect(&self, client: &str, pairs: Pairs<'_>) -> Reply {
        let secret = format!("{client}-secret");
        Reply::read(self.form("/introspect", pairs).basic_auth(client, Some(secret))).await
    }

    pub(crate) async fn is_active(&self, client: &str, token: &str) -> bool {
        let reply = self.introspect(client, &[("token", token)]).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["active"].as_bool().unwrap()
    }
}

#[tokio::test]
async fn an_active_token_has_all_of_its_claims() {
    let issuer = Running::start(Settings::default()).await;
    let subject = issuer.assistant_token(ALICE).await;
    let token = issuer
        .exchange("assistant", &subject, &[("resource", ORDERS)])
        .await
        .access_token();
    let reply = issuer
        .introspect("orders-api", &[("token", &token), ("token_type_hint", "access_token")])
        .await;
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let mut expected = claims(&token);
    expected["active"] = json!(true);
    expected["token_type"] = json!("Bearer");
    expected["chain_complete"] = json!(true);
    assert_eq!(reply.json(), expected);
    assert_eq!(expected["act"]["sub"], "assistant");
    assert_eq!(expected["sub_profile"], "user");
}

#[tokio::test]
async fn a_token_is_active_for_its_client_and_its_audience() {
    let issuer = Running::start(Settings::default()).await;
    let token = issuer.assistant_token(ALICE).await;
    assert_eq!(claims(&token)["aud"], ASSISTANT);
    for (client, active) in [
        ("storefront", true),
        ("assistant", true),
        ("orders-api", false),
        ("shopper", false),
        ("warehouse", false),
    ] {
        assert_eq!(issuer.is_active(client, &token).await, active, "{client}");
    }
}

#[tokio::test]
async fn everything_else_is_inactive() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ORDERS).await;
    let (start, signature) = offline.access_token.rsplit_once('.').unwrap();
    let forged = format!("{start}.{}", signature.chars().rev().collect::<String>());
    let other = Running::start(Settings::default()).await;
    let of_another = other.client_token("warehouse", ORDERS).await;
    for token in [
        "x",
        "a.b.c",
        &forged,
        &offline.refresh_token,
        &offline.id_token,
        &of_another,
    ] {
        let reply = issuer.introspect("storefront", &[("token", token)]).await;
        assert_eq!((reply.status, reply.json()), (200, json!({"active": false})));
    }
    issuer.handle.set_clock_offset(901);
    assert!(!issuer.is_active("storefront", &offline.access_token).await, "expired");
}

#[tokio::test]
async fn the_caller_is_an_authenticated_client() {
    let issuer = Running::start(Settings::default()).await;
    let token = issuer.client_token("warehouse", ORDERS).await;
    let pairs = [("token", token.as_str())];
    issuer
        .post("/introspect", &pairs)
        .await
        .assert_error(401, "invalid_client");
    let public = [("token", token.as_str()), ("client_id", "terminal")];
    issuer
        .post("/introspect", &public)
        .await
        .assert_error(401, "invalid_client");
    let wrong = issuer
        .form("/introspect", &pairs)
        .basic_auth("orders-api", Some("wrong"));
    let wrong = Reply::read(wrong).await;
    wrong.assert_error(401, "invalid_client");
    assert!(wrong.header("www-authenticate").unwrap().starts_with("Basic "));
    issuer
        .introspect("orders-api", &[])
        .await
        .assert_error(400, "invalid_request");
    let twice = [("token", "a"), ("token", "b")];
    issuer
        .introspect("orders-api", &twice)
        .await
        .assert_error(400, "invalid_request");
}

#[tokio::test]
async fn a_signed_response_is_for_the_caller() {
    let issuer = Running::start(Settings::default()).await;
    let token = issuer.client_token("warehouse", ORDERS).await;
    let signed = async |token: &str| {
        let request = issuer.form("/introspect", &[("token", token)]);
        let request = request.basic_auth("orders-api", Some("orders-api-secret"));
        let reply = Reply::read(request.header("accept", format!("{SIGNED}, application/json;q=0.5"))).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(SIGNED)));
        reply.text
    };
    let jwt = signed(&token).await;
    let header = part(&jwt, 0);
    assert_eq!(header["typ"], "token-introspection+jwt");
    let keys = issuer.get("/jwks").await.json();
    let published = keys["keys"].as_array().unwrap().iter();
    assert!(published.into_iter().any(|key| key["kid"] == header["kid"]));
    let body = claims(&jwt);
    assert_eq!((&body["iss"], &body["aud"]), (&json!(issuer.url), &json!("orders-api")));
    assert_eq!(body["token_introspection"]["jti"], claims(&token)["jti"]);
    assert_eq!(body["token_introspection"]["active"], true);
    assert_eq!(
        (&body["sub"], &body["exp"]),
        (&Value::Null, &Value::Null),
        "it is no access token"
    );
    assert_eq!(
        claims(&signed("x").await)["token_introspection"],
        json!({"active": false})
    );
    assert!(!issuer.is_active("orders-api", &jwt).await);
}
