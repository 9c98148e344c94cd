//! The handshake of a WebSocket: it is authorized, written anew, and only a switch of the upstream begins the tunnel.

use serde_json::json;

use super::{ACCEPT, KEY, Setup, handshake, head, is_ended, status, switched};
use crate::deployment::Deployment;
use crate::table::{Table, Want};
use crate::wire::{self, AnswerTo, Outcome};

#[test]
fn the_handshake_is_written_anew_and_carries_the_identity() {
    let setup = Setup::start("");
    let mut client = setup.client();
    let lines = format!(
        "{}\r\nX-Auth-Subject: forged\r\nSec-WebSocket-Protocol: chat\r\nOrigin: https://app.example",
        setup.token()
    );
    client.send(&handshake("/orders/1?a=b", &lines)).expect("sent");
    let mut upstream = setup.accept();
    let received = head(&mut upstream);
    assert_eq!(received.start, "GET /orders/1?a=b HTTP/1.1");
    for (name, expected) in [
        ("upgrade", vec!["websocket"]),
        ("connection", vec!["upgrade"]),
        ("sec-websocket-key", vec![KEY]),
        ("sec-websocket-version", vec!["13"]),
        ("sec-websocket-protocol", vec!["chat"]),
        ("origin", vec!["https://app.example"]),
        ("x-auth-subject", vec!["alice-canary"]),
        ("authorization", vec![]),
        ("keep-alive", vec![]),
    ] {
        assert_eq!(received.values(name), expected, "{name}");
    }
    upstream.send(switched(ACCEPT).as_bytes()).expect("sent");
    let answer = head(&mut client);
    assert_eq!(status(&answer), 101);
    for (name, expected) in [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-accept", ACCEPT),
    ] {
        assert_eq!(answer.values(name), [expected], "{name}");
    }
    assert_eq!(setup.gate.decision_after(0)["decision"], json!("allow"));
}

#[test]
fn bytes_before_the_switch_never_reach_the_upstream() {
    let setup = Setup::start("");
    let mut client = setup.client();
    let mut bytes = handshake("/orders/1", &setup.token());
    bytes.extend(b"GET /admin/smuggled HTTP/1.1\r\nHost: orders.example.com\r\n\r\n");
    client.send(&bytes).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    upstream.send(switched(ACCEPT).as_bytes()).expect("sent");
    assert!(is_ended(&mut upstream), "bytes were forwarded");
    assert_eq!(status(&head(&mut client)), 101);
    assert!(is_ended(&mut client));
}

/// They have arrived after the handshake, so nothing shows them before the upstream has answered.
#[test]
fn bytes_that_follow_the_handshake_and_precede_the_switch_never_reach_the_upstream() {
    let setup = Setup::start("");
    let mut client = setup.client();
    client.send(&handshake("/orders/1", &setup.token())).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    client
        .send(b"GET /admin/smuggled HTTP/1.1\r\nHost: orders.example.com\r\n\r\n")
        .expect("sent");
    upstream.send(switched(ACCEPT).as_bytes()).expect("sent");
    assert!(is_ended(&mut upstream), "bytes were forwarded");
    assert!(is_ended(&mut client), "no switch");
}

#[test]
fn bytes_before_another_answer_never_reach_the_upstream() {
    let setup = Setup::start("");
    let mut client = setup.client();
    client.send(&handshake("/orders/1", &setup.token())).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    client.send(b"\x81\x85mask-hello").expect("sent");
    upstream
        .send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        .expect("sent");
    upstream.finish_sending();
    assert!(is_ended(&mut upstream), "bytes were forwarded");
    let statuses: Vec<_> = client.answers().iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [403, 400]);
}

/// The upstream read it as one request, and so does the gate: what follows is another one, which is authorized by itself.
#[test]
fn an_upstream_that_does_not_switch_answers_as_ever() {
    let setup = Setup::start("");
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 403),
        (
            "HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 8\r\ncontent-length: 0\r\n\r\n",
            426,
        ),
    ] {
        let mut client = setup.client();
        let mut bytes = handshake("/orders/1", &setup.token());
        bytes.extend(b"GET /admin/x HTTP/1.1\r\nHost: orders.example.com\r\nConnection: close\r\n\r\n");
        client.send(&bytes).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        upstream.send(answer.as_bytes()).expect("sent");
        upstream.finish_sending();
        let statuses: Vec<_> = client.answers().iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [expected, 401]);
        assert!(is_ended(&mut upstream), "bytes were forwarded");
    }
}

#[test]
fn a_switch_to_anything_else_is_a_bad_gateway() {
    let setup = Setup::start("");
    let good = switched(ACCEPT);
    let answers = [
        good.replace("Upgrade: websocket", "Upgrade: h2c"),
        good.replace("Upgrade: websocket\r\n", ""),
        good.replace("Connection: Upgrade\r\n", ""),
        switched("AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        good.replace("Sec-WebSocket-Accept", "X-Accept"),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let mut client = setup.client();
        client.send(&handshake("/orders/1", &setup.token())).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        upstream.send(answer.as_bytes()).expect("sent");
        let Outcome::Answered(refused) = client.answer(AnswerTo::AnyMethod) else {
            panic!("no answer: {answer}");
        };
        assert_eq!(
            (refused.status, refused.json()["code"].clone()),
            (502, json!("upstream_handshake")),
            "{answer}"
        );
        assert!(is_ended(&mut upstream));
        let line = setup.gate.decision_after(number);
        assert_eq!(line["upstream"]["error"], "upstream_handshake", "{answer}");
    }
}

#[test]
fn a_switch_that_nothing_asks_for_is_a_bad_gateway() {
    let setup = Setup::start("");
    let (mut client, mut upstream) = setup.exchange();
    upstream.send(switched(ACCEPT).as_bytes()).expect("sent");
    let Outcome::Answered(refused) = client.answer(AnswerTo::AnyMethod) else {
        panic!("no answer");
    };
    assert_eq!(refused.status, 502);
}

#[test]
fn an_incomplete_handshake_is_denied() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    let good = String::from_utf8(handshake("/orders/1", &deployment.writer())).expect("text");
    for (row, bytes, expected) in [
        ("no version", good.replace("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("another version", good.replace(": 13\r\n", ": 8\r\n"), 426),
        ("no key", good.replace("Sec-WebSocket-Key", "X-Key"), 400),
        ("a short key", good.replace(KEY, "c2hvcnQ="), 400),
        ("no option", good.replace("keep-alive, Upgrade", "keep-alive"), 400),
        ("a body", good.replace("Host:", "Content-Length: 1\r\nHost:") + "a", 400),
        (
            "a chunked body",
            good.replace("Host:", "Transfer-Encoding: chunked\r\nHost:") + "0\r\n\r\n",
            400,
        ),
        ("another method", good.replace("GET /orders/1", "POST /orders"), 501),
        (
            "another method of the route",
            good.replace("GET /orders/1", "HEAD /orders/1"),
            501,
        ),
    ] {
        table.request(row, bytes.as_bytes(), Want::status(expected));
    }
    let answer = wire::answer(deployment.gate.address, good.replace(": 13\r\n", ": 8\r\n").as_bytes());
    assert_eq!(answer.field("sec-websocket-version").as_deref(), Some("13"));
    assert_eq!(answer.field("upgrade").as_deref(), Some("websocket"));
    table.finish();
}
