//! An issuer with a folder, before and after a restart.

use std::path::Path;

use actgate_issuer::{Settings, Signing};

use crate::browser::{ALICE, Offline};
use crate::client::{Running, part};
use crate::exchange::{ASSISTANT, ORDERS};

async fn start(folder: &Path, signing: Signing) -> Running {
    Running::start(Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.join("data")),
        signing,
        ..Settings::default()
    })
    .await
}

#[tokio::test]
async fn what_was_issued_and_revoked_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = start(folder.path(), Signing::Es256).await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let revoked = issuer.client_token("warehouse", ORDERS).await;
    issuer.revoke("warehouse", &[("token", &revoked)]).await;
    let of_party = issuer.client_token("night-batch", ORDERS).await;
    issuer.handle.revoke_party("night-batch").unwrap();
    let second = issuer.handle.rotate_key().unwrap();
    let keys = issuer.get("/jwks").await.json();
    issuer.stop().await;

    let issuer = start(folder.path(), Signing::Es256).await;
    assert_eq!(issuer.get("/jwks").await.json(), keys);
    assert!(issuer.is_active("assistant", &offline.access_token).await);
    for token in [&revoked, &of_party] {
        assert!(!issuer.is_active("orders-api", token).await);
    }
    let next = Offline::read(&issuer.refresh("storefront", &offline.refresh_token, &[]).await);
    assert_eq!(part(&next.access_token, 0)["kid"], second);
    issuer
        .exchange("assistant", &offline.access_token, &[("resource", ORDERS)])
        .await
        .access_token();
    issuer.stop().await;

    let issuer = start(folder.path(), Signing::Es256).await;
    issuer
        .refresh("storefront", &offline.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
    issuer
        .refresh("storefront", &next.refresh_token, &[])
        .await
        .assert_error(400, "invalid_grant");
    issuer.handle.withdraw_consent("alice", "assistant").unwrap();
    let subject = issuer.assistant_token(ALICE).await;
    issuer.stop().await;

    let issuer = start(folder.path(), Signing::Es256).await;
    let exchange = issuer.exchange("assistant", &subject, &[("resource", ORDERS)]).await;
    exchange.assert_invalid("withdrew the consent");
    issuer.stop().await;
}

#[tokio::test]
async fn another_algorithm_keeps_the_keys_of_earlier_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = start(folder.path(), Signing::Es256).await;
    let token = issuer.client_token("warehouse", ORDERS).await;
    issuer.stop().await;
    let issuer = start(folder.path(), Signing::EdDsa).await;
    assert!(issuer.is_active("orders-api", &token).await);
    let next = issuer.client_token("warehouse", ORDERS).await;
    assert_eq!(part(&next, 0)["alg"], "EdDSA");
    issuer.handle.rotate_key().unwrap();
    let next = issuer.client_token("warehouse", ORDERS).await;
    assert_eq!(part(&next, 0)["alg"], "EdDSA");
    issuer.stop().await;
}
