//! The UserInfo endpoint.

use actgate_issuer::Settings;
use serde_json::json;

use crate::browser::ALICE;
use crate::client::{Reply, Running};
use crate::exchange::{ASSISTANT, ORDERS};

const USERINFO: &str = "/userinfo";

impl Running {
    async fn userinfo(&self, authorization: Option<&str>) -> (u16, Option<String>, String) {
        let mut request = self.http.get(format!("{}{USERINFO}", self.url));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let reply = Reply::read(request).await;
        let challenge = reply.header("www-authenticate").map(str::to_owned);
        (reply.status, challenge, reply.text)
    }
}

#[tokio::test]
async fn a_token_with_openid_shows_the_user() {
    let issuer = Running::start(Settings::default()).await;
    let token = issuer
        .user_token("assistant", ORDERS, "openid orders:read", ALICE)
        .await;
    let expected = json!({"sub": "alice", "preferred_username": "alice"}).to_string();
    let (status, challenge, body) = issuer.userinfo(Some(&format!("Bearer {token}"))).await;
    assert_eq!((status, challenge, body), (200, None, expected.clone()));
    let post = issuer
        .http
        .post(format!("{}{USERINFO}", issuer.url))
        .bearer_auth(&token);
    let post = Reply::read(post).await;
    assert_eq!((post.status, post.text), (200, expected));
}

#[tokio::test]
async fn other_tokens_are_refused() {
    let issuer = Running::start(Settings::default()).await;
    let invalid = (401, Some("Bearer error=\"invalid_token\"".to_owned()), String::new());
    let insufficient = "Bearer error=\"insufficient_scope\", scope=\"openid\"".to_owned();
    let insufficient = (403, Some(insufficient), String::new());

    assert_eq!(
        issuer.userinfo(None).await,
        (401, Some("Bearer".to_owned()), String::new())
    );
    assert_eq!(issuer.userinfo(Some("Bearer x")).await, invalid);
    let without = issuer.user_token("storefront", ORDERS, "orders:read", ALICE).await;
    let machine = issuer.client_token("warehouse", ORDERS).await;
    let user = issuer
        .user_token("storefront", ASSISTANT, "openid orders:read", ALICE)
        .await;
    let exchanged = issuer
        .exchange("assistant", &user, &[("resource", ORDERS)])
        .await
        .access_token();
    for token in [without, machine, exchanged] {
        assert_eq!(issuer.userinfo(Some(&format!("Bearer {token}"))).await, insufficient);
    }
    let offline = issuer.offline("storefront", ORDERS).await;
    for token in [&offline.id_token, &offline.refresh_token] {
        assert_eq!(issuer.userinfo(Some(&format!("Bearer {token}"))).await, invalid);
    }
    issuer.revoke("storefront", &[("token", &offline.access_token)]).await;
    assert_eq!(
        issuer.userinfo(Some(&format!("Bearer {}", offline.access_token))).await,
        invalid
    );
}
