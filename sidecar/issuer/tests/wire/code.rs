//! The authorization code flow through its pages.

use actgate_issuer::Settings;
use serde_json::json;
use url::form_urlencoded;

use crate::browser::{ALICE, ALICE_WITH_PASSWORD, BOB, CHALLENGE, VERIFIER, answer, redirect_uri, transaction};
use crate::client::{Reply, Running, claims, part};

const ORDERS: &str = "https://orders.example";

#[tokio::test]
async fn a_user_through_an_application() {
    let issuer = Running::start(Settings::default()).await;
    let one_time = issuer.one_time_password(0).await;
    let alice = [ALICE, &[("second_factor", &*one_time)]].concat();
    let code = issuer.code("storefront", ORDERS, "openid orders:read", &alice).await;
    let reply = issuer.redeem("storefront", &code).await;
    let token = reply.access_token();
    let access = claims(&token);
    assert_eq!(access["sub"], "alice");
    assert_eq!(access["sub_profile"], "user");
    assert_eq!(access["client_id"], "storefront");
    assert_eq!(access["client_profile"], "web_app");
    assert_eq!(access["scope"], "openid orders:read");
    assert_eq!(access["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(access["acr"], "aal2");
    assert!(access.get("act").is_none(), "an application is not an actor");

    let id_token = reply.json()["id_token"].as_str().unwrap().to_owned();
    assert_eq!(part(&id_token, 0)["typ"], "JWT");
    let id = claims(&id_token);
    assert_eq!(
        (&id["sub"], &id["aud"], &id["nonce"]),
        (&json!("alice"), &json!("storefront"), &json!("n-1"))
    );
    assert_eq!(id["auth_time"], access["auth_time"]);
    assert_eq!(id["at_hash"].as_str().unwrap().len(), 22);
    assert!(id.get("scope").is_none() && id.get("act").is_none());
}

#[tokio::test]
async fn a_user_through_an_agent() {
    let issuer = Running::start(Settings::default()).await;
    let token = issuer
        .user_token("assistant", ORDERS, "orders:read", ALICE_WITH_PASSWORD)
        .await;
    let access = claims(&token);
    assert_eq!(access["sub"], "alice");
    assert_eq!(access["amr"], json!(["pwd"]));
    assert_eq!(access["acr"], "aal1");
    let act = json!({"iss": issuer.url, "sub": "assistant", "sub_profile": "ai_agent"});
    assert_eq!(access["act"], act);
}

#[tokio::test]
async fn a_public_client_authenticates_by_pkce_alone() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer.code("terminal", ORDERS, "orders:read", BOB).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "terminal"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:8400/callback"),
        ("code_verifier", VERIFIER),
    ];
    let reply = issuer.post("/token", &pairs).await;
    assert_eq!(claims(&reply.access_token())["sub"], "bob");
    assert!(reply.json().get("id_token").is_none(), "openid was not requested");
}

#[tokio::test]
async fn the_port_of_a_loopback_redirect_uri_is_free() {
    let issuer = Running::start(Settings::default()).await;
    let authorize = async |redirect_uri: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "terminal"),
                ("redirect_uri", redirect_uri),
                ("scope", "orders:read"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        issuer.get(&format!("/authorize?{query}")).await
    };
    let redirect_uri = "http://127.0.0.1:51004/callback";
    let page = authorize(redirect_uri).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.ends_with("form-action 'self' http://127.0.0.1:51004"),
        "{policy}"
    );
    let page = issuer.submit(&page, "/login", BOB).await;
    let reply = issuer.submit(&page, "/consent", &[("decision", "allow")]).await;
    let location = reply.header("location").unwrap();
    assert!(
        location.starts_with("http://127.0.0.1:51004/callback?code="),
        "{location}"
    );
    let code = answer(&reply, "code").unwrap();
    let redeem = async |redirect_uri: &str| {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", "terminal"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        issuer.post("/token", &pairs).await
    };
    redeem(redirect_uri).await.access_token();

    for other in [
        "http://127.0.0.1:51004/",
        "http://127.0.0.1:51004@evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://localhost:51004/callback",
        "http://[::1]:51004/callback",
        "https://127.0.0.1:51004/callback",
    ] {
        let reply = authorize(other).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{other}");
    }
}

