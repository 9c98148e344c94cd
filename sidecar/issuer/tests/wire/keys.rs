//! Discovery, the published keys, their rotation, and where the server agrees to listen.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use actgate_issuer::{BindError, Exposure, Issuer, Registry, Rotation, Server, Settings, Signing};
use jsonwebtoken::jwk::JwkSet;
use serde_json::json;

use crate::client::{Reply, Running, part};

const ORDERS: &str = "https://orders.example";

impl Running {
    /// The key ids of the published set.
    async fn kids(&self) -> Vec<String> {
        let set: JwkSet = serde_json::from_str(&self.get("/jwks").await.text).unwrap();
        set.keys.into_iter().map(|key| key.common.key_id.unwrap()).collect()
    }

    async fn signer(&self) -> String {
        let token = self.own("night-batch", ORDERS).await;
        part(&token, 0)["kid"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn discovery_names_what_there_is() {
    let issuer = Running::start(Settings::default()).await;
    let metadata = issuer.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata, issuer.get("/.well-known/openid-configuration").await.json());
    assert_eq!(metadata["issuer"], json!(issuer.url));
    assert_eq!(metadata["jwks_uri"], json!(format!("{}/jwks", issuer.url)));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    for endpoint in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let address = metadata[endpoint].as_str().unwrap();
        let path = address.strip_prefix(&issuer.url).unwrap();
        assert_ne!(issuer.get(path).await.status, 404, "{endpoint}");
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
        let token = issuer.own("night-batch", ORDERS).await;
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
        assert_eq!(metadata["id_token_signing_alg_values_supported"], json!([algorithm]));
    }
}

#[tokio::test]
async fn a_key_is_published_before_it_signs_and_after() {
    let issuer = Running::start(Settings::default()).await;
    let (first, before) = (issuer.signer().await, issuer.kids().await);
    let second = issuer.handle.rotate_key().unwrap();
    assert!(before.contains(&second), "the next key was published already");
    assert_eq!(issuer.signer().await, second);
    assert!(issuer.kids().await.contains(&first), "the retired key still is");
    assert_eq!(issuer.handle.withdraw_retired(), 1);
    assert!(!issuer.kids().await.contains(&first));
}

#[tokio::test]
async fn rotation_over_http_is_a_choice() {
    let closed = Running::start(Settings::default()).await;
    assert_eq!(closed.post("/admin/keys/rotate", &[]).await.status, 404);

    let open = Settings {
        rotation: Rotation::Endpoint,
        ..Settings::default()
    };
    let issuer = Running::start(open).await;
    let before = issuer.signer().await;
    let foreign = issuer
        .form("/admin/keys/rotate", &[])
        .header("sec-fetch-site", "cross-site");
    assert_eq!(Reply::read(foreign).await.status, 403);
    assert_eq!(issuer.signer().await, before);
    let reply = issuer.post("/admin/keys/rotate", &[]).await;
    assert_eq!(reply.json()["kid"], json!(issuer.signer().await));
    assert_ne!(issuer.signer().await, before);
}

#[tokio::test]
async fn loopback_unless_told_otherwise() {
    let any = "0.0.0.0:0".parse().unwrap();
    let issuer = |exposure| {
        let settings = Settings {
            exposure,
            ..Settings::default()
        };
        Issuer::new(settings, Registry::demo().unwrap()).unwrap()
    };
    let refused = Server::bind(any, issuer(Exposure::Loopback)).await;
    assert!(matches!(refused, Err(BindError::NotLoopback(address)) if address == any));
    let nameless = Server::bind(any, issuer(Exposure::Network)).await;
    assert!(matches!(nameless, Err(BindError::NoIssuerUrl(_))));
    let issuer_url = Some("http://issuer.example".to_owned());
    let settings = Settings {
        exposure: Exposure::Network,
        issuer_url,
        ..Settings::default()
    };
    let named = Issuer::new(settings, Registry::demo().unwrap()).unwrap();
    assert!(Server::bind(any, named).await.is_ok());
}

#[tokio::test]
async fn a_name_of_its_own() {
    let settings = Settings {
        issuer_url: Some("https://issuer.example".into()),
        ..Settings::default()
    };
    let issuer = Issuer::new(settings, Registry::demo().unwrap()).unwrap();
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), issuer).await.unwrap();
    assert_eq!(server.issuer_url(), "https://issuer.example");
    assert_ne!(server.local_addr().port(), 0);
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let issuer = Running::start(Settings::default()).await;
    let address = issuer.url.strip_prefix("http://").unwrap().to_owned();
    let closed = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /jwks HTTP/1.1\r\nHost: x\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).is_ok()
    });
    assert!(closed.await.unwrap(), "the server hung up");
}
