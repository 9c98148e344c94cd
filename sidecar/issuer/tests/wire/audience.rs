//! `audience` as an alias of `resource`, in each grant.

use actgate_issuer::Settings;

use crate::browser::{ALICE, Offline, VERIFIER, redirect_uri};
use crate::client::{Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};

const SHIPPING: &str = "https://shipping.example";

#[tokio::test]
async fn each_grant_has_one_target() {
    let issuer = Running::start(Settings::default()).await;
    let grant = ("grant_type", "client_credentials");
    for targets in [
        &[("audience", SHIPPING)][..],
        &[("audience", SHIPPING), ("resource", SHIPPING)],
    ] {
        let token = issuer
            .token("warehouse", &[&[grant], targets].concat())
            .await
            .access_token();
        assert_eq!(claims(&token)["aud"], SHIPPING);
    }
    let both = [grant, ("audience", SHIPPING), ("resource", ORDERS)];
    issuer
        .token("warehouse", &both)
        .await
        .assert_error(400, "invalid_target");

    let redirect_uri = redirect_uri("storefront");
    let redeem = async |target: (&str, &str)| {
        let code = issuer
            .code("storefront", ASSISTANT, "offline_access orders:read", ALICE)
            .await;
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
            target,
        ];
        issuer.token("storefront", &pairs).await
    };
    redeem(("audience", SHIPPING)).await.assert_error(400, "invalid_grant");
    let offline = Offline::read(&redeem(("audience", ASSISTANT)).await);
    let other = issuer
        .refresh("storefront", &offline.refresh_token, &[("audience", SHIPPING)])
        .await;
    other.assert_error(400, "invalid_target");
    let same = issuer
        .refresh("storefront", &offline.refresh_token, &[("audience", ASSISTANT)])
        .await;
    assert_eq!(claims(&same.access_token())["aud"], ASSISTANT);

    let twice = [("audience", ORDERS), ("resource", ORDERS), ("scope", "orders:read")];
    let exchanged = issuer.exchange("assistant", &offline.access_token, &twice).await;
    assert_eq!(claims(&exchanged.access_token())["aud"], ORDERS);
}