#[tokio::test]
async fn a_code_is_redeemed_with_the_port_of_its_request() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer.code("terminal", ORDERS, "orders:read", BOB).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", "terminal"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:51004/callback"),
        ("code_verifier", VERIFIER),
    ];
    issuer.post("/token", &pairs).await.assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_user_grants_only_scopes_of_the_user() {
    let issuer = Running::start(Settings::default()).await;
    let scope = "orders:read refunds:write";
    let page = issuer.authorize("storefront", ORDERS, scope).await;
    let page = issuer.submit(&page, "/login", BOB).await;
    assert!(page.text.contains("orders:read") && !page.text.contains("refunds:write"));
    let reply = issuer.submit(&page, "/consent", &[("decision", "allow")]).await;
    let reply = issuer.redeem("storefront", &answer(&reply, "code").unwrap()).await;
    assert_eq!(reply.json()["scope"], "orders:read");

    let page = issuer.authorize("storefront", ORDERS, "refunds:write").await;
    let reply = issuer.submit(&page, "/login", BOB).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("access_denied"));
    let description = answer(&reply, "error_description");
    assert_eq!(
        description.as_deref(),
        Some("the user has none of the requested scopes")
    );
}

#[tokio::test]
async fn the_response_has_code_state_and_issuer() {
    let issuer = Running::start(Settings::default()).await;
    let page = issuer.authorize("assistant", ORDERS, "orders:read").await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(
        policy.ends_with("form-action 'self' https://assistant.example"),
        "{policy}"
    );
    let page = issuer.submit(&page, "/login", ALICE).await;
    for shown in [
        "alice",
        "Shopping assistant",
        "orders:read",
        ORDERS,
        "act on your behalf",
    ] {
        assert!(page.text.contains(shown), "{shown}");
    }
    let allowed = issuer.submit(&page, "/consent", &[("decision", "allow")]).await;
    assert!(
        allowed
            .header("location")
            .unwrap()
            .starts_with("https://assistant.example/callback?code=")
    );
    assert_eq!(answer(&allowed, "state").as_deref(), Some("s t&te"));
    assert_eq!(answer(&allowed, "iss").as_deref(), Some(issuer.url.as_str()));

    let again = issuer.submit(&page, "/consent", &[("decision", "allow")]).await;
    assert_eq!(
        (again.status, again.header("location")),
        (400, None),
        "a form is accepted once"
    );
}

#[tokio::test]
async fn a_denied_consent_is_redirected_to_the_client() {
    let issuer = Running::start(Settings::default()).await;
    for decision in [&[("decision", "deny")][..], &[]] {
        let page = issuer.authorize("assistant", ORDERS, "orders:read").await;
        let page = issuer.submit(&page, "/login", ALICE).await;
        let reply = issuer.submit(&page, "/consent", decision).await;
        assert_eq!(answer(&reply, "error").as_deref(), Some("access_denied"));
        assert_eq!(answer(&reply, "state").as_deref(), Some("s t&te"));
        assert_eq!(answer(&reply, "code"), None);
    }
}

#[tokio::test]
async fn an_unregistered_redirect_uri_gets_an_error_page() {
    let issuer = Running::start(Settings::default()).await;
    for query in [
        "",
        "client_id=unknown&redirect_uri=https://evil.example/",
        "client_id=assistant&redirect_uri=https://evil.example/",
        "client_id=%3Cscript%3E&redirect_uri=%22%3E",
    ] {
        let reply = issuer.get(&format!("/authorize?{query}")).await;
        assert_eq!((reply.status, reply.header("location")), (400, None), "{query}");
        assert!(
            !reply.text.contains("evil") && !reply.text.contains("<script"),
            "{}",
            reply.text
        );
    }
    let query = "client_id=assistant&redirect_uri=https://assistant.example/callback&response_type=token";
    let reply = issuer.get(&format!("/authorize?{query}")).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("unsupported_response_type"));
}

