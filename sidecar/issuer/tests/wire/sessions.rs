//! Sessions at the authorization endpoint, and what a client can ask of a login.

use actgate_issuer::Settings;

use crate::browser::{ALICE_WITH_PASSWORD, BOB, answer, authorization_request, session, transaction};
use crate::client::{Pairs, Reply, Running, claims};

const CONSENT: &[(&str, &str)] = &[("decision", "allow")];

/// Signs alice in for the storefront and allows it; returns the session of the browser and the tokens.
async fn signed_in(issuer: &Running) -> (String, Reply) {
    let page = issuer.authorize_with("", &[]).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let session = session(&page);
    let reply = issuer.submit(&page, "/consent", CONSENT).await;
    let code = answer(&reply, "code").unwrap();
    (session, issuer.redeem("storefront", &code).await)
}

fn is_login(page: &Reply) -> bool {
    page.status == 200 && page.text.contains("action=\"/login\"")
}

fn is_consent(page: &Reply) -> bool {
    page.status == 200 && page.text.contains("action=\"/consent\"")
}

async fn error(issuer: &Running, session: &str, parameters: Pairs<'_>) -> Option<String> {
    answer(&issuer.authorize_with(session, parameters).await, "error")
}

#[tokio::test]
async fn a_session_and_a_consent_are_remembered() {
    let issuer = Running::start(Settings::default()).await;
    issuer.handle.set_clock_offset(-100);
    let (session, first) = signed_in(&issuer).await;
    issuer.handle.set_clock_offset(0);
    let again = issuer.authorize_with(&session, &[]).await;
    let code = answer(&again, "code").unwrap();
    let second = issuer.redeem("storefront", &code).await.access_token();
    let first = claims(&first.access_token());
    assert_eq!(claims(&second)["auth_time"], first["auth_time"], "of the login");
    assert_eq!(claims(&second)["sub"], "alice");

    assert!(is_consent(
        &issuer.authorize_with(&session, &[("prompt", "consent")]).await
    ));
    let request = authorization_request("storefront", "https://orders.example", "orders:write", &[]);
    assert!(is_consent(
        &issuer.get_with(&session, &format!("/authorize?{request}")).await
    ));
    let request = authorization_request("assistant", "https://orders.example", "orders:read", &[]);
    assert!(is_consent(
        &issuer.get_with(&session, &format!("/authorize?{request}")).await
    ));
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    assert!(is_consent(&issuer.authorize_with(&session, &[]).await));
}

#[tokio::test]
async fn the_consent_for_a_public_client_is_not_remembered() {
    let issuer = Running::start(Settings::default()).await;
    let request = authorization_request("terminal", "https://orders.example", "orders:read", &[]);
    let request = format!("/authorize?{request}");
    let page = issuer.get(&request).await;
    let page = issuer.submit(&page, "/login", BOB).await;
    answer(&issuer.submit(&page, "/consent", CONSENT).await, "code").unwrap();
    assert!(is_consent(&issuer.get_with(&session(&page), &request).await));
}

#[tokio::test]
async fn what_prompt_and_max_age_ask_for() {
    let issuer = Running::start(Settings::default()).await;
    issuer.handle.set_clock_offset(-100);
    let (session, _) = signed_in(&issuer).await;
    issuer.handle.set_clock_offset(0);
    let silent = ("prompt", "none");
    assert!(answer(&issuer.authorize_with(&session, &[silent]).await, "code").is_some());
    for (parameters, allowed) in [
        (&[("prompt", "login")][..], false),
        (&[("prompt", "select_account")], false),
        (&[("max_age", "50")], false),
        (&[("max_age", "0")], false),
        (&[("max_age", "500")], true),
        (&[("login_hint", "alice")], true),
        (&[("login_hint", "bob")], false),
        (&[("acr_values", "aal1 aal2")], true),
        (&[("acr_values", "aal2")], false),
    ] {
        let reply = issuer.authorize_with(&session, parameters).await;
        assert_eq!(reply.status == 303, allowed, "{parameters:?}");
        assert_eq!(is_login(&reply), !allowed, "{parameters:?}");
    }
    let page = issuer.authorize_with(&session, &[("login_hint", "b\"o<b")]).await;
    assert!(page.text.contains("value=\"b&quot;o&lt;b\""), "{}", page.text);
    let login_required = Some("login_required".to_owned());
    assert_eq!(error(&issuer, "", &[silent]).await, login_required);
    assert_eq!(
        error(&issuer, "actgate_session=unknown", &[silent]).await,
        login_required
    );
    assert_eq!(
        error(&issuer, &session, &[silent, ("max_age", "50")]).await,
        login_required
    );
    assert_eq!(
        error(&issuer, &session, &[silent, ("login_hint", "bob")]).await,
        login_required
    );
    let interaction = Some("interaction_required".to_owned());
    assert_eq!(
        error(&issuer, &session, &[silent, ("acr_values", "aal2")]).await,
        interaction
    );
    issuer.handle.withdraw_consent("alice", "storefront").unwrap();
    let consent_required = Some("consent_required".to_owned());
    assert_eq!(error(&issuer, &session, &[silent]).await, consent_required);
    issuer.handle.set_clock_offset(9 * 3600);
    assert_eq!(
        error(&issuer, &session, &[silent]).await,
        login_required,
        "the session has ended"
    );
}

