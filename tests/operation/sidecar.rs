//! The table through the sidecar, and how it reads a body before anything is sent to the upstream.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::rows::{POLICY, Want, rows};
use super::{chunked, request};
use crate::deployment::Deployment;
use crate::wire::http2::{Http2, answer};
use crate::wire::{self, Connection, Outcome, bearer};

fn deployment() -> (Deployment, String) {
    let deployment = Deployment::with_policy(POLICY);
    let token = deployment.issuer.token(json!({ "scope": "refunds:write" }));
    (deployment, bearer(&token))
}

const BODY: &[u8] = br#"{"amount":1,"currency":"EUR","order":{"path":"/orders/7"}}"#;

#[test]
fn every_row_has_its_answer_and_only_what_is_allowed_reaches_the_upstream() {
    let (deployment, authorization) = deployment();
    let (mut failures, mut count) = (Vec::new(), 0);
    for row in rows() {
        for (framing, bytes) in [
            ("length", request(&row, &authorization)),
            ("chunks", chunked(&row, &authorization)),
        ] {
            let name = format!("{} in {framing}", row.name);
            let before = deployment.upstream.count();
            let Outcome::Answered(answer) = wire::exchange(deployment.gate.address, &bytes) else {
                panic!("{name}: no answer")
            };
            let event = deployment.gate.decision_after(count);
            count += 1;
            let received = deployment.upstream.since(before);
            match (row.want, &received[..]) {
                (Want::Reaches, [received]) if answer.status == 200 => {
                    let length = received.head.values("content-length");
                    if received.body != row.body || framing == "length" && length != [row.body.len().to_string()] {
                        failures.push(format!("{name}: the body is not forwarded as it came: {received:?}"));
                    }
                    if received.target != format!("/refunds{}", row.query) {
                        failures.push(format!("{name}: {}", received.target));
                    }
                }
                (Want::Denied(status, code), []) if answer.status == status && event["code"] == code => {}
                (want, received) => failures.push(format!(
                    "{name}: {} {}, not {want:?}; {} requests at the upstream",
                    answer.status,
                    event["code"],
                    received.len()
                )),
            }
        }
    }
    assert!(count >= 120, "{count} requests");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(deployment.upstream.broken().is_empty());
}

#[test]
fn a_body_is_asked_for_only_if_nothing_else_denies_the_request() {
    let (deployment, authorization) = deployment();
    let head = |authorization: &str, query: &str, length: usize| {
        format!(
            "POST /refunds{query} HTTP/1.1\r\nHost: orders.example.com\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n{authorization}\r\n\r\n"
        )
    };
    let other = bearer(&deployment.issuer.token(json!({ "scope": "orders:read" })));
    for (authorization, query, length, status) in [
        ("X: y", "?dry_run=true", BODY.len(), 401),
        (&*other, "?dry_run=true", BODY.len(), 403),
        (&*authorization, "?dry_run=false", BODY.len(), 403),
        (&*authorization, "?dry_run=true", 201, 403),
    ] {
        let mut connection = Connection::open(deployment.gate.address).unwrap();
        connection.send(head(authorization, query, length).as_bytes()).unwrap();
        let answer = connection.reader().head().unwrap().unwrap();
        assert!(
            answer.start.starts_with(&format!("HTTP/1.1 {status}")),
            "{}",
            answer.start
        );
    }
    let mut connection = Connection::open(deployment.gate.address).unwrap();
    connection
        .send(head(&authorization, "?dry_run=true", BODY.len()).as_bytes())
        .unwrap();
    let interim = connection.reader().head().unwrap().unwrap();
    assert!(interim.start.starts_with("HTTP/1.1 100"), "{}", interim.start);
    assert_eq!(
        deployment.upstream.count(),
        0,
        "nothing is sent before the body is decided on"
    );
    connection.send(BODY).unwrap();
    let answer = connection.reader().head().unwrap().unwrap();
    assert!(answer.start.starts_with("HTTP/1.1 200"), "{}", answer.start);
    let received = deployment.upstream.since(0);
    assert_eq!((received.len(), &*received[0].body), (1, BODY));
    assert!(!received[0].has("expect"));
}

