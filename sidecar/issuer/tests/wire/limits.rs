//! What one caller cannot do to the others, and what is left after a restart.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actgate_issuer::{IssuancePolicy, IssuanceRequest, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::admin::{settings, text};
use crate::browser::ALICE_WITH_PASSWORD;
use crate::client::{Reply, Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};
use crate::registration::CALLBACK;

#[tokio::test]
async fn device_requests_of_one_client_leave_room_for_others() {
    let issuer = Running::start(settings()).await;
    let ask = [("client_id", "terminal"), ("scope", "orders:read")];
    for _ in 0..1_001 {
        assert_eq!(issuer.post("/device_authorization", &ask).await.status, 200);
    }
    assert_eq!(begin(&issuer, "assistant", "assistant-secret").await.status, 200);
    // They are anonymous, so that they are recorded up to a number alone.
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let txn = claims(&offline.access_token)["txn"].as_str().unwrap().to_owned();
    let lines = issuer
        .admin(Method::GET, &format!("audit?txn={txn}"), Value::Null)
        .await;
    assert_eq!(lines.text.lines().count(), 3, "{}", lines.text);
}

/// A backchannel request for alice.
async fn begin(issuer: &Running, client: &str, secret: &str) -> Reply {
    let form = [
        ("scope", "openid orders:read"),
        ("resource", ORDERS),
        ("login_hint", "alice"),
    ];
    Reply::read(issuer.form("/bc-authorize", &form).basic_auth(client, Some(secret))).await
}

