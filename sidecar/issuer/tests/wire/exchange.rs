//! Token exchange: on behalf of, and further hops.

use actgate_issuer::{Registry, Settings};
use serde_json::{Value, json};

use crate::browser::ALICE;
use crate::client::{ACCESS_TOKEN, EXCHANGE, Pairs, Reply, Running, claims};

pub(crate) const ORDERS: &str = "https://orders.example";
pub(crate) const ASSISTANT: &str = "https://assistant.example";
pub(crate) const SHOPPER: &str = "https://shopper.example";
pub(crate) const REFUND_AGENT: &str = "https://refund-agent.example";

impl Running {
    pub(crate) async fn exchange(&self, client: &str, subject: &str, pairs: Pairs<'_>) -> Reply {
        let mut all = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", subject),
            ("subject_token_type", ACCESS_TOKEN),
        ];
        all.extend_from_slice(pairs);
        self.token(client, &all).await
    }

    /// An exchange with a token of the client as actor token.
    pub(crate) async fn exchange_as(&self, client: &str, subject: &str, pairs: Pairs<'_>) -> Reply {
        let actor = self.client_token(client, ORDERS).await;
        let mut all = vec![("actor_token", actor.as_str()), ("actor_token_type", ACCESS_TOKEN)];
        all.extend_from_slice(pairs);
        self.exchange(client, subject, &all).await
    }

    /// The token of a user for the assistant, issued to the application that calls it.
    pub(crate) async fn assistant_token(&self, who: Pairs<'_>) -> String {
        self.user_token("storefront", ASSISTANT, "orders:read refunds:write", who)
            .await
    }
}

fn agent(issuer: &Running, name: &str) -> Value {
    json!({"iss": issuer.url, "sub": name, "sub_profile": "ai_agent"})
}

#[tokio::test]
async fn on_behalf_of() {
    let issuer = Running::start(Settings::default()).await;
    let subject_token = issuer.assistant_token(ALICE).await;
    let pairs = [("resource", ORDERS), ("scope", "orders:read")];
    let reply = issuer.exchange("assistant", &subject_token, &pairs).await;
    let token = claims(&reply.access_token());
    assert_eq!(token["sub"], "alice");
    assert_eq!(token["sub_profile"], "user");
    assert_eq!(token["client_id"], "assistant");
    assert_eq!(token["aud"], ORDERS);
    assert_eq!(token["scope"], "orders:read");
    assert_eq!(token["act"], agent(&issuer, "assistant"));
    for kept in ["auth_time", "amr", "acr"] {
        assert_eq!(token[kept], claims(&subject_token)[kept], "{kept}");
    }
    assert!(token["exp"].as_u64() <= claims(&subject_token)["exp"].as_u64());
    let body = reply.json();
    assert_eq!(body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(body["scope"], "orders:read");
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none());
}

#[tokio::test]
async fn three_hops_keep_the_whole_chain() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    let t1 = issuer
        .exchange_as("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    let t2 = issuer
        .exchange_as("shopper", &t1, &[("audience", REFUND_AGENT)])
        .await
        .access_token();
    let pairs = [("resource", ORDERS), ("scope", "refunds:write")];
    let t3 = issuer.exchange_as("refund-agent", &t2, &pairs).await.access_token();

    let mut shopper = agent(&issuer, "shopper");
    shopper["act"] = agent(&issuer, "assistant");
    let mut refund_agent = agent(&issuer, "refund-agent");
    refund_agent["act"] = shopper;
    let token = claims(&t3);
    assert_eq!(token["act"], refund_agent);
    assert_eq!(token["sub"], "alice");
    assert_eq!(token["scope"], "refunds:write");
    assert_eq!(token["aud"], ORDERS);
}

#[tokio::test]
async fn scope_only_shrinks() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer
        .user_token("storefront", ASSISTANT, "orders:read refunds:write", ALICE)
        .await;
    for wider in [
        "orders:write",
        "orders:read orders:write",
        "shipping:write",
        "openid",
        "a  b",
    ] {
        let pairs = [("resource", ORDERS), ("scope", wider)];
        issuer
            .exchange("assistant", &t0, &pairs)
            .await
            .assert_error(400, "invalid_scope");
    }
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", ORDERS)])
        .await
        .access_token();
    assert_eq!(
        claims(&t1)["scope"],
        "orders:read refunds:write",
        "everything allowed, if no scope is requested"
    );

    let refunds = issuer.user_token("storefront", ASSISTANT, "refunds:write", ALICE).await;
    let nothing = issuer
        .exchange("assistant", &refunds, &[("resource", "https://shipping.example")])
        .await;
    nothing.assert_error(400, "invalid_scope");
}

#[tokio::test]
async fn a_new_token_expires_no_later_than_the_subject_token() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    issuer.handle.set_clock_offset(600);
    let reply = issuer.exchange("assistant", &t0, &[("resource", ORDERS)]).await;
    assert_eq!(claims(&reply.access_token())["exp"], claims(&t0)["exp"]);
    let left = reply.json()["expires_in"].as_u64().unwrap();
    assert!((1..=300).contains(&left), "{left}");
}

#[tokio::test]
async fn an_agent_exchanges_its_own_token() {
    let issuer = Running::start(Settings::default()).await;
    let target = [("resource", ORDERS), ("scope", "orders:read")];
    let own = issuer.client_token("night-batch", "https://night-batch.example").await;
    let token = claims(&issuer.exchange("night-batch", &own, &target).await.access_token());
    assert_eq!(token["sub"], "night-batch");
    assert!(token.get("act").is_none(), "no delegation");

    let own = issuer.client_token("ledger-bot", "https://ledger-bot.example").await;
    let token = claims(&issuer.exchange("ledger-bot", &own, &target).await.access_token());
    assert_eq!(token["act"], agent(&issuer, "ledger-bot"), "`own_token: self_actor`");
    issuer
        .exchange_as("ledger-bot", &own, &target)
        .await
        .assert_error(400, "invalid_request");
}

#[tokio::test]
async fn a_chain_without_a_user() {
    let issuer = Running::start(Settings::default()).await;
    let t1 = issuer.client_token("assistant", SHOPPER).await;
    let t2 = issuer
        .exchange("shopper", &t1, &[("resource", ORDERS)])
        .await
        .access_token();
    let token = claims(&t2);
    assert_eq!(
        (&token["sub"], &token["sub_profile"]),
        (&json!("assistant"), &json!("ai_agent"))
    );
    assert_eq!(token["act"], agent(&issuer, "shopper"));
    assert!(token.get("auth_time").is_none());
}

#[tokio::test]
async fn a_further_audience_can_be_registered() {
    let serves = "serves: https://assistant.example";
    let text = Registry::SAMPLE.replacen(serves, &format!("{serves}\n      from: [https://orders.example]"), 1);
    let registry = Registry::from_yaml(&text).unwrap();
    let issuer = Running::with_registry(Settings::default(), registry).await;
    let direct = issuer.user_token("storefront", ORDERS, "orders:read", ALICE).await;
    let shipping = [("resource", "https://shipping.example")];
    let token = issuer.exchange("assistant", &direct, &shipping).await.access_token();
    assert_eq!(claims(&token)["aud"], "https://shipping.example");
}
