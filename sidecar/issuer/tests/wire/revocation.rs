//! Revocation by clients, users and operators.

use actgate_issuer::Settings;

use crate::browser::{ALICE, ALICE_WITH_PASSWORD, BOB, Offline, transaction};
use crate::client::{Pairs, Reply, Running, claims};
use crate::exchange::{ASSISTANT, ORDERS, REFUND_AGENT, SHOPPER};

impl Running {
    pub(crate) async fn revoke(&self, client: &str, pairs: Pairs<'_>) -> Reply {
        let secret = format!("{client}-secret");
        Reply::read(self.form("/revoke", pairs).basic_auth(client, Some(secret))).await
    }
}

#[tokio::test]
async fn an_access_token_ends_alone() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let exchanged = issuer
        .exchange("assistant", &offline.access_token, &[("resource", ORDERS)])
        .await
        .access_token();
    let reply = issuer.revoke("storefront", &[("token", &offline.access_token)]).await;
    assert_eq!((reply.status, &*reply.text), (200, ""));
    assert!(!issuer.is_active("assistant", &offline.access_token).await);
    let after = issuer
        .exchange("assistant", &offline.access_token, &[("resource", ORDERS)])
        .await;
    after.assert_invalid("not a valid access token");
    assert!(issuer.is_active("orders-api", &exchanged).await);
    Offline::read(&issuer.refresh("storefront", &offline.refresh_token, &[]).await);
}

#[tokio::test]
async fn a_refresh_token_ends_its_family() {
    let issuer = Running::start(Settings::default()).await;
    let first = issuer.offline("storefront", ASSISTANT).await;
    let second = Offline::read(&issuer.refresh("storefront", &first.refresh_token, &[]).await);
    let hint = ("token_type_hint", "refresh_token");
    assert_eq!(
        issuer
            .revoke("storefront", &[("token", &second.refresh_token), hint])
            .await
            .status,
        200
    );
    let after = issuer.refresh("storefront", &second.refresh_token, &[]).await;
    after.assert_error(400, "invalid_grant");
    for token in [&first.access_token, &second.access_token] {
        assert!(!issuer.is_active("storefront", token).await);
    }
}

#[tokio::test]
async fn an_unknown_token_is_no_error() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ORDERS).await;
    let revoke = async |token: &str| {
        issuer
            .revoke("storefront", &[("token", token), ("token_type_hint", "x")])
            .await
    };
    assert_eq!(revoke("x").await.status, 200);
    for token in [
        &offline.access_token,
        &offline.access_token,
        &offline.refresh_token,
        &offline.refresh_token,
    ] {
        assert_eq!(revoke(token).await.status, 200, "also the second time");
    }
    revoke(&offline.id_token)
        .await
        .assert_error(400, "unsupported_token_type");
    issuer
        .revoke("storefront", &[])
        .await
        .assert_error(400, "invalid_request");
}

#[tokio::test]
async fn a_token_of_another_client_is_refused() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ORDERS).await;
    for token in [&offline.access_token, &offline.refresh_token] {
        issuer
            .revoke("assistant", &[("token", token)])
            .await
            .assert_error(400, "invalid_grant");
        issuer
            .post("/revoke", &[("token", token)])
            .await
            .assert_error(401, "invalid_client");
    }
    assert!(issuer.is_active("storefront", &offline.access_token).await);
    Offline::read(&issuer.refresh("storefront", &offline.refresh_token, &[]).await);
}

