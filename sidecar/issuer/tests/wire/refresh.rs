//! Refresh tokens: rotation, reuse, and what a refresh keeps.

use actgate_issuer::Settings;
use serde_json::json;
use std::time::Duration;

use crate::browser::{ALICE, Offline};
use crate::client::{Pairs, Reply, Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};

impl Running {
    pub(crate) async fn refresh(&self, client: &str, refresh_token: &str, pairs: Pairs<'_>) -> Reply {
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        all.extend_from_slice(pairs);
        self.token(client, &all).await
    }

    /// The first access token and refresh token of alice through a client.
    pub(crate) async fn offline(&self, client: &str, resource: &str) -> Offline {
        let scope = "openid offline_access orders:read orders:write";
        let code = self.code(client, resource, scope, ALICE).await;
        Offline::read(&self.redeem(client, &code).await)
    }
}

#[tokio::test]
async fn a_refresh_keeps_the_login_the_chain_and_the_transaction() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("assistant", ORDERS).await;
    issuer.handle.set_clock_offset(600);
    let reply = issuer.refresh("assistant", &first.refresh_token, &[]).await;
    let second = Offline::read(&reply);
    assert_ne!(second.refresh_token, first.refresh_token);
    let (before, after) = (claims(&first.access_token), claims(&second.access_token));
    for kept in [
        "sub",
        "sub_profile",
        "aud",
        "client_id",
        "scope",
        "act",
        "auth_time",
        "acr",
        "amr",
        "txn",
    ] {
        assert_eq!(before[kept], after[kept], "{kept}");
    }
    assert_eq!(after["act"]["sub"], "assistant");
    assert_eq!(after["scope"], "offline_access openid orders:read orders:write");
    assert_ne!(before["jti"], after["jti"]);
    let age = after["iat"].as_u64().unwrap() - after["auth_time"].as_u64().unwrap();
    assert!((600..660).contains(&age), "{age}");
    assert_eq!(reply.json()["scope"], after["scope"]);
    assert!(
        issuer.is_active("orders-api", &first.access_token).await,
        "the first token lives on"
    );
}

#[tokio::test]
async fn a_second_use_ends_the_family_and_what_came_from_it() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("storefront", ASSISTANT).await;
    let other = issuer.offline("storefront", ASSISTANT).await;
    let second = Offline::read(&issuer.refresh("storefront", &first.refresh_token, &[]).await);
    let exchanged = issuer
        .exchange("assistant", &second.access_token, &[("resource", ORDERS)])
        .await
        .access_token();
    assert!(issuer.is_active("orders-api", &exchanged).await);

    let reused = issuer.refresh("storefront", &first.refresh_token, &[]).await;
    reused.assert_error(400, "invalid_grant");
    let ended = issuer.refresh("storefront", &second.refresh_token, &[]).await;
    ended.assert_error(400, "invalid_grant");
    for token in [&first.access_token, &second.access_token, &exchanged] {
        assert!(!issuer.is_active("assistant", token).await && !issuer.is_active("orders-api", token).await);
    }
    let exchange = issuer
        .exchange("assistant", &second.access_token, &[("resource", ORDERS)])
        .await;
    exchange.assert_invalid("not a valid access token");
    Offline::read(&issuer.refresh("storefront", &other.refresh_token, &[]).await);
}

#[tokio::test]
async fn of_concurrent_uses_one_succeeds() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("storefront", ORDERS).await;
    let uses = (0..8).map(|_| issuer.refresh("storefront", &first.refresh_token, &[]));
    let replies = futures_join(uses).await;
    let winners: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(winners.len(), 1);
    for loser in replies.iter().filter(|reply| reply.status != 200) {
        loser.assert_error(400, "invalid_grant");
    }
    let next = Offline::read(winners[0]).refresh_token;
    let after = issuer.refresh("storefront", &next, &[]).await;
    after.assert_error(400, "invalid_grant");
}

/// Runs futures at once on one task.
async fn futures_join<F: Future<Output = Reply>>(futures: impl Iterator<Item = F>) -> Vec<Reply> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut replies = Vec::new();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(reply) => {
                replies.push(reply);
                false
            }
            std::task::Poll::Pending => true,
        });
        match running.is_empty() {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    replies
}

