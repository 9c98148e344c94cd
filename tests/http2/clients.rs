//! Requests and answers over HTTP/2 with prior knowledge.

use bytes::Bytes;
use serde_json::json;

use crate::deployment::Deployment;
use crate::deployment::upstream::Conduct;
use crate::wire::http2::{Http2, answer};

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_authorized_and_forwarded() {
    let deployment = Deployment::with_routes();
    let token = deployment.writer();
    let client = Http2::open(deployment.gate.address).await;

    let read = client.get("/orders/7?a=b", &[&token]).await;
    assert_eq!(read.status, 200);
    let written = client.post("/orders", &[&token], b"{}").await.unwrap();
    assert_eq!(written.status, 200);
    let received = deployment.upstream.since(0);
    assert_eq!(received[0].target, "/orders/7?a=b");
    assert_eq!(received[1].body, b"{}");
    for one in received {
        assert_eq!(
            one.head.value("host").as_deref(),
            Some(&*deployment.gate.address.to_string())
        );
        assert_eq!(one.head.value("via").unwrap_or_default().split(' ').next(), Some("2.0"));
        assert!(!one.has("authorization"), "{:?}", one.head);
    }
}

/// RFC 9110 section 9.3.2: the fields of the answer to GET, and no content, which a client takes for a broken stream.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_the_gate_to_head_has_no_content() {
    let deployment = Deployment::with_routes();
    let client = Http2::open(deployment.gate.address).await;
    let get = client.get("/orders/7", &[]).await;
    for _ in 0..2 {
        let (response, mut body) = client.begin(client.request("HEAD", "/orders/7", &[])).await.unwrap();
        body.send_data(Bytes::new(), true).unwrap();
        let head = answer(response).await.unwrap();
        assert_eq!((head.status, head.body.len()), (get.status, 0));
        assert_eq!(head.field("content-length"), get.field("content-length"));
        assert_eq!(head.field("content-type"), get.field("content-type"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_are_readable_and_keep_the_connection() {
    let deployment = Deployment::with_routes();
    let token = deployment.reader();
    let client = Http2::open(deployment.gate.address).await;

    let bare = client.get("/orders/7", &[]).await;
    assert_eq!(bare.status, 401);
    assert!(bare.field("www-authenticate").is_some(), "{bare:?}");
    assert_eq!(bare.json()["status"], 401);
    let scope = client.post("/orders", &[&token], b"{}").await.unwrap();
    assert_eq!(scope.status, 403);
    assert_eq!(scope.json()["code"], "insufficient_scope");
    assert_eq!(scope.field("connection"), None);
    // The body of a denied request that never ends.
    let (response, mut body) = client
        .begin(client.request("POST", "/orders", &[&token]))
        .await
        .unwrap();
    body.send_data(Bytes::from_static(b"a part"), false).unwrap();
    let unread = answer(response).await.unwrap();
    assert_eq!(unread.json()["code"], "insufficient_scope");
    // The connection serves the next request.
    assert_eq!(client.get("/open/x", &[]).await.status, 200);
    assert_eq!(deployment.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_streamed_within_the_windows() {
    let deployment = Deployment::with_routes();
    let token = deployment.writer();
    let client = Http2::open(deployment.gate.address).await;
    let body = vec![b'x'; 3_000_000];
    let (response, mut stream) = client
        .begin(client.request("POST", "/orders", &[&token]))
        .await
        .unwrap();
    let sent = async {
        for part in body.chunks(100_000) {
            stream.reserve_capacity(part.len());
            let mut left = part;
            while !left.is_empty() {
                let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
                let length = capacity.unwrap().unwrap().min(left.len());
                stream
                    .send_data(Bytes::copy_from_slice(&left[..length]), false)
                    .unwrap();
                left = &left[length..];
            }
        }
        stream.send_data(Bytes::new(), true).unwrap();
    };
    let (answer, ()) = tokio::join!(answer(response), sent);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(deployment.upstream.since(0)[0].body.len(), body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_streams_are_served_at_a_time() {
    let deployment = Deployment::with_routes();
    let token = deployment.reader();
    let client = Http2::open(deployment.gate.address).await;
    deployment.upstream.conduct(Conduct::Hold);
    let responses: Vec<_> = {
        let mut responses = Vec::new();
        for _ in 0..100 {
            let request = client.request("GET", "/orders/7", &[&token]);
            responses.push(client.begin(request).await.unwrap());
        }
        responses
    };
    let responses: Vec<_> = responses
        .into_iter()
        .map(|(response, mut body)| {
            body.send_data(Bytes::new(), true).unwrap();
            tokio::spawn(answer(response))
        })
        .collect();
    let upstream = deployment.upstream.clone();
    tokio::task::spawn_blocking(move || {
        upstream.wait_for(100);
        upstream.release();
    })
    .await
    .unwrap();
    for response in responses {
        assert_eq!(response.await.unwrap().unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_does_not_fit_the_data_is_never_a_complete_request() {
    let deployment = Deployment::with_routes();
    let token = deployment.writer();
    for (length, body) in [("1", "two"), ("9", "two")] {
        let client = Http2::open(deployment.gate.address).await;
        let length = format!("Content-Length: {length}");
        let answered = client.post("/orders", &[&token, &length], body.as_bytes()).await;
        assert!(answered.as_ref().is_err() || answered.unwrap().status == 400);
    }
    assert!(deployment.upstream.since(0).iter().all(|one| one.body != b"two"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_ambiguous() {
    let deployment = Deployment::with_routes();
    let token = deployment.reader();
    let client = Http2::open(deployment.gate.address).await;
    let denied = client.get("/orders/7", &[&token, &token]).await;
    assert_eq!(
        (denied.status.as_u16(), denied.json()["code"].clone()),
        (400, json!("invalid_request"))
    );
    assert_eq!(deployment.upstream.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_may_be_named_twice_and_only_alike() {
    let deployment = Deployment::with_routes();
    let token = deployment.reader();
    let client = Http2::open(deployment.gate.address).await;
    let same = format!("Host: {}", deployment.gate.address);
    assert_eq!(client.get("/orders/7", &[&token, &same]).await.status, 200);
    assert_eq!(
        client.get("/orders/7", &[&token, "Host: other.example"]).await.status,
        400
    );
    assert_eq!(deployment.upstream.count(), 1);
}