#[tokio::test]
async fn revoking_a_party_ends_every_token_that_names_it() {
    let issuer = Running::start(Settings::default()).await;
    let t0 = issuer.assistant_token(ALICE).await;
    let t1 = issuer
        .exchange("assistant", &t0, &[("resource", SHOPPER)])
        .await
        .access_token();
    let t2 = issuer
        .exchange("shopper", &t1, &[("resource", REFUND_AGENT)])
        .await
        .access_token();
    let pairs = [("resource", ORDERS), ("scope", "orders:read")];
    let t3 = issuer.exchange_as("refund-agent", &t2, &pairs).await.access_token();
    let own = issuer.client_token("shopper", ORDERS).await;
    let revoked = issuer.handle.revoke_party("shopper").unwrap();
    assert_eq!((revoked.tokens, revoked.families), (3, 0));
    for (client, token, active) in [
        ("assistant", &t0, true),
        ("shopper", &t1, true),
        ("refund-agent", &t2, false),
        ("orders-api", &t3, false),
        ("orders-api", &own, false),
    ] {
        assert_eq!(issuer.is_active(client, token).await, active, "{}", claims(token));
    }
    assert!(
        issuer
            .is_active("orders-api", &issuer.client_token("shopper", ORDERS).await)
            .await
    );

    let offline = issuer.offline("assistant", ORDERS).await;
    let revoked = issuer.handle.revoke_party("assistant").unwrap();
    assert_eq!(revoked.families, 1);
    issuer
        .refresh("assistant", &offline.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_that_is_used_twice_ends_what_it_gave() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer
        .code("storefront", ASSISTANT, "offline_access orders:read", ALICE)
        .await;
    let offline = Offline::read(&issuer.redeem("storefront", &code).await);
    let exchanged = issuer
        .exchange("assistant", &offline.access_token, &[("resource", ORDERS)])
        .await
        .access_token();
    issuer
        .redeem("assistant", &code)
        .await
        .assert_error(400, "invalid_grant");
    assert!(
        issuer.is_active("storefront", &offline.access_token).await,
        "another client ends nothing"
    );
    issuer
        .redeem("storefront", &code)
        .await
        .assert_error(400, "invalid_grant");
    assert!(!issuer.is_active("storefront", &offline.access_token).await);
    assert!(!issuer.is_active("orders-api", &exchanged).await);
    issuer
        .refresh("storefront", &offline.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn without_consent_refresh_and_exchange_fail() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let of_bob = issuer.assistant_token(BOB).await;
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    issuer
        .refresh("storefront", &offline.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
    let exchange = async |token: &str| issuer.exchange("assistant", token, &[("resource", ORDERS)]).await;
    exchange(&offline.access_token)
        .await
        .assert_invalid("not a valid access token");
    exchange(&of_bob).await.access_token();

    // A new login with its consent works again.
    let again = issuer.assistant_token(ALICE).await;
    exchange(&again).await.access_token();
    issuer.handle.withdraw_consent("alice", "assistant").unwrap();
    exchange(&again).await.assert_invalid("withdrew the consent");
    assert!(
        issuer.is_active("storefront", &again).await,
        "a token in which the client has no part"
    );
    exchange(&of_bob).await.access_token();
    issuer.user_token("assistant", ORDERS, "orders:read", ALICE).await;
    exchange(&again).await.access_token();
}

#[tokio::test]
async fn a_code_is_worth_nothing_after_the_consent_is_withdrawn() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer.code("storefront", ORDERS, "orders:read", ALICE).await;
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    issuer
        .redeem("storefront", &code)
        .await
        .assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_user_withdraws_a_consent_on_a_page() {
    let issuer = Running::start(Settings::default()).await;
    let offline = issuer.offline("storefront", ORDERS).await;
    let page = issuer.get("/consents").await;
    let wrong = [("username", "alice"), ("password", "wrong")];
    let page = issuer.submit(&page, "/login", &wrong).await;
    assert!(page.text.contains("password or the code is wrong"), "{}", page.text);
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    for shown in [
        "alice",
        "storefront",
        ORDERS,
        "<code>offline_access</code>",
        "<code>orders:write</code>",
    ] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    let unknown = issuer
        .submit(&page, "/consents/withdraw", &[("client_id", "unknown")])
        .await;
    assert!(unknown.text.contains("storefront"));
    let again = issuer
        .submit(&page, "/consents/withdraw", &[("client_id", "storefront")])
        .await;
    assert_eq!(again.status, 400, "a form is accepted once");
    assert!(issuer.is_active("storefront", &offline.access_token).await);
    let withdrawn = issuer
        .submit(&unknown, "/consents/withdraw", &[("client_id", "storefront")])
        .await;
    assert!(
        withdrawn
            .text
            .contains("You allow no application and no agent any access"),
        "{}",
        withdrawn.text
    );
    issuer
        .refresh("storefront", &offline.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
    assert!(!issuer.is_active("storefront", &offline.access_token).await);
}

#[tokio::test]
async fn the_list_of_consents_needs_a_sign_in() {
    let issuer = Running::start(Settings::default()).await;
    let mut page = issuer.get("/consents").await;
    let id = transaction(&page);
    let skipped = [("transaction", &*id), ("client_id", "storefront")];
    assert_eq!(issuer.post("/consents/withdraw", &skipped).await.status, 400);
    page = issuer.get("/consents").await;
    let cross_site = [
        ("transaction", &*transaction(&page)),
        ("username", "alice"),
        ("password", "wonderland"),
    ];
    let cross_site = issuer
        .form("/login", &cross_site)
        .header("sec-fetch-site", "cross-site");
    assert_eq!(Reply::read(cross_site).await.status, 403);
    for _ in 0..4 {
        page = issuer
            .submit(&page, "/login", &[("username", "bob"), ("password", "x")])
            .await;
        assert_eq!(page.status, 200);
    }
    let last = issuer
        .submit(&page, "/login", &[("username", "bob"), ("password", "x")])
        .await;
    assert!(
        last.status == 400 && last.text.contains("The sign-in failed"),
        "{}",
        last.text
    );
}
