//! The administration API beside agents: resources, signing keys, the audit trail, and what of all a restart keeps.

use actgate_issuer::Settings;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::{settings, text};
use crate::browser::ALICE;
use crate::client::{Running, claims, part};
use crate::exchange::ORDERS;

#[tokio::test]
async fn a_new_resource_can_be_requested() {
    let issuer = Running::start(settings()).await;
    let models = json!({
        "identifier": "https://models.example", "scopes": ["models:chat"],
        "descriptions": { "models:chat": "Talk to a model" },
    });
    let add = async |body| issuer.admin(Method::POST, "resources", body).await;
    let added = add(models.clone()).await;
    assert_eq!((added.status, &added.json()), (201, &models));
    add(models).await.assert_error(409, "conflict");
    add(json!({ "identifier": ORDERS, "scopes": [] }))
        .await
        .assert_error(409, "conflict");
    for wrong in [
        json!({ "scopes": ["x"] }),
        json!({ "identifier": "models", "scopes": ["x"] }),
        json!({ "identifier": "https://x.example", "scopes": ["openid"] }),
        json!({ "identifier": "https://x.example", "scopes": ["x"], "descriptions": { "x": 1 } }),
    ] {
        add(wrong).await.assert_error(400, "invalid_client_metadata");
    }
    let resources = issuer.admin(Method::GET, "resources", Value::Null).await.json();
    assert!(resources.as_array().unwrap().len() > 7);
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert!(
        metadata["scopes_supported"]
            .as_array()
            .unwrap()
            .contains(&json!("models:chat"))
    );
    let agent = json!({ "scopes": ["models:chat"], "resources": ["https://models.example"] });
    let secret = text(&issuer.add_agent(agent).await, "client_secret");
    let token = issuer
        .token_with("scout", &secret, &[("grant_type", "client_credentials")])
        .await;
    assert_eq!(claims(&token.access_token())["aud"], "https://models.example");
}

#[tokio::test]
async fn keys_are_rotated_and_revoked() {
    let issuer = Running::start(settings()).await;
    let first = issuer.client_token("warehouse", ORDERS).await;
    let rotated = issuer.admin(Method::POST, "keys/rotate", Value::Null).await;
    let second = issuer.client_token("warehouse", ORDERS).await;
    assert_eq!(part(&second, 0)["kid"], rotated.json()["active"]);
    assert!(issuer.is_active("orders-api", &first).await);
    let revoke = async |token: &str| {
        let path = format!("keys/{}/revoke", part(token, 0)["kid"].as_str().unwrap());
        issuer.admin(Method::POST, &path, Value::Null).await
    };
    assert_eq!(revoke(&first).await.json()["active"], rotated.json()["active"]);
    assert!(!issuer.is_active("orders-api", &first).await && issuer.is_active("orders-api", &second).await);
    let jwks = issuer.get("/jwks").await.json();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2);
    assert!(!jwks.to_string().contains(part(&first, 0)["kid"].as_str().unwrap()));
    let next = revoke(&second).await.json()["active"].clone();
    assert_eq!(next, jwks["keys"][1]["kid"], "the published next key signs");
    assert!(!issuer.is_active("orders-api", &second).await);
    revoke(&second).await.assert_error(404, "not_found");
    assert_eq!(part(&issuer.client_token("warehouse", ORDERS).await, 0)["kid"], next);
}

#[tokio::test]
async fn the_audit_trail_of_a_transaction_and_of_the_administration() {
    let issuer = Running::start(settings()).await;
    let subject = issuer.assistant_token(ALICE).await;
    issuer
        .exchange("assistant", &subject, &[("resource", ORDERS)])
        .await
        .access_token();
    let txn = claims(&subject)["txn"].as_str().unwrap().to_owned();
    let trail = issuer
        .admin(Method::GET, &format!("audit?txn={txn}"), Value::Null)
        .await;
    assert_eq!(trail.header("content-type"), Some("application/x-ndjson"));
    let events: Vec<Value> = trail
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = events.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["authentication", "consent", "issue", "exchange"]);
    issuer
        .admin(Method::GET, "audit", Value::Null)
        .await
        .assert_error(400, "invalid_request");
}

#[tokio::test]
async fn what_was_administered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Running::start(Settings {
            issuer_url: Some("http://issuer.test".to_owned()),
            data: Some(folder.path().join("data")),
            ..settings()
        })
    };
    let issuer = start().await;
    issuer
        .admin(
            Method::POST,
            "resources",
            json!({ "identifier": "https://models.example", "scopes": ["models:chat"] }),
        )
        .await;
    let models =
        json!({ "scopes": ["models:chat"], "resources": ["https://models.example"], "secret": "a secret of a person" });
    assert_eq!(issuer.add_agent(models).await.status, 201);
    let generated = text(
        &issuer
            .admin(Method::POST, "agents/scout/credentials", Value::Null)
            .await,
        "client_secret",
    );
    issuer.add_agent(json!({ "client_id": "gone" })).await;
    issuer.admin(Method::DELETE, "agents/gone", Value::Null).await;
    issuer
        .admin(Method::POST, "agents/warehouse/disable", Value::Null)
        .await;
    issuer.stop().await;
    for secret in [
        generated.as_bytes(),
        b"a secret of a person",
        &URL_SAFE_NO_PAD.decode(&generated).unwrap(),
    ] {
        for file in ["store.redb", "audit.jsonl"] {
            let bytes = std::fs::read(folder.path().join("data").join(file)).unwrap();
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret),
                "{file} has a secret"
            );
        }
    }
    let issuer = start().await;
    let grant = [("grant_type", "client_credentials")];
    for secret in ["a secret of a person", &generated] {
        issuer.token_with("scout", secret, &grant).await.access_token();
    }
    issuer
        .add_agent(json!({ "client_id": "gone" }))
        .await
        .assert_error(409, "conflict");
    issuer
        .token("warehouse", &grant)
        .await
        .assert_error(401, "invalid_client");
    let disabled = std::fs::read_to_string(folder.path().join("data/audit.jsonl")).unwrap();
    for reason in [
        "agent added",
        "credential added",
        "agent deleted",
        "agent disabled",
        "resource added",
    ] {
        assert!(disabled.contains(reason), "{reason}");
    }
    issuer.stop().await;
}