#[tokio::test]
async fn the_number_of_failed_logins_is_limited() {
    let issuer = Running::start(Settings::default()).await;
    let wrong: [&[(&str, &str)]; 5] = [
        &[("username", "alice"), ("password", "wrong")],
        &[("username", "unknown"), ("password", "wonderland")],
        &[
            ("username", "alice"),
            ("password", "wonderland"),
            ("second_factor", "000000"),
        ],
        &[
            ("username", "bob"),
            ("password", "builder"),
            ("second_factor", "246810"),
        ],
        &[("username", "alice")],
    ];
    let mut page = issuer.authorize("assistant", ORDERS, "orders:read").await;
    for guess in wrong.iter().take(4) {
        let next = issuer.submit(&page, "/login", guess).await;
        assert_eq!(next.status, 200);
        assert!(next.text.contains("password or the code is wrong"));
        assert_ne!(transaction(&next), transaction(&page));
        let replayed = issuer.submit(&page, "/login", ALICE).await;
        assert_eq!(replayed.status, 400, "the old form was already used");
        page = next;
    }
    let reply = issuer.submit(&page, "/login", wrong[4]).await;
    assert_eq!(answer(&reply, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_form_of_another_site_or_step_is_an_error() {
    let issuer = Running::start(Settings::default()).await;
    let page = issuer.authorize("assistant", ORDERS, "orders:read").await;
    let id = transaction(&page);
    let pairs = [
        ("transaction", id.as_str()),
        ("username", "alice"),
        ("password", "wonderland"),
    ];
    let cross_site = issuer.form("/login", &pairs).header("sec-fetch-site", "cross-site");
    assert_eq!(Reply::read(cross_site).await.status, 403);
    let skipped = issuer.submit(&page, "/consent", &[("decision", "allow")]).await;
    assert_eq!(
        (skipped.status, skipped.header("location")),
        (400, None),
        "no user signed in"
    );
    let guessed = [("transaction", "AAAA"), ("decision", "allow")];
    assert_eq!(issuer.post("/consent", &guessed).await.status, 400);
}

#[tokio::test]
async fn a_code_is_valid_once_for_one_client_and_one_minute() {
    let issuer = Running::start(Settings::default()).await;
    let code = issuer.code("assistant", ORDERS, "orders:read", ALICE).await;
    issuer
        .redeem("storefront", &code)
        .await
        .assert_error(400, "invalid_grant");
    issuer.redeem("assistant", &code).await.access_token();
    issuer
        .redeem("assistant", &code)
        .await
        .assert_error(400, "invalid_grant");
    issuer
        .redeem("assistant", "unknown")
        .await
        .assert_error(400, "invalid_grant");

    let code = issuer.code("assistant", ORDERS, "orders:read", ALICE).await;
    issuer.handle.set_clock_offset(61);
    issuer
        .redeem("assistant", &code)
        .await
        .assert_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_is_bound_to_its_verifier_redirect_uri_and_resource() {
    let issuer = Running::start(Settings::default()).await;
    let callback = redirect_uri("assistant");
    let other = "a".repeat(43);
    for (name, value, error) in [
        ("code_verifier", other.as_str(), "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "https://storefront.example/callback", "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("resource", "https://shipping.example", "invalid_grant"),
        ("code", "", "invalid_request"),
    ] {
        let code = issuer.code("assistant", ORDERS, "orders:read", ALICE).await;
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", VERIFIER),
        ];
        pairs.retain(|(n, _)| *n != name);
        pairs.push((name, value));
        let refused = issuer.token("assistant", &pairs).await;
        refused.assert_error(400, error);
        let is_of_verifier = refused.text.contains("the code_verifier is not that of the code");
        assert_eq!(
            is_of_verifier,
            name == "code_verifier" && error == "invalid_grant",
            "{}",
            refused.text
        );
        if error == "invalid_grant" {
            issuer
                .redeem("assistant", &code)
                .await
                .assert_error(400, "invalid_grant");
        }
    }
    issuer
        .redeem("warehouse", "x")
        .await
        .assert_error(400, "unauthorized_client");
}

#[tokio::test]
async fn auth_time_is_the_time_of_the_login() {
    let issuer = Running::start(Settings::default()).await;
    issuer.handle.set_clock_offset(-600);
    let token = issuer.user_token("assistant", ORDERS, "orders:read", ALICE).await;
    issuer.handle.set_clock_offset(0);
    let fresh = claims(&issuer.user_token("assistant", ORDERS, "orders:read", ALICE).await);
    let old = claims(&token);
    let age = fresh["auth_time"].as_u64().unwrap() - old["auth_time"].as_u64().unwrap();
    assert!((600..660).contains(&age), "{age}");
    assert!(
        old["exp"].as_u64().unwrap() > fresh["iat"].as_u64().unwrap(),
        "the token has not expired"
    );
}
