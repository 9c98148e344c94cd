//! Logout that an application begins, and ID tokens with RS256.

use actgate_issuer::{Registry, Settings};
use serde_json::json;
use url::form_urlencoded;

use crate::admin::settings;
use crate::browser::{ALICE_WITH_PASSWORD, answer, session};
use crate::client::{Pairs, Reply, Running, part};

const HOME: &str = "https://storefront.example/home?x=1";

async fn start(settings: Settings) -> Running {
    let registry = Registry::SAMPLE.replace(
        "    redirect_uris: [https://storefront.example/callback]\n",
        &format!(
            "    redirect_uris: [https://storefront.example/callback]\n    post_logout_redirect_uris: [\"{HOME}\"]
    id_token_signed_response_alg: RS256\n"
        ),
    );
    assert_ne!(registry, Registry::SAMPLE);
    Running::with_registry(settings, Registry::from_yaml(&registry).unwrap()).await
}

/// Signs alice in; returns the session of the browser and the ID token.
async fn signed_in(issuer: &Running) -> (String, String) {
    let page = issuer.authorize_with("", &[("prompt", "consent")]).await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    let session = session(&page);
    let code = answer(
        &issuer.submit(&page, "/consent", &[("decision", "allow")]).await,
        "code",
    )
    .unwrap();
    let id_token = issuer.redeem("storefront", &code).await.json()["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    (session, id_token)
}

async fn logout(issuer: &Running, session: &str, parameters: Pairs<'_>) -> Reply {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    issuer.get_with(session, &format!("/logout?{query}")).await
}

async fn confirm(issuer: &Running, session: &str, page: &Reply, decision: &str) -> Reply {
    let transaction = crate::browser::transaction(page);
    let form = [("transaction", &*transaction), ("decision", decision)];
    Reply::read(issuer.form("/logout/confirm", &form).header("cookie", session)).await
}

#[tokio::test]
async fn a_user_confirms_a_logout_and_returns_to_the_application() {
    let issuer = start(Settings::default()).await;
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["end_session_endpoint"], format!("{}/logout", issuer.url));
    let (session, id_token) = signed_in(&issuer).await;
    let parameters = [
        ("id_token_hint", &*id_token),
        ("post_logout_redirect_uri", HOME),
        ("state", "s&t"),
    ];
    let page = logout(&issuer, &session, &parameters).await;
    assert!(
        page.text.contains("alice") && page.text.contains("Sign out"),
        "{}",
        page.text
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .ends_with("form-action 'self' https://storefront.example")
    );
    let stayed = confirm(&issuer, &session, &page, "deny").await;
    assert!(stayed.text.contains("Still signed in"), "{}", stayed.text);
    assert_eq!(
        issuer.authorize_with(&session, &[]).await.status,
        303,
        "the session goes on"
    );

    let page = logout(&issuer, &session, &parameters).await;
    let ended = confirm(&issuer, &session, &page, "allow").await;
    assert_eq!(
        ended.header("location"),
        Some("https://storefront.example/home?x=1&state=s%26t")
    );
    assert!(
        ended
            .header("set-cookie")
            .unwrap()
            .starts_with("actgate_session=; Path=/; Max-Age=0")
    );
    assert_eq!(
        confirm(&issuer, &session, &page, "allow").await.status,
        400,
        "a form is accepted once"
    );
    let after = issuer.authorize_with(&session, &[]).await;
    assert!(after.text.contains("action=\"/login\""), "{}", after.text);
    let again = logout(&issuer, &session, &parameters).await;
    assert_eq!(
        again.header("location"),
        Some("https://storefront.example/home?x=1&state=s%26t")
    );
}

#[tokio::test]
async fn a_logout_returns_to_a_registered_address_alone() {
    let issuer = start(Settings::default()).await;
    let (session, id_token) = signed_in(&issuer).await;
    let elsewhere = "https://storefront.example/home";
    for parameters in [
        &[("post_logout_redirect_uri", HOME)][..],
        &[("id_token_hint", &id_token), ("post_logout_redirect_uri", elsewhere)],
        &[("id_token_hint", "x"), ("post_logout_redirect_uri", HOME)],
        &[("id_token_hint", &id_token[..id_token.len() - 4])],
        &[("id_token_hint", &id_token), ("client_id", "assistant")],
        &[("client_id", "assistant"), ("post_logout_redirect_uri", HOME)],
        &[("state", "a"), ("state", "b")],
    ] {
        let page = logout(&issuer, &session, parameters).await;
        assert_eq!((page.status, page.header("location")), (400, None), "{parameters:?}");
    }
    let page = logout(&issuer, &session, &[]).await;
    let cross_site = [
        ("transaction", &*crate::browser::transaction(&page)),
        ("decision", "allow"),
    ];
    let cross_site = issuer.form("/logout/confirm", &cross_site).header("cookie", &session);
    assert_eq!(
        Reply::read(cross_site.header("sec-fetch-site", "cross-site"))
            .await
            .status,
        403
    );
    assert_eq!(
        issuer.authorize_with(&session, &[]).await.status,
        303,
        "the session goes on"
    );
    let page = logout(
        &issuer,
        &session,
        &[("client_id", "storefront"), ("post_logout_redirect_uri", HOME)],
    )
    .await;
    let ended = confirm(&issuer, &session, &page, "allow").await;
    assert_eq!(ended.header("location"), Some(HOME));
    assert!(logout(&issuer, "", &[]).await.text.contains("Signed out"));
}

#[tokio::test]
async fn a_client_can_have_id_tokens_with_rs256() {
    let issuer = start(settings()).await;
    let (_, id_token) = signed_in(&issuer).await;
    let header = part(&id_token, 0);
    assert_eq!(header["alg"], "RS256");
    let published = async || issuer.get("/jwks").await.json()["keys"].as_array().unwrap().clone();
    let keys = published().await;
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(
        (&key["kty"], &key["alg"], keys.len()),
        (&json!("RSA"), &json!("RS256"), 4)
    );
    // Access tokens and other clients keep the algorithm of the issuer.
    let other = issuer.client_token("warehouse", crate::exchange::ORDERS).await;
    assert_eq!(part(&other, 0)["alg"], "ES256");
    issuer.handle.rotate_key().unwrap();
    let (_, second) = signed_in(&issuer).await;
    let second = part(&second, 0);
    assert_ne!(second["kid"], header["kid"]);
    assert!(
        keys.iter().any(|key| key["kid"] == second["kid"]),
        "it was published before"
    );
    assert!(
        published().await.iter().any(|key| key["kid"] == header["kid"]),
        "the first stays"
    );
    let header = second;
    let path = format!("keys/{}/revoke", header["kid"].as_str().unwrap());
    assert_eq!(
        issuer
            .admin(reqwest::Method::POST, &path, serde_json::Value::Null)
            .await
            .status,
        200
    );
    assert!(published().await.iter().all(|key| key["kid"] != header["kid"]));
    let (_, third) = signed_in(&issuer).await;
    assert_ne!(part(&third, 0)["kid"], header["kid"]);
    assert_eq!(part(&third, 0)["alg"], "RS256");
}

#[tokio::test]
async fn the_key_of_id_tokens_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let with_data = || Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.path().join("data")),
        ..Settings::default()
    };
    let issuer = start(with_data()).await;
    let first = part(&signed_in(&issuer).await.1, 0);
    issuer.stop().await;
    let issuer = start(with_data()).await;
    assert_eq!(part(&signed_in(&issuer).await.1, 0), first);
    issuer.stop().await;
}
