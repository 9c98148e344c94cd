//! Clients that register themselves, and applications in a browser.

use actgate_issuer::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::admin::{settings, text};
use crate::browser::{ALICE, CHALLENGE, VERIFIER, answer};
use crate::client::{Reply, Running, claims};
use crate::exchange::ORDERS;

pub(crate) const CALLBACK: &str = "http://127.0.0.1:8400/callback";

impl Running {
    pub(crate) async fn register(&self, metadata: Value) -> Reply {
        let request = self.http.post(format!("{}/register", self.base()));
        Reply::read(
            request
                .header("content-type", "application/json")
                .body(metadata.to_string()),
        )
        .await
    }

    /// A token of alice for a client with this identifier, by the whole flow.
    pub(crate) async fn token_of_alice(&self, client: &str, credentials: &[(&str, &str)]) -> Reply {
        let query = [
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("scope", "openid offline_access orders:read"),
            ("prompt", "consent"),
        ];
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let page = self.get(&format!("/authorize?{query}")).await;
        let page = self.submit(&page, "/login", ALICE).await;
        let code = answer(&self.submit(&page, "/consent", &[("decision", "allow")]).await, "code").unwrap();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", client),
        ];
        form.extend(credentials);
        self.post("/token", &form).await
    }
}

pub(crate) fn registering() -> Settings {
    Settings {
        registration: true,
        ..settings()
    }
}

#[tokio::test]
async fn a_client_registers_itself_and_gets_tokens() {
    let issuer = Running::start(registering()).await;
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["registration_endpoint"], format!("{}/register", issuer.url));
    // As the SDKs of MCP do.
    let public = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "A tool", "client_uri": "https://x.example",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    });
    let registered = issuer.register(public).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let body = registered.json();
    assert_eq!(
        (&body["client_name"], &body["client_secret"]),
        (&json!("A tool"), &Value::Null)
    );
    assert_eq!(
        body["scope"],
        "offline_access openid orders:read orders:write refunds:write"
    );
    let token = issuer.token_of_alice(body["client_id"].as_str().unwrap(), &[]).await;
    assert_eq!(claims(&token.access_token())["client_profile"], "native_app");
    assert_eq!(claims(&token.access_token())["aud"], ORDERS);
    assert!(token.json()["refresh_token"].is_string() && token.json()["id_token"].is_string());

    let confidential =
        json!({ "redirect_uris": [CALLBACK], "scope": "orders:read shipping:write openid offline_access" });
    let body = issuer.register(confidential).await.json();
    assert_eq!(
        (&body["scope"], &body["client_secret_expires_at"]),
        (
            &json!("offline_access openid orders:read orders:write refunds:write"),
            &json!(0)
        )
    );
    let (id, secret) = (
        body["client_id"].as_str().unwrap(),
        body["client_secret"].as_str().unwrap(),
    );
    issuer
        .token_of_alice(id, &[("client_secret", secret)])
        .await
        .access_token();
    issuer.token_of_alice(id, &[]).await.assert_error(401, "invalid_client");
    let deleted = issuer.admin(Method::DELETE, &format!("agents/{id}"), Value::Null).await;
    assert_eq!(deleted.json()["revoked_tokens"], 1);
}

