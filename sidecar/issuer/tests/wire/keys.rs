//! Metadata, the published keys and their rotation, and the listener.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use actgate_issuer::{Registry, Server, Settings, SettingsError, Signing, StartError};
use jsonwebtoken::jwk::JwkSet;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::settings;
use crate::client::{Running, part};

const ORDERS: &str = "https://orders.example";

impl Running {
    /// The key ids of the published set.
    async fn kids(&self) -> Vec<String> {
        let set: JwkSet = serde_json::from_str(&self.get("/jwks").await.text).unwrap();
        set.keys.into_iter().map(|key| key.common.key_id.unwrap()).collect()
    }

    async fn signer(&self) -> String {
        let token = self.client_token("night-batch", ORDERS).await;
        part(&token, 0)["kid"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_metadata_names_existing_endpoints() {
    let issuer = Running::start(Settings::default()).await;
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata, issuer.get("/.well-known/openid-configuration").await.json());
    assert_eq!(metadata["issuer"], json!(issuer.url));
    assert_eq!(metadata["jwks_uri"], json!(format!("{}/jwks", issuer.url)));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    let addresses = metadata.as_object().unwrap().iter();
    let addresses: Vec<_> = addresses
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .map(|(_, address)| address.as_str().unwrap().strip_prefix(&issuer.url).unwrap())
        .collect();
    assert_eq!(addresses.len(), 10);
    for path in addresses {
        assert_ne!(issuer.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn each_algorithm_is_published_under_its_name() {
    for (signing, algorithm, kty) in [
        (Signing::Es256, "ES256", "EC"),
        (Signing::Rs256, "RS256", "RSA"),
        (Signing::EdDsa, "EdDSA", "OKP"),
    ] {
        let issuer = Running::start(Settings {
            signing,
            ..Settings::default()
        })
        .await;
        let token = issuer.client_token("night-batch", ORDERS).await;
        assert_eq!(part(&token, 0)["alg"], algorithm);
        let kid = part(&token, 0)["kid"].clone();
        let keys = issuer.get("/jwks").await.json();
        let key = keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["kid"] == kid)
            .unwrap();
        assert_eq!((&key["alg"], &key["kty"]), (&json!(algorithm), &json!(kty)));
        assert_eq!(key["use"], "sig");
        let metadata = issuer.get("/.well-known/openid-configuration").await.json();
        let mut algorithms = vec![algorithm, "RS256"];
        algorithms.dedup();
        assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(algorithms));
    }
}

#[tokio::test]
async fn a_key_is_published_before_and_after_it_signs() {
    let issuer = Running::start(settings()).await;
    let (first, before) = (issuer.signer().await, issuer.kids().await);
    let second = issuer.handle.rotate_key().unwrap();
    assert!(before.contains(&second), "the next key is published");
    assert_eq!(issuer.signer().await, second);
    assert!(issuer.kids().await.contains(&first), "the retired key is published");
    let path = format!("keys/{first}/revoke");
    assert_eq!(issuer.admin(Method::POST, &path, Value::Null).await.status, 200);
    assert!(!issuer.kids().await.contains(&first));
}

#[tokio::test]
async fn the_issuer_listens_on_the_network_only_if_allowed() {
    let any = "0.0.0.0:0".parse().unwrap();
    let denied = Server::bind(any, Settings::default(), Registry::demo().unwrap()).await;
    assert!(matches!(denied, Err(StartError::Settings(SettingsError::NotLoopback(address))) if address == any));
    let settings = Settings {
        expose_to_network: true,
        issuer_url: Some("http://issuer.example".to_owned()),
        ..Settings::default()
    };
    let server = Server::bind(any, settings, Registry::demo().unwrap()).await.unwrap();
    assert_eq!(server.issuer_url(), "http://issuer.example");
    assert_ne!(server.local_addr().port(), 0);
}

#[tokio::test]
async fn the_time_for_a_request_head_is_limited() {
    let issuer = Running::start(Settings::default()).await;
    let address = issuer.url.strip_prefix("http://").unwrap().to_owned();
    let closed = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /jwks HTTP/1.1\r\nHost: x\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).is_ok()
    });
    assert!(closed.await.unwrap(), "the server closed the connection");
}