#[tokio::test]
async fn one_client_cannot_use_up_the_requests_for_a_user() {
    let issuer = Running::start(settings()).await;
    let other = json!({ "grants": ["ciba"], "scopes": ["openid", "orders:read"] });
    let other = issuer.add_agent(other).await;
    for _ in 0..10 {
        assert_eq!(begin(&issuer, "assistant", "assistant-secret").await.status, 200);
    }
    let refused = begin(&issuer, "assistant", "assistant-secret").await;
    refused.assert_error(403, "access_denied");
    let reply = begin(&issuer, "scout", &text(&other, "client_secret")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn failures_of_callers_without_a_credential_do_not_fill_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let with_data = || Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(data.clone()),
        ..settings()
    };
    let issuer = Running::start(with_data()).await;
    let offline = issuer.offline("storefront", ASSISTANT).await;
    let unknown = [("client_id", "unknown"), ("grant_type", "client_credentials")];
    for _ in 0..300 {
        issuer
            .post("/token", &unknown)
            .await
            .assert_error(401, "invalid_client");
    }
    let of_client = issuer.introspect("orders-api", &[]).await;
    of_client.assert_error(400, "invalid_request");
    issuer.introspect("orders-api", &[("token", "x")]).await;
    issuer.stop().await;
    let trail = std::fs::read_to_string(data.join(actgate_issuer::AUDIT_FILE)).unwrap();
    let lines = |part: &str| trail.lines().filter(|line| line.contains(part)).count();
    assert_eq!(lines(r#""error":"invalid_client""#), 200);
    assert_eq!(lines("are left out"), 1);
    assert_eq!(lines(r#""client_id":"orders-api","error":"invalid_request""#), 1);

    // The administration and the user see what was before a restart.
    let issuer = Running::start(with_data()).await;
    let txn = claims(&offline.access_token)["txn"].as_str().unwrap().to_owned();
    let reply = issuer
        .admin(Method::GET, &format!("audit?txn={txn}"), Value::Null)
        .await;
    assert!(reply.text.contains(r#""event":"issue""#), "{}", reply.text);
    let page = issuer.get("/activity").await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(page.text.contains(&txn), "{}", page.text);
    issuer.stop().await;
}

#[tokio::test]
async fn a_one_time_password_is_used_once_with_a_restart_between() {
    let folder = tempfile::tempdir().unwrap();
    let with_data = || Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.path().join("data")),
        ..Settings::default()
    };
    let sign_in = async |issuer: &Running, code: &str| {
        let page = issuer.get("/consents").await;
        let login = [
            ("username", "alice"),
            ("password", "wonderland"),
            ("second_factor", code),
        ];
        issuer.submit(&page, "/login", &login).await
    };
    let issuer = Running::start(with_data()).await;
    let code = issuer.handle.one_time_password("alice").unwrap();
    assert!(sign_in(&issuer, &code).await.text.contains("You are signed in"));
    assert!(sign_in(&issuer, &code).await.text.contains("is wrong"));
    issuer.stop().await;
    let issuer = Running::start(with_data()).await;
    assert!(sign_in(&issuer, &code).await.text.contains("is wrong"));
    issuer.stop().await;
}

#[tokio::test]
async fn a_client_that_registered_itself_ends_with_the_registration() {
    let folder = tempfile::tempdir().unwrap();
    let with_data = |registration| Settings {
        issuer_url: Some("http://issuer.test".to_owned()),
        data: Some(folder.path().join("data")),
        registration,
        ..settings()
    };
    let issuer = Running::start(with_data(true)).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post" });
    let client = issuer.register(metadata).await;
    let (id, secret) = (text(&client, "client_id"), text(&client, "client_secret"));
    let token = issuer.token_of_alice(&id, &[("client_secret", &secret)]).await;
    let refresh = text(&token, "refresh_token");
    issuer.stop().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*refresh),
        ("client_id", &*id),
        ("client_secret", &*secret),
    ];
    let issuer = Running::start(with_data(false)).await;
    issuer.post("/token", &form).await.assert_error(401, "invalid_client");
    assert_eq!(issuer.get(&format!("/authorize?client_id={id}")).await.status, 400);
    issuer.stop().await;
    let issuer = Running::start(with_data(true)).await;
    issuer.post("/token", &form).await.access_token();
    issuer.stop().await;
}

#[tokio::test]
async fn a_credential_that_others_know_ends_with_every_token_of_the_agent() {
    let issuer = Running::start(settings()).await;
    let agent = issuer.add_agent(json!({})).await;
    let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    let token = issuer.token_with("scout", &text(&agent, "client_secret"), &own).await;
    let token = token.access_token();
    let second = issuer
        .admin(Method::POST, "agents/scout/credentials", Value::Null)
        .await;
    let path = format!("agents/scout/credentials/{}/revoke", text(&agent, "credential_id"));
    let revoked = issuer.admin(Method::POST, &path, Value::Null).await;
    assert_eq!((revoked.status, &revoked.json()["revoked_tokens"]), (200, &json!(1)));
    assert!(!issuer.is_active("orders-api", &token).await);
    let refused = issuer.token_with("scout", &text(&agent, "client_secret"), &own).await;
    refused.assert_error(401, "invalid_client");
    let new = issuer.token_with("scout", &text(&second, "client_secret"), &own).await;
    assert!(issuer.is_active("orders-api", &new.access_token()).await);
    let again = issuer.admin(Method::POST, &path, Value::Null).await;
    again.assert_error(404, "not_found");
}

#[tokio::test]
async fn pages_have_the_names_of_the_issuer_alone() {
    let named = Settings {
        issuer_url: Some("https://issuer.example".to_owned()),
        ..settings()
    };
    let issuer = Running::start(named).await;
    let port = issuer.base().rsplit_once(':').unwrap().1.to_owned();
    for (host, status) in [
        ("issuer.example".to_owned(), 200),
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        ("[::1]".to_owned(), 200),
        (format!("rebound.example:{port}"), 421),
        ("issuer.example.evil.example".to_owned(), 421),
        ("x y".to_owned(), 421),
    ] {
        let page = issuer
            .http
            .get(format!("{}/consents", issuer.base()))
            .header("host", &host);
        assert_eq!(Reply::read(page).await.status, status, "{host}");
        // Clients and gates reach it under any name.
        let keys = issuer.http.get(format!("{}/jwks", issuer.base())).header("host", &host);
        assert_eq!(Reply::read(keys).await.status, 200, "{host}");
    }
    let admin = issuer
        .http
        .get(format!("{}/admin/agents", issuer.base()))
        .header("host", "rebound.example");
    assert_eq!(Reply::read(admin.bearer_auth(crate::admin::SECRET)).await.status, 421);
}

#[tokio::test]
async fn an_agent_that_only_exchanges_can_be_withdrawn_and_allowed_again() {
    let issuer = Running::start(Settings::default()).await;
    let subject = issuer.assistant_token(ALICE_WITH_PASSWORD).await;
    let exchange = async || issuer.exchange("assistant", &subject, &[("resource", ORDERS)]).await;
    let token = exchange().await.access_token();
    let page = issuer.get("/consents").await;
    let page = issuer.submit(&page, "/login", ALICE_WITH_PASSWORD).await;
    assert!(page.text.contains("Withdraw assistant"), "{}", page.text);
    let named = "<strong>Shopping assistant</strong> <code>assistant</code>";
    assert!(page.text.contains(named), "{}", page.text);
    let page = issuer
        .submit(&page, "/consents/withdraw", &[("client_id", "assistant")])
        .await;
    assert!(page.text.contains("Allow assistant"), "{}", page.text);
    assert!(!issuer.is_active("orders-api", &token).await);
    exchange().await.assert_error(400, "invalid_request");
    let page = issuer
        .submit(&page, "/consents/withdraw", &[("allow", "assistant")])
        .await;
    assert!(page.text.contains("Withdraw assistant"), "{}", page.text);
    exchange().await.access_token();
    // A consent that was withdrawn does not come back like that.
    let page = issuer
        .submit(&page, "/consents/withdraw", &[("client_id", "storefront")])
        .await;
    issuer
        .submit(&page, "/consents/withdraw", &[("allow", "storefront")])
        .await;
    exchange().await.assert_error(400, "invalid_request");
}

#[tokio::test]
async fn idle_connections_make_room() {
    let issuer = Running::start(Settings::default()).await;
    let address = issuer.base().trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..260 {
        idle.push(TcpStream::connect(&address).await.unwrap());
    }
    let began = Instant::now();
    assert_eq!(issuer.get("/jwks").await.status, 200);
    let waited = began.elapsed();
    assert!(
        waited < Duration::from_secs(5),
        "less than an idle connection may take: {waited:?}"
    );
    drop(idle);
}

/// A policy that fails.
struct Failing;

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failing")
    }
}