#[tokio::test]
async fn what_a_client_cannot_register() {
    let issuer = Running::start(registering()).await;
    for (metadata, error) in [
        (json!({}), "invalid_client_metadata"),
        (json!([]), "invalid_client_metadata"),
        (json!({ "redirect_uris": [] }), "invalid_client_metadata"),
        (
            json!({ "redirect_uris": ["http://app.example/callback"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": ["javascript:alert(1)"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": vec![CALLBACK; 17] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "client_name": "x".repeat(513) }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "client_name": "a\nb" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "grant_types": ["client_credentials"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "response_types": ["token"] }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "scope": "shipping:write" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "tls_client_auth" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": [CALLBACK], "jwks": { "keys": [] } }),
            "invalid_client_metadata",
        ),
    ] {
        issuer.register(metadata).await.assert_error(400, error);
    }
    let closed = Running::start(Settings::default()).await;
    closed
        .register(json!({ "redirect_uris": [CALLBACK] }))
        .await
        .assert_error(404, "not_found");
    let metadata = closed.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata.get("registration_endpoint").is_none());
}

#[tokio::test]
async fn a_registration_that_no_user_decided_on_expires() {
    let issuer = Running::start(registering()).await;
    let metadata = || json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    let used = text(&issuer.register(metadata()).await, "client_id");
    issuer.token_of_alice(&used, &[]).await.access_token();
    let unused = text(&issuer.register(metadata()).await, "client_id");
    let listed = async || issuer.admin(Method::GET, "agents", Value::Null).await.text;
    issuer.handle.set_clock_offset(3590);
    issuer.register(metadata()).await;
    assert!(listed().await.contains(&unused), "it is not old enough");
    issuer.handle.set_clock_offset(3601);
    let last = text(&issuer.register(metadata()).await, "client_id");
    let agents = listed().await;
    assert!(
        agents.contains(&used) && agents.contains(&last) && !agents.contains(&unused),
        "{agents}"
    );
    issuer.token_of_alice(&used, &[]).await.access_token();
    let page = issuer.get(&format!("/authorize?client_id={unused}")).await;
    assert!(page.text.contains("is missing, or not registered"), "{}", page.text);
}

#[tokio::test]
async fn one_sender_cannot_use_up_the_registrations() {
    let issuer = Running::start(registering()).await;
    let metadata = || json!({ "redirect_uris": [CALLBACK] });
    for _ in 0..50 {
        assert_eq!(issuer.register(metadata()).await.status, 201);
    }
    let refused = issuer.register(metadata()).await;
    refused.assert_error(503, "temporarily_unavailable");
    issuer.handle.set_clock_offset(301);
    assert_eq!(issuer.register(metadata()).await.status, 201);
}

#[tokio::test]
async fn an_application_in_a_browser_may_call_from_its_origin() {
    let issuer = Running::start(Settings::default()).await;
    let origin = "access-control-allow-origin";
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
        "/token",
        "/register",
        "/revoke",
        "/userinfo",
    ] {
        let preflight = issuer.http.request(Method::OPTIONS, format!("{}{path}", issuer.base()));
        let preflight = Reply::read(preflight.header("origin", "https://app.example")).await;
        assert_eq!((preflight.status, preflight.header(origin)), (200, Some("*")), "{path}");
        let methods = preflight.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET,POST"), "{path}");
        assert!(
            preflight
                .header("access-control-allow-headers")
                .unwrap()
                .contains("authorization")
        );
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
    }
    let refused = issuer.post("/token", &[]).await;
    assert_eq!((refused.status, refused.header(origin)), (401, Some("*")));
    for path in ["/authorize", "/consents", "/introspect", "/admin/agents", "/login"] {
        assert_eq!(issuer.get(path).await.header(origin), None, "{path}");
        let preflight = issuer.http.request(Method::OPTIONS, format!("{}{path}", issuer.base()));
        assert_eq!(Reply::read(preflight).await.header(origin), None, "{path}");
    }
}

#[tokio::test]
async fn an_application_in_a_browser_may_call_the_addresses_of_a_dialect() {
    let dialect = actgate_issuer::Dialect::PingAic;
    let settings = Settings {
        dialect,
        ..Settings::default()
    };
    let issuer = Running::start(settings).await;
    let metadata = issuer.get("/.well-known/openid-configuration").await.json();
    let url = metadata["issuer"].as_str().unwrap();
    let path = url.strip_prefix(issuer.base()).unwrap();
    for path in [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("{path}/access_token"),
        format!("{path}/tokeninfo"),
    ] {
        let preflight = issuer.http.request(Method::OPTIONS, format!("{}{path}", issuer.base()));
        let preflight = Reply::read(preflight.header("origin", "https://app.example")).await;
        let origin = preflight.header("access-control-allow-origin");
        assert_eq!((preflight.status, origin), (200, Some("*")), "{path}");
    }
}

/// Serves one document for every request, and returns its address.
async fn serve(head: &str, document: impl Fn(&str) -> String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/client", listener.local_addr().unwrap());
    let body = document(&url);
    let response = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    url
}

fn document(url: &str, changes: Value) -> String {
    let mut document = json!({ "client_id": url, "client_name": "A tool", "redirect_uris": [CALLBACK] });
    document
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    document.to_string()
}

const JSON: &str = "200 OK\r\ncontent-type: application/json";

#[tokio::test]
async fn the_identifier_of_a_client_can_be_the_address_of_its_metadata() {
    let documents = Settings {
        client_metadata_documents: true,
        ..Settings::default()
    };
    let issuer = Running::start(documents).await;
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    let client = serve(JSON, |url| document(url, json!({}))).await;
    let token = issuer.token_of_alice(&client, &[]).await.access_token();
    assert_eq!(claims(&token)["client_id"], client);

    let authorize = async |issuer: &Running, client: &str| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", client),
                ("redirect_uri", CALLBACK),
            ])
            .extend_pairs([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")])
            .finish();
        issuer.get(&format!("/authorize?{query}")).await.status
    };
    assert_eq!(authorize(&issuer, &client).await, 200);
    for (head, changes) in [
        ("200 OK\r\ncontent-type: text/html", json!({})),
        (
            "302 Found\r\ncontent-type: application/json\r\nlocation: /client",
            json!({}),
        ),
        ("404 Not Found\r\ncontent-type: application/json", json!({})),
        (JSON, json!({ "client_id": "http://127.0.0.1/client" })),
        (JSON, json!({ "redirect_uris": ["http://app.example/callback"] })),
        (JSON, json!({ "token_endpoint_auth_method": "client_secret_post" })),
        (JSON, json!({ "token_endpoint_auth_method": "private_key_jwt" })),
        (JSON, json!({ "client_uri": "x".repeat(65 * 1024) })),
    ] {
        let client = serve(head, |url| document(url, changes.clone())).await;
        assert_eq!(authorize(&issuer, &client).await, 400, "{head} {changes}");
    }
    let off = Running::start(Settings::default()).await;
    assert_eq!(authorize(&off, &client).await, 400);
    let metadata = off.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata.get("client_id_metadata_document_supported").is_none());
}
