//! Rules on the operation in shadow: every request has the answer of a policy without them, and reaches what is behind the gate as it
//! came.

use actgate::{AuthorizeLayer, Decision};
use axum::Router;
use axum::body::{Body, Bytes as Content};
use axum::extract::{Extension, State};
use axum::routing::any;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::layer::{authorizer, serve};
use super::rows::{POLICY, Want, rows};
use super::{chunked, request};
use crate::deployment::Deployment;
use crate::wire::http2::{Http2, answer};
use crate::wire::{self, Connection, Outcome, bearer};

const OPEN: &str = "routes: [{ match: POST /refunds }]\n";

fn in_shadow() -> String {
    format!("mode: shadow{POLICY}")
}

/// The outcome in shadow that a row wants.
fn wanted(want: Want) -> Value {
    match want {
        Want::Reaches => json!({ "decision": "allow" }),
        Want::Denied(status, code) => json!({ "decision": "deny", "status": status, "code": code }),
    }
}

#[test]
fn every_row_is_forwarded_as_without_its_rules_and_its_denial_is_recorded() {
    let (shadow, open) = (Deployment::with_policy(&in_shadow()), Deployment::with_policy(OPEN));
    let token = |deployment: &Deployment| bearer(&deployment.issuer.token(json!({ "scope": "refunds:write" })));
    let authorizations = [token(&shadow), token(&open)];
    let mut failures = Vec::new();
    for (count, (row, is_chunked)) in rows().iter().flat_map(|row| [(row, false), (row, true)]).enumerate() {
        let [(status, received), (expected_status, expected)] =
            [(&shadow, &authorizations[0]), (&open, &authorizations[1])].map(|(deployment, authorization)| {
                let bytes = match is_chunked {
                    true => chunked(row, authorization),
                    false => request(row, authorization),
                };
                let before = deployment.upstream.count();
                let Outcome::Answered(answer) = wire::exchange(deployment.gate.address, &bytes) else {
                    panic!("{}: no answer", row.name)
                };
                let received = deployment.upstream.since(before);
                let received = received
                    .iter()
                    .map(|request| (request.target.clone(), request.body.clone()));
                (answer.status, received.collect::<Vec<_>>())
            });
        if status != expected_status || received != expected {
            failures.push(format!(
                "{}: {status} {received:?}, not {expected_status} {expected:?}",
                row.name
            ));
        }
        let event = shadow.gate.decision_after(count);
        let mut found = event["shadow"].clone();
        if let Some(found) = found.as_object_mut() {
            found.retain(|key, _| !["rule", "reason"].contains(&&**key));
        }
        // A line that denies has no outcome in shadow that allows.
        let wanted = match wanted(row.want) {
            allowed if allowed["decision"] == "allow" && event["decision"] == "deny" => Value::Null,
            wanted => wanted,
        };
        if found != wanted {
            failures.push(format!("{}: recorded {found}, not {wanted}", row.name));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn a_body_that_breaks_off_has_the_answer_of_a_policy_without_the_rule() {
    let deployment = Deployment::with_policy(&in_shadow());
    let authorization = bearer(&deployment.issuer.token(json!({ "scope": "refunds:write" })));
    let fields = [&*authorization, "Content-Type: application/json", "Content-Length: 60"];
    let mut bytes = wire::request("POST", "/refunds?dry_run=true", &fields);
    bytes.extend(b"{\"amount\":1");
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
    assert_eq!(event["shadow"]["code"], "invalid_request", "{event}");
}

#[tokio::test]
async fn a_long_body_over_http_2_is_forwarded_whole() {
    let deployment = Deployment::with_policy(&in_shadow());
    let authorization = bearer(&deployment.issuer.token(json!({ "scope": "refunds:write" })));
    let client = Http2::open(deployment.gate.address).await;
    let body = [b"{\"amount\":501,\"pad\":\"".as_slice(), &[b'x'; 50_000], b"\"}"].concat();
    let fields = [&*authorization, "Content-Type: application/json"];
    let head = client.request("POST", "/refunds?dry_run=true", &fields);
    let (response, mut stream) = client.begin(head).await.unwrap();
    for part in body.chunks(9_000) {
        stream.send_data(Bytes::copy_from_slice(part), false).unwrap();
        tokio::task::yield_now().await;
    }
    stream.send_data(Bytes::new(), true).unwrap();
    assert_eq!(answer(response).await.unwrap().status, 200);
    let received = deployment.upstream.since(0);
    assert_eq!((received.len(), received[0].body == body), (1, true));
    assert_eq!(deployment.gate.decision_after(0)["shadow"]["code"], "body_too_large");

    // A call of gRPC is not denied as one.
    let fields = [&*authorization, "Content-Type: application/grpc", "TE: trailers"];
    let head = client.request("POST", "/refunds?dry_run=true", &fields);
    let (response, mut stream) = client.begin(head).await.unwrap();
    stream.send_data(Bytes::from_static(b"\0\0\0\0\0"), true).unwrap();
    let _ = answer(response).await;
    let event = deployment.gate.decision_after(1);
    assert_eq!(event["decision"], "allow", "{event}");
    assert_eq!(event["shadow"]["code"], "body_type_not_allowed", "{event}");
}

/// The body of each request, and the code in shadow.
type Received = Arc<Mutex<Vec<(Vec<u8>, &'static str)>>>;

async fn record(State(received): State<Received>, Extension(decision): Extension<Decision>, body: Content) {
    let shadow = decision.shadow().expect("rules in shadow");
    let code = shadow.err().map_or("", actgate::Error::code);
    received.lock().unwrap().push((body.to_vec(), code));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_reaches_the_service_behind_a_layer() {
    let issuer = actgate::testing::TestIssuer::new().unwrap();
    let authorization = bearer(&issuer.token(json!({ "scope": "refunds:write" })).unwrap());
    let authorizer = authorizer(&issuer, &in_shadow());
    let received = Received::default();
    let router = || {
        Router::new()
            .route("/refunds", any(record))
            .with_state(received.clone())
    };
    let layer = || AuthorizeLayer::new(authorizer.clone()).with_decision_extension();
    let reading = serve(router().layer(layer().with_bodies(Body::new))).await;
    let not_reading = serve(router().layer(layer())).await;
    let mut failures = Vec::new();
    for row in rows() {
        for bytes in [request(&row, &authorization), chunked(&row, &authorization)] {
            for (address, reads) in [(reading, true), (not_reading, false)] {
                let bytes = bytes.clone();
                let answer = tokio::task::spawn_blocking(move || wire::answer(address, &bytes))
                    .await
                    .unwrap();
                let sent = std::mem::take(&mut *received.lock().unwrap());
                let [(body, code)] = &sent[..] else {
                    failures.push(format!("{}: {} {sent:?}", row.name, answer.status));
                    continue;
                };
                let is_right = match row.want {
                    _ if !reads && *code == "body_not_read" => true,
                    Want::Reaches => code.is_empty(),
                    Want::Denied(_, wanted) => *code == wanted,
                };
                if *body != row.body || !is_right {
                    failures.push(format!("{}: {code} {body:?}", row.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    let counts = authorizer.rules();
    let amount = counts
        .iter()
        .find(|count| count.rule.ends_with("operation.json./amount"))
        .unwrap();
    assert!(amount.unmet > 10, "{counts:?}");
}
