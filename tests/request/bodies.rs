//! Chunked request bodies: a valid one is forwarded with every method, an invalid one never becomes a complete request.

use serde_json::json;

use crate::deployment::Deployment;
use crate::table::{PASSES, Table};
use crate::wire::{AnswerTo, Connection, Outcome, bearer};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];

/// Without a media type the gate looks for a token in the beginning of the body, with JSON it does not.
const MEDIA_TYPES: [&str; 2] = ["X: y", "Content-Type: application/json"];

fn admin(deployment: &Deployment) -> String {
    bearer(&deployment.issuer.token(json!({ "scope": "admin" })))
}

fn chunked(method: &str, fields: &[&str], body: &str) -> Vec<u8> {
    let fields = fields.join("\r\n");
    format!("{method} /admin/x HTTP/1.1\r\nHost: a.example\r\n{fields}\r\nConnection: close\r\n\r\n{body}").into_bytes()
}

fn answer_to(method: &str) -> AnswerTo {
    match method {
        "HEAD" => AnswerTo::Head,
        _ => AnswerTo::AnyMethod,
    }
}

#[test]
fn a_chunked_body_is_forwarded_with_every_method() {
    let deployment = Deployment::with_routes();
    let line = admin(&deployment);
    let mut table = Table::on(&deployment);
    for method in METHODS {
        for media_type in MEDIA_TYPES {
            for (framing, body, content) in [
                ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "hello"),
                (
                    "Transfer-Encoding: Chunked",
                    "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                    "hello",
                ),
                (
                    "transfer-encoding:chunked",
                    "5;x=\"y\";z\r\nhello\r\n0;a\r\n\r\n",
                    "hello",
                ),
                (
                    "Transfer-Encoding: chunked\r\nTrailer: X-Auth-Subject",
                    "5\r\nhello\r\n0\r\nX-Auth-Subject: forged\r\nX-Sum: 1\r\n\r\n",
                    "hello",
                ),
                ("Transfer-Encoding: chunked", "0\r\n\r\n", ""),
                (
                    "TE: trailers\r\nTransfer-Encoding: chunked",
                    "000005\r\nhello\r\n000\r\n\r\n",
                    "hello",
                ),
            ] {
                let row = format!("{method}, {media_type}, {}", body.escape_debug());
                let bytes = chunked(method, &[&line, media_type, framing], body);
                for one in table.request(&row, &bytes, PASSES) {
                    let coding = one.head.values("transfer-encoding");
                    table.check(&format!("{row}: the coding {coding:?}"), coding == ["chunked"]);
                    table.check(&format!("{row}: no length"), !one.has("content-length"));
                    table.check(
                        &format!("{row}: the body {:?}", one.body),
                        one.body == content.as_bytes(),
                    );
                    table.check(&format!("{row}: no trailers"), one.trailers.fields.is_empty());
                }
            }
        }
    }
    table.finish();
}

#[test]
fn a_request_without_a_body_gets_none() {
    let deployment = Deployment::with_routes();
    let line = admin(&deployment);
    let mut table = Table::on(&deployment);
    for method in METHODS {
        for one in table.request(method, &chunked(method, &[&line], ""), PASSES) {
            table.check(method, !one.has("transfer-encoding") && !one.has("content-length"));
        }
        let bytes = chunked(method, &[&line, "Content-Length: 5"], "hello");
        for one in table.request(&format!("{method} with a length"), &bytes, PASSES) {
            table.check(method, one.body == b"hello" && !one.has("transfer-encoding"));
        }
    }
    table.finish();
}

/// The error is in the first size line, after a chunk, at the end, and in the trailers.
const INVALID: [&str; 14] = [
    "x\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "5\r\nABCDE0",
    "5\r\nhelloXX0\r\n\r\n",
    "5\r\nhello\r\nx\r\n",
    "5\r\nhello\r\n-1\r\n\r\n",
    "5\r\nhello\r\n0\rx\n\r\n",
    "5\r\nhello\r\n0\r\n\rx",
    "5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: a\0b\r\n\r\n",
];

#[test]
fn an_invalid_body_is_400_and_never_a_complete_request() {
    let deployment = Deployment::with_routes();
    let line = admin(&deployment);
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        for media_type in MEDIA_TYPES {
            for body in INVALID {
                let row = format!("{method}, {media_type}, {}", body.escape_debug());
                let before = deployment.gate.decisions().len();
                let bytes = chunked(method, &[&line, media_type, "Transfer-Encoding: chunked"], body);
                let mut connection = Connection::open(deployment.gate.address).expect("a connection");
                connection.send(&bytes).expect("sent");
                let answer = match connection.answer(answer_to(method)) {
                    Outcome::Answered(answer) => answer,
                    other => panic!("{row}: {other:?}"),
                };
                assert_eq!(answer.status, 400, "{row}: {}", answer.everything());
                if method != "HEAD" {
                    assert_eq!(answer.json()["code"], json!("invalid_request"), "{row}");
                }
                // The last event on the request denies it.
                deployment.wait_until(&row, || {
                    let events = deployment.gate.decisions().split_off(before);
                    let id = events.first().map(|event| event["id"].clone());
                    let last = events.last();
                    assert!(
                        events.iter().all(|event| Some(&event["id"]) == id.as_ref()),
                        "{row}: {events:?}"
                    );
                    last.is_some_and(|event| {
                        event["decision"] == json!("deny")
                            && event["status"] == json!(400)
                            && event["code"] == json!("invalid_request")
                    })
                });
            }
        }
    }
    assert_eq!(deployment.upstream.count(), 0, "{:?}", deployment.upstream.since(0));
    let warnings = deployment.gate.process.stderr();
    assert!(!warnings.iter().any(|line| line.contains("WARN")), "{warnings:?}");
}

#[test]
fn a_truncated_body_is_never_a_complete_request() {
    let deployment = Deployment::with_routes();
    let line = admin(&deployment);
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        for (framing, body) in [
            ("Transfer-Encoding: chunked", ""),
            ("Transfer-Encoding: chunked", "5"),
            ("Transfer-Encoding: chunked", "5\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nhel"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n"),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX: y\r\n"),
            ("Content-Length: 5", "hell"),
        ] {
            let bytes = chunked(method, &[&line, MEDIA_TYPES[1], framing], body);
            let mut connection = Connection::open(deployment.gate.address).expect("a connection");
            connection.send(&bytes).expect("sent");
            connection.finish_sending();
            let row = format!("{method}, {}", body.escape_debug());
            match connection.answer(answer_to(method)) {
                Outcome::Answered(answer) => assert_eq!(answer.status, 400, "{row}: {}", answer.everything()),
                other => panic!("{row}: {other:?}"),
            }
        }
    }
    assert_eq!(deployment.upstream.count(), 0, "{:?}", deployment.upstream.since(0));
}
