//! The administration API: agents and their credentials.

use actgate_issuer::{AdminSecret, Settings};
use reqwest::Method;
use serde_json::{Value, json};

use crate::browser::ALICE;
use crate::client::{Pairs, Reply, Running, claims};
use crate::exchange::{ASSISTANT, ORDERS};

pub(crate) const SECRET: &str = "an-admin-secret-of-tests";

pub(crate) fn settings() -> Settings {
    Settings {
        admin_secret: Some(AdminSecret::new(SECRET)),
        ..Settings::default()
    }
}

/// An agent that reads orders on its own, with changed members; `null` removes one.
pub(crate) fn agent(changes: Value) -> Value {
    let mut agent = json!({
        "client_id": "scout", "name": "Scout", "owner": "alice", "profile": "ai_agent",
        "grants": ["client_credentials"], "scopes": ["orders:read"], "resources": [ORDERS],
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => agent.as_object_mut().unwrap().remove(name),
            value => agent.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    agent
}

impl Running {
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Value) -> Reply {
        let request = self.http.request(method, format!("{}/admin/{path}", self.base()));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        Reply::read(request.bearer_auth(SECRET).body(body)).await
    }

    pub(crate) async fn add_agent(&self, changes: Value) -> Reply {
        self.admin(Method::POST, "agents", agent(changes)).await
    }

    /// A token request of a client with this secret.
    pub(crate) async fn token_with(&self, client: &str, secret: &str, pairs: Pairs<'_>) -> Reply {
        Reply::read(self.form("/token", pairs).basic_auth(client, Some(secret))).await
    }

    async fn own_token(&self, client: &str, secret: &str) -> Reply {
        self.token_with(
            client,
            secret,
            &[("grant_type", "client_credentials"), ("resource", ORDERS)],
        )
        .await
    }
}

#[track_caller]
pub(crate) fn text(reply: &Reply, name: &str) -> String {
    let text = reply.json()[name].as_str().map(str::to_owned);
    text.unwrap_or_else(|| panic!("{name} in {}", reply.text))
}

#[tokio::test]
async fn each_request_needs_the_secret() {
    let issuer = Running::start(settings()).await;
    for (token, path) in [
        ("", "agents"),
        ("wrong", "agents"),
        ("wrong", "nothing"),
        ("wrong", "keys/rotate"),
    ] {
        let request = issuer.http.post(format!("{}/admin/{path}", issuer.base()));
        let reply = Reply::read(request.bearer_auth(token)).await;
        reply.assert_error(401, "invalid_token");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }
    for (method, path) in [
        (Method::GET, "nothing"),
        (Method::PUT, "agents"),
        (Method::POST, "keys/x/revoke"),
    ] {
        issuer
            .admin(method, path, Value::Null)
            .await
            .assert_error(404, "not_found");
    }
    let generated = Running::start(Settings::default()).await;
    let request = generated.http.get(format!("{}/admin/agents", generated.base()));
    assert_eq!(Reply::read(request.bearer_auth(SECRET)).await.status, 401);
}

#[tokio::test]
async fn an_agent_gets_tokens_from_its_registration_until_it_is_deleted() {
    let issuer = Running::start(settings()).await;
    let added = issuer.add_agent(json!({ "token_lifetime": "1m" })).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let secret = text(&added, "client_secret");
    let token = issuer.own_token("scout", &secret).await;
    assert_eq!(token.json()["expires_in"], 60);
    let token = token.access_token();
    assert_eq!(
        (&claims(&token)["sub"], &claims(&token)["sub_profile"]),
        (&json!("scout"), &json!("ai_agent"))
    );

    let shown = issuer.admin(Method::GET, "agents/scout", Value::Null).await;
    assert_eq!(
        (&shown.json()["owner"], &shown.json()["state"]),
        (&json!("alice"), &json!("enabled"))
    );
    let all = issuer.admin(Method::GET, "agents", Value::Null).await;
    assert!(
        all.json()
            .as_array()
            .unwrap()
            .iter()
            .any(|agent| agent["client_id"] == "assistant")
    );
    for reply in [&shown, &all] {
        assert!(
            !reply.text.contains(&secret) && !reply.text.contains("sha256"),
            "{}",
            reply.text
        );
    }

    let changed = issuer.admin(
        Method::PATCH,
        "agents/scout",
        json!({ "scopes": ["orders:write"], "token_lifetime": null }),
    );
    assert_eq!(changed.await.json()["scopes"], json!(["orders:write"]));
    let token = issuer.own_token("scout", &secret).await;
    assert_eq!(
        (&token.json()["scope"], &token.json()["expires_in"]),
        (&json!("orders:write"), &json!(900))
    );

    let deleted = issuer.admin(Method::DELETE, "agents/scout", Value::Null).await;
    assert_eq!(deleted.json()["revoked_tokens"], 2);
    assert!(!issuer.is_active("orders-api", &token.access_token()).await);
    issuer
        .own_token("scout", &secret)
        .await
        .assert_error(401, "invalid_client");
    issuer.add_agent(json!({})).await.assert_error(409, "conflict");
    for (method, path) in [
        (Method::GET, "agents/scout"),
        (Method::PATCH, "agents/scout"),
        (Method::DELETE, "agents/scout"),
        (Method::POST, "agents/scout/disable"),
        (Method::POST, "agents/scout/credentials"),
        (Method::DELETE, "agents/unknown"),
    ] {
        issuer
            .admin(method, path, Value::Null)
            .await
            .assert_error(404, "not_found");
    }
}

#[tokio::test]
async fn a_registration_is_checked_as_the_registry_file_is() {
    let issuer = Running::start(settings()).await;
    for (changes, reason) in [
        (json!({ "owner": null }), "the key `owner` is missing"),
        (json!({ "owner": "carol" }), "unknown user `carol`"),
        (json!({ "owner": "assistant" }), "unknown user `assistant`"),
        (json!({ "scopes": ["orders:raed"] }), "did you mean `orders:read`"),
        (json!({ "resources": ["https://nowhere.example"] }), "unknown resource"),
        (json!({ "profile": "robot" }), "unknown word `robot`"),
        (
            json!({ "grants": ["token_exchange"] }),
            "the grant `token_exchange` and the key `exchange`",
        ),
        (json!({ "colour": "red" }), "unknown key `colour`"),
        (json!({ "token_lifetime": "2d" }), "this is not a token lifetime"),
        (json!({ "secret": "short" }), "at least 16 characters"),
        (json!({ "secret": 1 }), "`secret` is not a text"),
        (json!({ "client_id": "a b" }), "cannot be a name"),
        (
            json!({ "exchange": { "serves": ORDERS, "may_act_for": ["carol"] }, "grants": ["token_exchange"] }),
            "carol",
        ),
    ] {
        let reply = issuer.add_agent(changes).await;
        reply.assert_error(400, "invalid_client_metadata");
        assert!(text(&reply, "error_description").contains(reason), "{}", reply.text);
    }
    let redirect = json!({ "grants": ["authorization_code"], "redirect_uris": ["http://app.example/callback"] });
    issuer
        .add_agent(redirect)
        .await
        .assert_error(400, "invalid_redirect_uri");
    for id in ["assistant", "alice"] {
        issuer
            .add_agent(json!({ "client_id": id }))
            .await
            .assert_error(409, "conflict");
    }
    let malformed = issuer
        .http
        .post(format!("{}/admin/agents", issuer.base()))
        .bearer_auth(SECRET)
        .body("[]");
    Reply::read(malformed).await.assert_error(400, "invalid_request");

    let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let keys = json!({ "client_id": "keyed", "jwks": { "keys": [key] } });
    let mut both = keys.clone();
    both["secret"] = "a secret of a person".into();
    issuer
        .add_agent(both)
        .await
        .assert_error(400, "invalid_client_metadata");
    let keyed = issuer.add_agent(keys).await;
    assert_eq!((keyed.status, keyed.json().get("client_secret")), (201, None));
    let no_secret = issuer
        .admin(Method::POST, "agents/keyed/credentials", Value::Null)
        .await;
    no_secret.assert_error(409, "conflict");

    assert_eq!(
        issuer.add_agent(json!({ "client_id": null })).await.status,
        201,
        "a generated identifier"
    );
    issuer.add_agent(json!({})).await;
    let patch = async |body| issuer.admin(Method::PATCH, "agents/scout", body).await;
    patch(json!({ "scopes": ["x"] }))
        .await
        .assert_error(400, "invalid_client_metadata");
    patch(json!({ "secret": "x" }))
        .await
        .assert_error(400, "invalid_client_metadata");
    patch(json!({ "disabled": 1 }))
        .await
        .assert_error(400, "invalid_client_metadata");
    patch(json!({ "disabled": true, "name": "Spy" }))
        .await
        .assert_error(400, "invalid_client_metadata");
    assert_eq!(patch(json!({})).await.json()["scopes"], json!(["orders:read"]));
    let in_file = issuer
        .admin(Method::PATCH, "agents/assistant", json!({ "scopes": [] }))
        .await;
    in_file.assert_error(409, "conflict");
    let in_file = issuer
        .admin(Method::POST, "agents/assistant/credentials", Value::Null)
        .await;
    in_file.assert_error(409, "conflict");
}

#[tokio::test]
async fn a_credential_is_rotated_without_a_request_that_fails() {
    let issuer = Running::start(settings()).await;
    let chosen = "a secret of a person";
    let added = issuer.add_agent(json!({ "secret": chosen })).await;
    assert_eq!(text(&added, "client_secret"), chosen);
    let rotate = async |body| issuer.admin(Method::POST, "agents/scout/credentials", body).await;
    let second = rotate(json!({ "overlap": 60 })).await;
    assert_eq!(second.status, 201);
    for secret in [chosen, &text(&second, "client_secret")] {
        issuer.own_token("scout", secret).await.access_token();
    }
    issuer.handle.set_clock_offset(61);
    issuer
        .own_token("scout", chosen)
        .await
        .assert_error(401, "invalid_client");
    issuer
        .own_token("scout", &text(&second, "client_secret"))
        .await
        .access_token();

    let third = rotate(Value::Null).await;
    let path = format!("agents/scout/credentials/{}", text(&second, "credential_id"));
    let got_before = issuer.own_token("scout", &text(&second, "client_secret")).await;
    let got_before = got_before.access_token();
    assert_eq!(issuer.admin(Method::DELETE, &path, Value::Null).await.status, 204);
    // What it got stays: `…/revoke` ends that too.
    assert!(issuer.is_active("orders-api", &got_before).await);
    issuer
        .admin(Method::DELETE, &path, Value::Null)
        .await
        .assert_error(404, "not_found");
    let second = issuer.own_token("scout", &text(&second, "client_secret")).await;
    second.assert_error(401, "invalid_client");
    issuer
        .own_token("scout", &text(&third, "client_secret"))
        .await
        .access_token();
    rotate(json!({ "overlap": 30 * 86_400 + 1 }))
        .await
        .assert_error(400, "invalid_client_metadata");
    rotate(json!({ "overlap": -1 }))
        .await
        .assert_error(400, "invalid_client_metadata");
    for _ in 0..7 {
        assert_eq!(rotate(json!({})).await.status, 201);
    }
    rotate(json!({})).await.assert_error(409, "conflict");
    // Without any credential it is not public.
    let shown = issuer.admin(Method::GET, "agents/scout", Value::Null).await.json();
    for credential in shown["credentials"].as_array().unwrap() {
        let path = format!("agents/scout/credentials/{}", credential["id"].as_str().unwrap());
        assert_eq!(issuer.admin(Method::DELETE, &path, Value::Null).await.status, 204);
    }
    let anonymous = issuer
        .post(
            "/token",
            &[("grant_type", "client_credentials"), ("client_id", "scout")],
        )
        .await;
    anonymous.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn a_disabled_agent_ends_what_names_it_and_others_go_on() {
    let issuer = Running::start(settings()).await;
    let subject = issuer.assistant_token(ALICE).await;
    let exchanged = issuer
        .exchange("assistant", &subject, &[("resource", ORDERS)])
        .await
        .access_token();
    let other = issuer.client_token("warehouse", ORDERS).await;
    let disabled = issuer
        .admin(Method::POST, "agents/assistant/disable", Value::Null)
        .await;
    assert_eq!(disabled.json()["revoked_tokens"], 1);
    assert!(!issuer.is_active("orders-api", &exchanged).await);
    assert!(issuer.is_active("orders-api", &other).await && issuer.is_active("storefront", &subject).await);
    let exchange = async || issuer.exchange("assistant", &subject, &[("resource", ORDERS)]).await;
    exchange().await.assert_error(401, "invalid_client");
    let page = issuer.authorize("assistant", ORDERS, "orders:read").await;
    assert_eq!(page.status, 400, "{}", page.text);
    let shown = issuer.admin(Method::GET, "agents/assistant", Value::Null).await;
    assert_eq!(shown.json()["state"], "disabled");
    let enabled = issuer
        .admin(Method::PATCH, "agents/assistant", json!({ "disabled": false }))
        .await;
    assert_eq!(enabled.json()["state"], "enabled");
    exchange().await.access_token();
    let disabled = issuer
        .admin(Method::PATCH, "agents/assistant", json!({ "disabled": true }))
        .await;
    assert_eq!(disabled.status, 200);
    exchange().await.assert_error(401, "invalid_client");
}

#[tokio::test]
async fn an_agent_of_the_administration_can_act_for_a_user() {
    let issuer = Running::start(settings()).await;
    let agent = json!({
        "grants": ["token_exchange"],
        "exchange": { "serves": ASSISTANT, "may_act_for": ["alice"], "actor_token": "optional" },
    });
    let secret = text(&issuer.add_agent(agent).await, "client_secret");
    let subject = issuer.assistant_token(ALICE).await;
    let pairs = [
        ("grant_type", crate::client::EXCHANGE),
        ("subject_token", &subject),
        ("subject_token_type", crate::client::ACCESS_TOKEN),
        ("resource", ORDERS),
    ];
    let token = issuer.token_with("scout", &secret, &pairs).await.access_token();
    assert_eq!(claims(&token)["act"]["sub"], "scout");
    issuer.admin(Method::POST, "agents/scout/disable", Value::Null).await;
    assert!(!issuer.is_active("orders-api", &token).await);
}