impl IssuancePolicy for Failing {
    fn decide(&self, _: &IssuanceRequest<'_>) -> Result<(), &'static str> {
        panic!("as a mistake of the issuer does")
    }
}

#[tokio::test]
async fn a_mistake_of_the_issuer_is_a_server_error() {
    let failing = Settings {
        issuance_policy: Some(Arc::new(Failing)),
        ..Settings::default()
    };
    let issuer = Running::start(failing).await;
    let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    issuer.token("warehouse", &own).await.assert_error(500, "server_error");
    assert_eq!(issuer.get("/jwks").await.status, 200);
}

#[tokio::test]
async fn an_access_token_is_no_hint_in_any_dialect() {
    for dialect in [
        actgate_issuer::Dialect::PingAic,
        actgate_issuer::Dialect::Keycloak,
        actgate_issuer::Dialect::Rfc9068,
    ] {
        let settings = Settings {
            dialect,
            ..Settings::default()
        };
        let issuer = Running::start(settings).await;
        let own = [("grant_type", "client_credentials"), ("resource", ORDERS)];
        let token = issuer.token("assistant", &own).await.access_token();
        let form = [
            ("scope", "openid orders:read"),
            ("resource", ORDERS),
            ("id_token_hint", &*token),
        ];
        let form = issuer.form("/bc-authorize", &form);
        let reply = Reply::read(form.basic_auth("assistant", Some("assistant-secret"))).await;
        reply.assert_invalid("id_token_hint");
    }
}

#[tokio::test]
async fn hints_and_codes_of_users_that_are_not_supported() {
    let issuer = Running::start(Settings::default()).await;
    let ask = async |pairs: &[(&str, &str)]| {
        let pairs = [&[("scope", "openid orders:read"), ("resource", ORDERS)], pairs].concat();
        let form = issuer.form("/bc-authorize", &pairs);
        Reply::read(form.basic_auth("assistant", Some("assistant-secret"))).await
    };
    ask(&[("login_hint_token", "x")])
        .await
        .assert_invalid("use another hint");
    // No user has a user code, so that none is missing or invalid.
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false);
    assert_eq!(ask(&[("login_hint", "alice")]).await.status, 200);
    assert_eq!(ask(&[("login_hint", "alice"), ("user_code", "1234")]).await.status, 200);
}