#[test]
fn nothing_of_a_body_that_breaks_off_reaches_the_upstream() {
    let (deployment, authorization) = deployment();
    let length = format!("Content-Length: {}", BODY.len());
    let fields = [&*authorization, "Content-Type: application/json", &length];
    let mut bytes = wire::request("POST", "/refunds?dry_run=true", &fields);
    bytes.extend(&BODY[..10]);
    let mut connection = Connection::open(deployment.gate.address).unwrap();
    connection.send(&bytes).unwrap();
    connection.finish_sending();
    let Outcome::Answered(answer) = connection.answer(wire::AnswerTo::AnyMethod) else {
        panic!("no answer")
    };
    assert_eq!(answer.status, 400);
    let event = deployment.gate.decision_after(0);
    assert_eq!(
        (&event["decision"], &event["status"]),
        (&json!("deny"), &json!(400)),
        "{event}"
    );
    assert_eq!(deployment.upstream.count(), 0);
}

#[tokio::test]
async fn bodies_over_http_2_are_decided_on_and_forwarded_with_their_trailers() {
    let (deployment, authorization) = deployment();
    let client = Http2::open(deployment.gate.address).await;
    let head = |content_type: &str| {
        let fields = [&*authorization, content_type];
        client.request("POST", "/refunds?dry_run=true", &fields)
    };
    for (body, status) in [(BODY, 200), (&br#"{"amount":501}"#[..], 403), (&b"{}{}"[..], 400)] {
        let (response, mut stream) = client.begin(head("Content-Type: application/json")).await.unwrap();
        for part in body.chunks(9) {
            stream.send_data(Bytes::copy_from_slice(part), false).unwrap();
            tokio::time::sleep(Duration::ZERO).await;
        }
        let trailers = http::HeaderMap::from_iter([("x-sum".parse().unwrap(), "1".parse().unwrap())]);
        stream.send_trailers(trailers).unwrap();
        assert_eq!(answer(response).await.unwrap().status, status);
    }
    let received = deployment.upstream.since(0);
    assert_eq!((received.len(), &*received[0].body), (1, BODY));
}

#[tokio::test]
async fn a_call_of_grpc_is_denied_as_one() {
    let (deployment, authorization) = deployment();
    let client = Http2::open(deployment.gate.address).await;
    let fields = [&*authorization, "Content-Type: application/grpc", "TE: trailers"];
    let (response, mut stream) = client
        .begin(client.request("POST", "/refunds?dry_run=true", &fields))
        .await
        .unwrap();
    let _ = stream.send_data(Bytes::from_static(b"\0\0\0\0\0"), true);
    let answer = answer(response).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.field("grpc-status")), (200, Some("7")));
    assert_eq!(deployment.upstream.count(), 0);
}

/// 64 clients that hold a MiB each take all room for bodies; the next one has a pause, and no part of its request is forwarded.
#[test]
fn bodies_that_are_read_have_a_common_bound() {
    let deployment = Deployment::with_policy(
        "routes: [{ match: POST /refunds, operation: { json: { /amount: { max: 500 } }, max: 1MiB } }]",
    );
    let authorization = bearer(&deployment.issuer.token(json!({})));
    let json = "Content-Type: application/json";
    let waiting = [
        &*authorization,
        json,
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
    ];
    let mut holders: Vec<_> = (0..64)
        .map(|_| {
            let mut connection = Connection::open(deployment.gate.address).unwrap();
            connection.send(&wire::request("POST", "/refunds", &waiting)).unwrap();
            let interim = connection.reader().head().unwrap().unwrap();
            assert!(interim.start.starts_with("HTTP/1.1 100"), "{}", interim.start);
            connection
        })
        .collect();
    let body = br#"{"amount":1}"#;
    let ask = || {
        let length = format!("Content-Length: {}", body.len());
        let mut bytes = wire::request("POST", "/refunds", &[&*authorization, json, &length]);
        bytes.extend(body);
        wire::answer(deployment.gate.address, &bytes)
    };
    let refused = ask();
    assert_eq!(
        (refused.status, refused.head.values("retry-after")),
        (503, vec!["1".to_owned()])
    );
    assert_eq!(deployment.gate.decision_after(0)["code"], "no_room_for_body");
    assert_eq!(deployment.upstream.count(), 0);

    holders.pop();
    deployment.wait_until("there is room again", || ask().status == 200);
    assert_eq!(deployment.upstream.since(0)[0].body, body);
}
