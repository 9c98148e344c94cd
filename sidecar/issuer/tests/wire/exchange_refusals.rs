//! Token exchanges the issuer refuses.

use actgate_issuer::{Registry, Settings};

use crate::browser::{ALICE, BOB};
use crate::client::{ACCESS_TOKEN, EXCHANGE, Running};
use crate::exchange::{ASSISTANT, ORDERS, REFUND_AGENT, SHOPPER};

const TARGET: [(&str, &str); 1] = [("resource", ORDERS)];
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

#[tokio::test]
async fn the_cap_refuses_and_never_shortens() {
    let issuer = Running::start(Settings {
        chain_cap: 2,
        ..Settings::default()
    })
    .await;
    let t0 = issuer.handed_over(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    let t2 = issuer
        .exchange("shopper", &t1, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let third = issuer.exchange_as("refund-agent", &t2, &TARGET).await;
    third.invalid_because("exceed the cap");
}

#[tokio::test]
async fn one_audience_that_the_client_may_ask_for() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.handed_over(ALICE).await;
    for targets in [
        vec![("resource", ORDERS), ("resource", SHOPPER)],
        vec![("resource", ORDERS), ("audience", SHOPPER)],
        vec![("audience", ORDERS), ("audience", ORDERS)],
        vec![("resource", "https://night-batch.example")],
        vec![("resource", "https://orders.example/")],
        vec![],
    ] {
        issuer
            .exchange("assistant", &t0, &targets)
            .await
            .refused(400, "invalid_target");
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_is_no_authority() {
    let issuer = Running::start(Settings::default()).await;
    let reason = "not addressed to this client";
    let t0 = issuer.handed_over(ALICE).await;
    issuer.exchange("shopper", &t0, &TARGET).await.invalid_because(reason);
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    issuer
        .exchange_as("refund-agent", &t1, &TARGET)
        .await
        .invalid_because(reason);
    let direct = issuer.person("storefront", ORDERS, "orders:read", ALICE).await;
    issuer
        .exchange("assistant", &direct, &TARGET)
        .await
        .invalid_because(reason);
}

#[tokio::test]
async fn nobody_acts_for_a_person_without_leave() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.handed_over(BOB).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let reply = issuer.exchange_as("refund-agent", &t1, &TARGET).await;
    reply.invalid_because("may not act for this subject");
}

#[tokio::test]
async fn the_actor_token_is_the_clients_own() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.handed_over(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let mine = issuer.own("refund-agent", ORDERS).await;
    let others = issuer.own("shopper", ORDERS).await;
    let (token, kind) = ("actor_token", "actor_token_type");
    for (actor, reason) in [
        (vec![], "must present an actor token"),
        (vec![(token, mine.as_str())], "go together"),
        (vec![(kind, ACCESS_TOKEN)], "go together"),
        (
            vec![(token, &mine), (kind, ID_TOKEN)],
            "actor_token_type is not supported",
        ),
        (
            vec![(token, &others), (kind, ACCESS_TOKEN)],
            "not the authenticated client's",
        ),
        (vec![(token, &t1), (kind, ACCESS_TOKEN)], "has an actor itself"),
        (vec![(token, "x.y.z"), (kind, ACCESS_TOKEN)], "not a good access token"),
    ] {
        let mut pairs = TARGET.to_vec();
        pairs.extend(actor);
        issuer
            .exchange("refund-agent", &t1, &pairs)
            .await
            .invalid_because(reason);
    }
    let pairs = [("resource", ORDERS), (token, &mine), (kind, JWT)];
    issuer.exchange("refund-agent", &t1, &pairs).await.access_token();
}

#[tokio::test]
async fn an_actor_token_with_a_chain_is_refused_even_as_ones_own() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.handed_over(ALICE).await;
    let own = issuer.own("assistant", SHOPPER).await;
    let chained = issuer.exchange("shopper", &own, &TARGET).await.access_token();
    let pairs = [
        ("resource", ORDERS),
        ("actor_token", &chained),
        ("actor_token_type", ACCESS_TOKEN),
    ];
    issuer
        .exchange("assistant", &t0, &pairs)
        .await
        .invalid_because("has an actor itself");
}

#[tokio::test]
async fn the_subject_token_must_be_ours_and_good() {
    let issuer = Running::start(Settings::default()).await;
    let stranger = Running::start(Settings::default()).await;
    let code = issuer.code("storefront", ASSISTANT, "openid orders:read", ALICE).await;
    let redeemed = issuer.redeem("storefront", &code).await.json();
    let id_token = redeemed["id_token"].as_str().unwrap().to_owned();
    let good = issuer.handed_over(ALICE).await;
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    // {"alg":"none","typ":"at+jwt"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0";
    for bad in [
        stranger.handed_over(ALICE).await,
        id_token,
        format!("{head}."),
        format!("{header}.e30.{signature}"),
        format!("{none}.{payload}."),
        "not a token".to_owned(),
        format!("{good}.{signature}"),
    ] {
        let reply = issuer.exchange("assistant", &bad, &TARGET).await;
        reply.invalid_because("not a good access token");
    }
    issuer.exchange("assistant", &good, &TARGET).await.access_token();
    issuer
        .exchange("storefront", &good, &TARGET)
        .await
        .refused(400, "unauthorized_client");
    issuer.handle.set_clock_offset(901);
    let late = issuer.exchange("assistant", &good, &TARGET).await;
    late.invalid_because("not a good access token");
}

#[tokio::test]
async fn the_parameters_of_an_exchange() {
    let issuer = Running::start(Settings::default()).await;
    let good = issuer.handed_over(ALICE).await;
    let (token, kind) = (("subject_token", good.as_str()), "subject_token_type");
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
        issuer.token("assistant", &all).await.invalid_because(reason);
    }
}

#[tokio::test]
async fn a_client_gets_no_more_than_it_is_registered_for() {
    let secret = "secret: shopper-secret\n    grants: [client_credentials, token_exchange]\n    scopes: ";
    let wide = format!("{secret}[orders:read, orders:write, refunds:write]");
    assert!(Registry::SAMPLE.contains(&wide));
    let text = Registry::SAMPLE.replace(&wide, &format!("{secret}[orders:read]"));
    let registry = Registry::from_yaml(&text).unwrap();
    let issuer = Running::with_registry(Settings::default(), registry).await;
    let t0 = issuer.handed_over(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    let wider = [("resource", ORDERS), ("scope", "refunds:write")];
    issuer
        .exchange("shopper", &t1, &wider)
        .await
        .refused(400, "invalid_scope");
    let reply = issuer.exchange("shopper", &t1, &TARGET).await;
    assert_eq!(reply.json()["scope"], "orders:read");
}