#[tokio::test]
async fn scope_narrows_and_never_widens() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("storefront", ORDERS).await;
    for wider in ["refunds:write", "orders:read refunds:write", "a  b"] {
        let reply = issuer
            .refresh("storefront", &first.refresh_token, &[("scope", wider)])
            .await;
        reply.assert_error(400, "invalid_scope");
    }
    let other = issuer
        .refresh("storefront", &first.refresh_token, &[("resource", ASSISTANT)])
        .await;
    other.assert_error(400, "invalid_target");
    // None of these used the token.
    let pairs = [("scope", "orders:read"), ("resource", ORDERS)];
    let second = Offline::read(&issuer.refresh("storefront", &first.refresh_token, &pairs).await);
    assert_eq!(claims(&second.access_token)["scope"], "orders:read");
    let third = Offline::read(&issuer.refresh("storefront", &second.refresh_token, &[]).await);
    let all = json!("offline_access openid orders:read orders:write");
    assert_eq!(
        claims(&third.access_token)["scope"],
        all,
        "the family has all of its scope"
    );
}

#[tokio::test]
async fn the_family_expires_at_one_time() {
    let lifetime = Duration::from_secs(1000);
    let issuer = Running::start(Settings {
        refresh_lifetime: lifetime,
        ..Settings::default()
    })
    .await;
    let first = issuer.offline("storefront", ORDERS).await;
    issuer.handle.set_clock_offset(900);
    let reply = issuer.refresh("storefront", &first.refresh_token, &[]).await;
    let second = Offline::read(&reply);
    let left = reply.json()["expires_in"].as_u64().unwrap();
    assert!(
        (40..=100).contains(&left),
        "an access token expires with its family: {left}"
    );
    issuer.handle.set_clock_offset(1001);
    let late = issuer.refresh("storefront", &second.refresh_token, &[]).await;
    late.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_of_one_client() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("storefront", ORDERS).await;
    let other = issuer.refresh("assistant", &first.refresh_token, &[]).await;
    other.assert_error(400, "invalid_grant");
    for text in ["x", "", &first.access_token, &first.refresh_token[1..]] {
        let code = match text {
            "" => "invalid_request",
            _ => "invalid_grant",
        };
        issuer.refresh("storefront", text, &[]).await.assert_error(400, code);
    }
    Offline::read(&issuer.refresh("storefront", &first.refresh_token, &[]).await);
}

#[tokio::test]
async fn only_an_authorization_with_offline_access_has_a_refresh_token() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer.code("storefront", ASSISTANT, "openid orders:read", ALICE).await;
    let reply = issuer.redeem("storefront", &code).await;
    let token = reply.access_token();
    let exchanged = issuer.exchange("assistant", &token, &[("resource", ORDERS)]).await;
    let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    for reply in [reply, exchanged, issuer.token("assistant", &own).await] {
        reply.access_token();
        assert!(reply.json().get("refresh_token").is_none(), "{}", reply.text);
    }
    let page = issuer
        .authorize("storefront", ORDERS, "offline_access orders:read")
        .await;
    let page = issuer.submit(&page, "/login", ALICE).await;
    assert!(page.text.contains("offline_access"), "the user sees it");
    let offline = [
        ("scope", "offline_access"),
        ("resource", ORDERS),
        ("grant_type", "client_credentials"),
    ];
    issuer
        .token("assistant", &offline)
        .await
        .assert_error(400, "invalid_scope");
}

#[tokio::test]
async fn a_public_client_refreshes() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer
        .code("terminal", ORDERS, "offline_access orders:read", ALICE)
        .await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "terminal"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:8400/callback"),
        ("code_verifier", crate::browser::VERIFIER),
    ];
    let first = Offline::read(&issuer.post("/token", &pairs).await);
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", "terminal"),
        ("refresh_token", &first.refresh_token),
    ];
    Offline::read(&issuer.post("/token", &pairs).await);
    issuer.post("/token", &pairs).await.assert_error(400, "invalid_grant");
}
