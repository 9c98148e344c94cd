//! Browsers that are led by another site, without Fetch Metadata: forms, redirects and hints of others.

use actgate_issuer::Settings;
use serde_json::json;
use url::form_urlencoded;

use crate::browser::{ALICE, ALICE_WITH_PASSWORD, BOB, CHALLENGE, answer, session, transaction};
use crate::client::{Reply, Running};
use crate::registration::{CALLBACK, registering};

const ALLOW: &[(&str, &str)] = &[("decision", "allow")];

/// Whether the form of a page was refused.
fn is_refused(reply: &Reply) -> bool {
    reply.status == 400 && reply.text.contains("already used or has expired")
}

/// Sends the form of a page with the cookie of another browser.
async fn from(issuer: &Running, cookie: &str, page: &Reply, path: &str, fields: &[(&str, &str)]) -> Reply {
    let id = transaction(page);
    let form = [&[("transaction", &*id)], fields].concat();
    let form = issuer.form(path, &form);
    Reply::read(if cookie.is_empty() {
        form
    } else {
        form.header("cookie", cookie)
    })
    .await
}

#[tokio::test]
async fn a_form_is_valid_in_the_browser_that_got_its_page() {
    let issuer = Running::start(Settings::default()).await;
    let bob = issuer.authorize_with("", &[]).await;
    let bob = session(&issuer.submit(&bob, "/login", BOB).await);
    // A login with the account of the attacker.
    for cookie in ["", &bob] {
        let page = issuer.authorize_with("", &[("prompt", "consent")]).await;
        assert!(is_refused(&from(&issuer, cookie, &page, "/login", ALICE).await));
        let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
        assert_eq!(page.status, 200, "it is not lost for its own browser");
        assert!(is_refused(&from(&issuer, cookie, &page, "/consent", ALLOW).await));
        assert!(answer(&issuer.submit(&page, "/consent", ALLOW).await, "code").is_some());
        let alice = session(&page);
        let logout = issuer.get_with(&alice, "/logout").await;
        assert!(is_refused(
            &from(&issuer, cookie, &logout, "/logout/confirm", ALLOW).await
        ));
        let consents = issuer.get_with(&alice, "/consents").await;
        let storefront = [("client_id", "storefront")];
        assert!(is_refused(
            &from(&issuer, cookie, &consents, "/consents/withdraw", &storefront).await
        ));
        let device = issuer.get("/device").await;
        assert!(is_refused(
            &from(&issuer, cookie, &device, "/device", &[("user_code", "x")]).await
        ));
    }
}

#[tokio::test]
async fn a_page_of_a_user_ends_with_the_session() {
    let issuer = Running::start(Settings::default()).await;
    let page = issuer.authorize_with("", &[]).await;
    let consent = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let alice = session(&consent);
    let logout = issuer.get_with(&alice, "/logout").await;
    assert_eq!(issuer.submit(&logout, "/logout/confirm", ALLOW).await.status, 200);
    assert!(is_refused(&issuer.submit(&consent, "/consent", ALLOW).await));
    // Another user signs in, in the same browser.
    let page = issuer.authorize_with("", &[]).await;
    let consent = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let page = issuer.authorize_with(&session(&consent), &[("prompt", "login")]).await;
    let bob = session(&issuer.submit(&page, "/login", BOB).await);
    assert_eq!(bob.get(..59), consent.cookie.get(..59), "it is the same browser");
    assert!(is_refused(&from(&issuer, &bob, &consent, "/consent", ALLOW).await));
}

#[tokio::test]
async fn a_client_that_registered_itself_gets_no_redirect_without_a_page() {
    let issuer = Running::start(registering()).await;
    let evil = json!({ "redirect_uris": ["https://evil.example/x", CALLBACK], "token_endpoint_auth_method": "none",
        "client_name": "Your bank" });
    let id = issuer.register(evil).await.json()["client_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = |parameters: &[(&str, &str)]| {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("client_id", &*id),
                ("redirect_uri", "https://evil.example/x"),
                ("response_type", "code"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .extend_pairs(parameters)
            .finish();
        format!("/authorize?{query}")
    };
    let page = issuer.get(&request(&[("scope", "orders:read")])).await;
    let consent = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let alice = session(&consent);
    for parameters in [
        &[("prompt", "none")][..],
        &[("scope", "unknown")],
        &[("response_type", "token")],
        &[("max_age", "x")],
    ] {
        for cookie in ["", &*alice] {
            let reply = issuer.get_with(cookie, &request(parameters)).await;
            assert_eq!((reply.status, reply.header("location")), (400, None), "{parameters:?}");
            assert!(!reply.text.contains("evil"), "{}", reply.text);
        }
    }
    // The consent page shows where the browser goes; only then it does.
    assert!(
        consent.text.contains("This application registered itself"),
        "{}",
        consent.text
    );
    assert!(consent.text.contains("<code>evil.example</code>"), "{}", consent.text);
    let denied = issuer.submit(&consent, "/consent", &[("decision", "deny")]).await;
    assert_eq!(answer(&denied, "error").as_deref(), Some("access_denied"));
    // One that an operator registered gets its errors.
    let reply = issuer.authorize_with("", &[("prompt", "none")]).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("login_required"));
    let page = issuer.authorize_with(&alice, &[("prompt", "consent")]).await;
    assert!(page.text.contains("<code>storefront.example</code>"), "{}", page.text);
    assert!(!page.text.contains("registered itself"), "{}", page.text);
}

#[tokio::test]
async fn the_user_of_an_id_token_hint_signs_in_and_no_other() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer
        .code("storefront", "https://orders.example", "openid orders:read", ALICE)
        .await;
    let id_token = issuer.redeem("storefront", &code).await.json()["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let hint = [("id_token_hint", &*id_token), ("prompt", "consent")];
    let page = issuer.authorize_with("", &hint).await;
    let reply = issuer.submit(&page, "/login", BOB).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("login_required"));
    assert_eq!(reply.header("set-cookie"), None);
    let page = issuer.authorize_with("", &hint).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert_eq!(page.status, 200, "{}", page.text);
    // A login_hint is a proposal.
    let page = issuer.authorize_with("", &[("login_hint", "alice")]).await;
    assert_eq!(issuer.submit(&page, "/login", BOB).await.status, 200);
}