#[tokio::test]
async fn an_id_token_is_a_hint_of_the_user() {
    let issuer = Running::start(Settings::default()).await;
    let (alice, reply) = signed_in(&issuer).await;
    let id_token = reply.json()["id_token"].as_str().unwrap().to_owned();
    let hint = ("id_token_hint", &*id_token);
    assert!(answer(&issuer.authorize_with(&alice, &[hint]).await, "code").is_some());
    let page = issuer.authorize_with("", &[]).await;
    let bob = session(&issuer.submit(&page, "/login", BOB).await);
    assert!(is_login(&issuer.authorize_with(&bob, &[hint]).await));
    let access_token = reply.access_token();
    let invalid = error(&issuer, &alice, &[("id_token_hint", &access_token)]).await;
    assert_eq!(invalid.as_deref(), Some("invalid_request"));
    let request = authorization_request("assistant", "https://orders.example", "orders:read", &[hint]);
    let of_another_client = issuer.get(&format!("/authorize?{request}")).await;
    assert_eq!(answer(&of_another_client, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_login_replaces_the_session_of_the_browser() {
    let issuer = Running::start(Settings::default()).await;
    let (before, _) = signed_in(&issuer).await;
    let page = issuer.authorize_with(&before, &[("prompt", "login")]).await;
    let id = transaction(&page);
    let pairs = [&[("transaction", id.as_str())], ALICE_WITH_PASSWORD].concat();
    let login = issuer.form("/login", &pairs).header("cookie", &before);
    let reply = Reply::read(login).await;
    assert!(answer(&reply, "code").is_some(), "the consent is remembered");
    let after = session(&reply);
    assert_ne!(before, after);
    assert!(is_login(&issuer.authorize_with(&before, &[]).await));
    assert!(answer(&issuer.authorize_with(&after, &[]).await, "code").is_some());
    assert!(issuer.get_with(&after, "/consents").await.text.contains("storefront"));
}

#[tokio::test]
async fn a_cookie_of_an_https_issuer_is_secure() {
    let settings = Settings {
        issuer_url: Some("https://issuer.example".to_owned()),
        ..Settings::default()
    };
    let issuer = Running::start(settings).await;
    let page = issuer.authorize_with("", &[]).await;
    let page = issuer.submit(&page, "/login", BOB).await;
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
}

#[tokio::test]
async fn a_login_that_cannot_be_strong_enough_is_an_error() {
    let issuer = Running::start(Settings::default()).await;
    let aal2 = [("acr_values", "aal2")];
    let page = issuer.authorize_with("", &aal2).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(
        is_login(&page) && page.text.contains("needs the one-time code"),
        "{}",
        page.text
    );
    assert!(page.header("set-cookie").is_none());
    let reply = issuer.submit(&page, "/login", BOB).await;
    let unmet = answer(&reply, "error");
    assert_eq!(unmet.as_deref(), Some("unmet_authentication_requirements"));
}

#[tokio::test]
async fn failed_logins_of_a_user_are_limited() {
    let issuer = Running::start(Settings::default()).await;
    let wrong = [("username", "bob"), ("password", "wrong")];
    for _ in 0..10 {
        let page = issuer.authorize_with("", &[]).await;
        assert!(is_login(&issuer.submit(&page, "/login", &wrong).await));
    }
    let page = issuer.authorize_with("", &[]).await;
    let limited = issuer.submit(&page, "/login", BOB).await;
    assert_eq!(limited.status, 429, "{}", limited.text);
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!(
        (1..=300).contains(&wait) && limited.text.contains("Wait 5 min"),
        "{}",
        limited.text
    );
    assert!(limited.header("set-cookie").is_none());
    let page = issuer.authorize_with("", &[]).await;
    session(&issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await);
    issuer.handle.set_clock_offset(301);
    let page = issuer.authorize_with("", &[]).await;
    session(&issuer.submit(&page, "/login", BOB).await);
}

#[tokio::test]
async fn failed_logins_from_an_address_are_limited() {
    let issuer = Running::start(Settings::default()).await;
    for name in 0..50 {
        let page = issuer.authorize_with("", &[]).await;
        let guess = [("username", &*format!("user-{name}")), ("password", "x")];
        assert!(is_login(&issuer.submit(&page, "/login", &guess).await));
    }
    let page = issuer.authorize_with("", &[]).await;
    assert_eq!(issuer.submit(&page, "/login", BOB).await.status, 429);
}

#[tokio::test]
async fn successful_logins_are_not_limited() {
    let issuer = Running::start(Settings::default()).await;
    for _ in 0..60 {
        let page = issuer.authorize_with("", &[]).await;
        session(&issuer.submit(&page, "/login", BOB).await);
    }
}

#[tokio::test]
async fn a_one_time_password_is_used_once() {
    let issuer = Running::start(Settings::default()).await;
    let aal2 = [("acr_values", "aal2")];
    let login = async |code: &str| {
        let page = issuer.authorize_with("", &aal2).await;
        let alice = [ALICE_WITH_PASSWORD, &[("second_factor", code)]].concat();
        issuer.submit(&page, "/login", &alice).await
    };
    let code = issuer.one_time_password(0).await;
    let first = login(&code).await;
    assert!(is_consent(&first), "{}", first.text);
    assert_eq!(issuer.authorize_with(&session(&first), &aal2).await.status, 200);
    assert!(is_login(&login(&code).await), "used");
    let old = issuer.one_time_password(-90).await;
    assert!(is_login(&login(&old).await), "too old");
    let next = issuer.one_time_password(30).await;
    assert!(is_consent(&login(&next).await));
    let page = issuer.authorize_with("", &aal2).await;
    let unproven = [("username", "alice"), ("password", "wrong"), ("second_factor", &*code)];
    assert!(is_login(&issuer.submit(&page, "/login", &unproven).await));
}
