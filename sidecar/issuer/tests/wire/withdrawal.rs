//! What ends with a consent, and what a consent does not cover.

use actgate_issuer::Settings;
use serde_json::json;

use crate::browser::{ALICE_WITH_PASSWORD, Offline, VERIFIER, answer, authorization_request, redirect_uri, session};
use crate::client::{ACCESS_TOKEN, Running, claims};

const ORDERS: &str = "https://orders.example";
const ALLOW: &[(&str, &str)] = &[("decision", "allow")];
const THROUGH_ASSISTANT: &[(&str, &str)] = &[("requested_actor", "assistant"), ("prompt", "consent")];

impl Running {
    /// What alice allows storefront for the agent assistant; with her session.
    async fn through_agent(&self) -> (Offline, String) {
        let scope = "offline_access orders:read";
        let request = authorization_request("storefront", ORDERS, scope, THROUGH_ASSISTANT);
        let page = self.get(&format!("/authorize?{request}")).await;
        let page = self.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
        let session = session(&page);
        let reply = self.submit(&page, "/consent", ALLOW).await;
        let code = answer(&reply, "code").unwrap();
        let (redirect_uri, own) = (redirect_uri("storefront"), self.client_token("assistant", ORDERS).await);
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", VERIFIER),
            ("actor_token", &own),
            ("actor_token_type", ACCESS_TOKEN),
        ];
        (Offline::read(&self.token("storefront", &pairs).await), session)
    }
}

#[tokio::test]
async fn a_consent_for_an_agent_is_none_for_the_application_alone() {
    let issuer = Running::start(Settings::default()).await;
    let (tokens, session) = issuer.through_agent().await;
    assert_eq!(claims(&tokens.access_token)["act"]["sub"], "assistant");
    let silent = issuer.authorize_with(&session, &[("prompt", "none")]).await;
    assert_eq!(answer(&silent, "error").as_deref(), Some("consent_required"));
}

#[tokio::test]
async fn a_refresh_token_ends_with_the_consent_for_its_agent() {
    let issuer = Running::start(Settings::default()).await;
    let (tokens, _) = issuer.through_agent().await;
    issuer.handle.withdraw_consent("alice", "assistant").unwrap();
    let refreshed = issuer.refresh("storefront", &tokens.refresh_token, &[]).await;
    refreshed.assert_error(400, "invalid_grant");
    assert!(!issuer.is_active("storefront", &tokens.access_token).await);
}

#[tokio::test]
async fn exchanged_tokens_end_with_the_consent_for_the_application_of_the_login() {
    let issuer = Running::start(Settings::default()).await;
    let user = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let resource = [("resource", ORDERS), ("scope", "orders:read")];
    let exchanged = issuer.exchange("assistant", &user, &resource).await.access_token();
    assert_eq!(issuer.revoke("storefront", &[("token", &user)]).await.status, 200);
    assert!(issuer.is_active("orders-api", &exchanged).await, "it ends alone");
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    assert!(!issuer.is_active("orders-api", &exchanged).await);
}

#[tokio::test]
async fn a_code_from_before_a_withdrawal_gives_nothing_after_a_narrower_consent() {
    let issuer = Running::start(Settings::default()).await;
    let before = issuer
        .code("storefront", ORDERS, "orders:read orders:write", ALICE_WITH_PASSWORD)
        .await;
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    issuer
        .user_token("storefront", ORDERS, "orders:read", ALICE_WITH_PASSWORD)
        .await;
    issuer
        .redeem("storefront", &before)
        .await
        .assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_requested_actor_has_the_resource_too() {
    let issuer = Running::start(Settings::default()).await;
    let shipping = "https://shipping.example";
    let actor = [("requested_actor", "refund-agent")];
    let request = authorization_request("storefront", shipping, "orders:read", &actor);
    let reply = issuer.get(&format!("/authorize?{request}")).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("invalid_target"));
}

#[tokio::test]
async fn a_login_of_this_second_is_too_old_for_a_max_age_of_0() {
    let issuer = Running::start(Settings::default()).await;
    let (_, session) = issuer.through_agent().await;
    let silent = issuer
        .authorize_with(&session, &[("prompt", "none"), ("max_age", "0")])
        .await;
    assert_eq!(answer(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn what_is_kept_until_the_decision_has_a_limit() {
    let issuer = Running::start(Settings::default()).await;
    let base = authorization_request("storefront", ORDERS, "orders:read", &[]);
    for (from, to) in [
        ("nonce=n-1", format!("nonce={}", "n".repeat(513))),
        ("state=s+t%26te", format!("state={}", "s".repeat(2049))),
    ] {
        assert!(base.contains(from), "{base}");
        let reply = issuer.get(&format!("/authorize?{}", base.replace(from, &to))).await;
        assert_eq!(answer(&reply, "error").as_deref(), Some("invalid_request"), "{from}");
        assert!(
            reply.header("location").unwrap().len() < 1000,
            "a long state is not sent back"
        );
    }
}

#[tokio::test]
async fn a_code_and_a_refresh_token_give_nothing_that_the_client_lost() {
    let issuer = Running::start(crate::admin::settings()).await;
    let changes = json!({
        "client_id": "scout-of-alice", "secret": "scout-of-alice-secret", "grants": ["authorization_code"],
        "redirect_uris": ["https://scout-of-alice.example/callback"],
        "scopes": ["offline_access", "orders:read", "orders:write"],
    });
    let added = issuer.add_agent(changes).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let scope = "offline_access orders:read orders:write";
    let code = issuer.code("scout-of-alice", ORDERS, scope, ALICE_WITH_PASSWORD).await;
    let tokens = Offline::read(&issuer.redeem("scout-of-alice", &code).await);
    let before = issuer.code("scout-of-alice", ORDERS, scope, ALICE_WITH_PASSWORD).await;

    let fewer = json!({ "scopes": ["orders:read"] });
    let changed = issuer
        .admin(reqwest::Method::PATCH, "agents/scout-of-alice", fewer)
        .await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    issuer
        .redeem("scout-of-alice", &before)
        .await
        .assert_error(400, "invalid_grant");
    let refreshed = issuer.refresh("scout-of-alice", &tokens.refresh_token, &[]).await;
    refreshed.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn the_limit_of_logins_does_not_reveal_who_is_registered() {
    let issuer = Running::start(Settings::default()).await;
    for name in ["alice", "unknown"] {
        let mut last = 0;
        for _ in 0..11 {
            let page = issuer.authorize("assistant", ORDERS, "orders:read").await;
            let wrong = [("username", name), ("password", "wrong")];
            last = issuer.submit(&page, "/login", &wrong).await.status;
        }
        assert_eq!(last, 429, "{name}");
    }
}
