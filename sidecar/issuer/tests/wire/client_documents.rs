//! Clients whose identifier is the URL of a document with their metadata.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate_issuer::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::form_urlencoded;

use crate::admin::settings;
use crate::browser::CHALLENGE;
use crate::client::{Reply, Running};
use crate::registration::CALLBACK;

fn fetching() -> Settings {
    Settings {
        client_metadata_documents: true,
        ..settings()
    }
}

/// A server of metadata documents that counts its requests. An invalid one is `{}`.
async fn documents(is_valid: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/client", listener.local_addr().unwrap());
    let document = json!({ "client_id": url, "client_name": "A tool", "redirect_uris": [CALLBACK] });
    let body = if is_valid {
        document.to_string()
    } else {
        "{}".to_owned()
    };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(response.as_bytes()).await;
        }
    });
    (url, counted)
}

async fn authorize(issuer: &Running, client: &str) -> Reply {
    Reply::read(issuer.http.get(request(issuer, client))).await
}

/// The address of an authorization request.
fn request(issuer: &Running, client: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", CALLBACK),
        ])
        .extend_pairs([("code_challenge", CHALLENGE), ("code_challenge_method", "S256")])
        .finish();
    format!("{}/authorize?{query}", issuer.base())
}

#[tokio::test]
async fn a_metadata_document_that_is_not_valid_is_fetched_once() {
    let issuer = Running::start(fetching()).await;
    let (invalid, requests) = documents(false).await;
    for _ in 0..3 {
        assert_eq!(authorize(&issuer, &invalid).await.status, 400);
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    // One such client can be disabled, and enabled again.
    let (client, _) = documents(true).await;
    assert_eq!(authorize(&issuer, &client).await.status, 200);
    let id: String = form_urlencoded::byte_serialize(client.as_bytes()).collect();
    let disabled = issuer
        .admin(Method::POST, &format!("agents/{id}/disable"), Value::Null)
        .await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    assert_eq!(authorize(&issuer, &client).await.status, 400);
    let enabled = issuer
        .admin(Method::PATCH, &format!("agents/{id}"), json!({ "disabled": false }))
        .await;
    assert_eq!(enabled.status, 200, "{}", enabled.text);
    assert_eq!(authorize(&issuer, &client).await.status, 200);
    // Other machines cannot have an issuer fetch from its own.
    let (client, requests) = documents(true).await;
    let exposed = Settings {
        expose_to_network: true,
        ..fetching()
    };
    let exposed = Running::start(exposed).await;
    assert_eq!(authorize(&exposed, &client).await.status, 400);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_fetches_for_one_sender_leave_room_for_others() {
    let issuer = Running::start(fetching()).await;
    // Four hosts accept a connection, and send nothing.
    let (mut waiting, mut held): (JoinSet<u16>, Vec<TcpStream>) = (JoinSet::new(), Vec::new());
    for host in 2..6 {
        let silent = TcpListener::bind(format!("127.0.0.{host}:0")).await.unwrap();
        let client = format!("http://{}/client", silent.local_addr().unwrap());
        let request = issuer.http.get(request(&issuer, &client));
        waiting.spawn(async move { Reply::read(request).await.status });
        held.push(silent.accept().await.unwrap().0);
    }
    let (client, requests) = documents(true).await;
    assert_eq!(authorize(&issuer, &client).await.status, 400);
    assert_eq!(requests.load(Ordering::SeqCst), 0);
    let elsewhere: IpAddr = "127.0.0.9".parse().unwrap();
    let elsewhere = reqwest::Client::builder().no_proxy().local_address(elsewhere);
    let elsewhere = elsewhere.build().unwrap().get(request(&issuer, &client));
    assert_eq!(Reply::read(elsewhere).await.status, 200);
    // The fetches end, and the sender has all of its own again.
    drop(held);
    assert_eq!(waiting.join_all().await, [400; 4]);
    let (client, _) = documents(true).await;
    assert_eq!(authorize(&issuer, &client).await.status, 200);
}
