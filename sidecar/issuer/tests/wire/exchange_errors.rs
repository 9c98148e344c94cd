//! Errors of token exchange.

use actgate_issuer::{Registry, Settings};

use crate::browser::{ALICE, BOB};
use crate::client::{ACCESS_TOKEN, EXCHANGE, Running};
use crate::exchange::{ASSISTANT, ORDERS, REFUND_AGENT, SHOPPER};

const TARGET: [(&str, &str); 1] = [("resource", ORDERS)];
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

#[tokio::test]
async fn a_chain_over_the_limit_is_an_error() {
    let text = Registry::SAMPLE.replacen(
        "      - https://shopper.example\n",
        "      - https://shopper.example\n      - https://assistant.example\n",
        1,
    );
    let registry = Registry::from_yaml(&text).unwrap();
    let issuer = Running::with_registry(Settings::default(), registry).await;
    let mut token = issuer.assistant_token(ALICE).await;
    let itself = [("resource", ASSISTANT)];
    for _ in 0..16 {
        token = issuer.exchange("assistant", &token, &itself).await.access_token();
    }
    let reply = issuer.exchange("assistant", &token, &itself).await;
    reply.assert_invalid("more than 16 actors");
}

#[tokio::test]
async fn the_target_is_one_resource_of_the_client() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    for targets in [
        vec![("resource", ORDERS), ("resource", SHOPPER)],
        vec![("resource", ORDERS), ("audience", SHOPPER)],
        vec![("audience", ORDERS), ("audience", SHOPPER)],
        vec![("resource", "https://night-batch.example")],
        vec![("resource", "https://orders.example/")],
        vec![],
    ] {
        issuer
            .exchange("assistant", &t0, &targets)
            .await
            .assert_error(400, "invalid_target");
    }
}

#[tokio::test]
async fn the_audience_of_the_subject_token_is_the_client() {
    let issuer = Running::start(Settings::default()).await;
    let reason = "audience of the subject token is not this client";
    let t0 = issuer.assistant_token(ALICE).await;
    issuer.exchange("shopper", &t0, &TARGET).await.assert_invalid(reason);
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    issuer
        .exchange_as("refund-agent", &t1, &TARGET)
        .await
        .assert_invalid(reason);
    let direct = issuer.user_token("storefront", ORDERS, "orders:read", ALICE).await;
    issuer
        .exchange("assistant", &direct, &TARGET)
        .await
        .assert_invalid(reason);
}

#[tokio::test]
async fn the_client_is_registered_to_act_for_the_subject() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(BOB).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let reply = issuer.exchange_as("refund-agent", &t1, &TARGET).await;
    reply.assert_invalid("not registered to act for this subject");
}

#[tokio::test]
async fn the_subject_of_the_actor_token_is_the_client() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let mine = issuer.client_token("refund-agent", ORDERS).await;
    let others = issuer.client_token("shopper", ORDERS).await;
    let (token, kind) = ("actor_token", "actor_token_type");
    for (actor, reason) in [
        (vec![], "must send an actor token"),
        (vec![(token, mine.as_str())], "must be sent together"),
        (vec![(kind, ACCESS_TOKEN)], "must be sent together"),
        (
            vec![(token, &mine), (kind, ID_TOKEN)],
            "actor_token_type is not supported",
        ),
        (
            vec![(token, &others), (kind, ACCESS_TOKEN)],
            "is not the authenticated client",
        ),
        (vec![(token, &t1), (kind, ACCESS_TOKEN)], "the actor token has an actor"),
        (vec![(token, "x.y.z"), (kind, ACCESS_TOKEN)], "not a valid access token"),
    ] {
        let mut pairs = TARGET.to_vec();
        pairs.extend(actor);
        issuer
            .exchange("refund-agent", &t1, &pairs)
            .await
            .assert_invalid(reason);
    }
    let pairs = [("resource", ORDERS), (token, &mine), (kind, JWT)];
    issuer.exchange("refund-agent", &t1, &pairs).await.access_token();
}

#[tokio::test]
async fn an_actor_token_of_the_client_with_a_chain_is_an_error() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    let own = issuer.client_token("assistant", SHOPPER).await;
    let chained = issuer.exchange("shopper", &own, &TARGET).await.access_token();
    let pairs = [
        ("resource", ORDERS),
        ("actor_token", &chained),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    issuer
        .exchange("assistant", &t0, &pairs)
        .await
        .assert_invalid("the actor token has an actor");
}

#[tokio::test]
async fn the_subject_token_is_valid_and_of_this_issuer() {
    let issuer = Running::start(Settings::default()).await;
    let other_issuer = Running::start(Settings::default()).await;
    let code = issuer.code("storefront", ASSISTANT, "openid orders:read", ALICE).await;
    let redeemed = issuer.redeem("storefront", &code).await.json();
    let id_token = redeemed["id_token"].as_str().unwrap().to_owned();
    let valid = issuer.assistant_token(ALICE).await;
    let (head, signature) = valid.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    // {"alg":"none","typ":"at+jwt"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    for invalid in [
        other_issuer.assistant_token(ALICE).await,
        id_token,
        format!("{head}."),
        format!("{header}.e30.{signature}"),
        format!("{none}.{payload}."),
        "not a token".to_owned(),
        format!("{valid}.{signature}"),
    ] {
        let reply = issuer.exchange("assistant", &invalid, &TARGET).await;
        reply.assert_invalid("not a valid access token");
    }
    issuer.exchange("assistant", &valid, &TARGET).await.access_token();
    issuer
        .exchange("storefront", &valid, &TARGET)
        .await
        .assert_error(400, "unauthorized_client");
    issuer.handle.set_clock_offset(901);
    let late = issuer.exchange("assistant", &valid, &TARGET).await;
    late.assert_invalid("not a valid access token");
}

#[tokio::test]
async fn the_parameters_are_complete_supported_and_not_repeated() {
    let issuer = Running::start(Settings::default()).await;
    let valid = issuer.assistant_token(ALICE).await;
    let (token, kind) = (("subject_token", valid.as_str()), "subject_token_type");
    for (pairs, reason) in [
        (vec![token], "are required"),
        (vec![(kind, ACCESS_TOKEN)], "are required"),
        (vec![token, (kind, ID_TOKEN)], "subject_token_type is not supported"),
        (
            vec![token, (kind, ACCESS_TOKEN), ("requested_token_type", JWT)],
            "only access tokens",
        ),
        (vec![token, token, (kind, ACCESS_TOKEN)], "more than once"),
    ] {
        let mut all = vec![("grant_type", EXCHANGE), ("resource", ORDERS)];
        all.extend(pairs);
        issuer.token("assistant", &all).await.assert_invalid(reason);
    }
}

#[tokio::test]
async fn the_scope_is_limited_to_that_of_the_client() {
    let secret = "secret: shopper-secret\n    grants: [client_credentials, token_exchange]\n    scopes: ";
    let wide = format!("{secret}[orders:read, orders:write, refunds:write]");
    assert!(Registry::SAMPLE.contains(&wide));
    let text = Registry::SAMPLE.replace(&wide, &format!("{secret}[orders:read]"));
    let registry = Registry::from_yaml(&text).unwrap();
    let issuer = Running::with_registry(Settings::default(), registry).await;
    let t0 = issuer.assistant_token(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    let wider = [("resource", ORDERS), ("scope", "refunds:write")];
    issuer
        .exchange("shopper", &t1, &wider)
        .await
        .assert_error(400, "invalid_scope");
    let reply = issuer.exchange("shopper", &t1, &TARGET).await;
    assert_eq!(reply.json()["scope"], "orders:read");
}
