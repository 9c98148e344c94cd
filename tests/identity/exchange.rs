//! Token exchange: what the authorization server and the upstream receive, and when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{answer_with, answering, deployment, response};
use crate::deployment::Deployment;
use crate::deployment::upstream::{Conduct, Upstream};
use crate::mint::now;
use crate::wire::http2_frames::{END_HEADERS, END_STREAM, HEADERS, Http2Connection, RST_STREAM, block, frame};
use crate::wire::{self, bearer, request};

/// A deployment whose gate exchanges tokens at `server`, with further `keys` of the exchange.
pub(super) fn exchanging(server: &str, keys: &str) -> Deployment {
    let lines = format!(
        "  token_exchange:\n    token_endpoint: {server}\n    client_id: gate\n    client_secret_file: gate.secret\n    \
         audience: https://api.internal\n{keys}"
    );
    deployment(&lines, "access_token: exchange\n", &[("gate.secret", "s3cr+t\n")])
}

pub(super) fn endpoint(server: &Upstream) -> String {
    format!("http://{}/token", server.address())
}

/// A successful response with these changes.
pub(super) fn issued(changes: Value) -> String {
    let mut body = json!({ "access_token": "exchanged", "token_type": "Bearer", "expires_in": 300,
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token" });
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    response("200 OK", "", &body.to_string())
}

fn authorization(deployment: &Deployment, target: &str, fields: &[&str]) -> Vec<String> {
    let before = deployment.upstream.count();
    let answer = wire::answer(deployment.gate.address, &request("GET", target, fields));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    deployment.upstream.since(before)[0].head.values("authorization")
}

#[test]
fn the_upstream_receives_the_exchanged_token_and_the_server_one_request() {
    let server = answering(issued(json!({})));
    let deployment = exchanging(&endpoint(&server), "    scopes: [orders:read, orders:list]\n");
    let caller = deployment.issuer.token(json!({}));
    for target in ["/orders/1", "/orders/2", "/orders/1"] {
        let received = authorization(&deployment, target, &[&bearer(&caller)]);
        assert_eq!(received, ["Bearer exchanged"]);
    }
    assert_eq!(server.count(), 1, "kept for the next requests");
    let one = server.since(0).remove(0);
    assert_eq!((one.method.as_str(), one.target.as_str()), ("POST", "/token"));
    let credentials = format!("Basic {}", STANDARD.encode("gate:s3cr%2Bt"));
    assert_eq!(one.head.values("authorization"), [credentials]);
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&one.body).into_owned().collect();
    let form: Vec<(&str, &str)> = form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let access_token = "urn:ietf:params:oauth:token-type:access_token";
    assert_eq!(
        form,
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", caller.as_str()),
            ("subject_token_type", access_token),
            ("requested_token_type", access_token),
            ("audience", "https://api.internal"),
            ("scope", "orders:read orders:list"),
        ]
    );
    let upstream = String::from_utf8_lossy(&deployment.upstream.bytes()).into_owned();
    assert!(!upstream.contains(&caller), "never the token of the caller");
    let logs = [deployment.gate.process.stderr(), deployment.gate.process.stdout()]
        .concat()
        .join("\n");
    assert!(!logs.contains("exchanged") && !logs.contains("s3cr") && !logs.contains(&caller));
}

#[test]
fn nothing_is_exchanged_on_a_public_route_or_for_a_denied_request() {
    let server = answering(issued(json!({})));
    let deployment = exchanging(&endpoint(&server), "");
    let valid = deployment.reader();
    assert!(authorization(&deployment, "/open/page", &[&valid]).is_empty());
    assert_eq!(
        authorization(&deployment, "/open/page", &["Authorization: Basic YTpi"]),
        ["Basic YTpi"]
    );
    assert_eq!(
        wire::answer(deployment.gate.address, &request("GET", "/admin/x", &[&valid])).status,
        403
    );
    assert_eq!(wire::get(deployment.gate.address, "/orders/1", "a.b.c").status, 401);
    assert_eq!(server.count(), 0);
}

#[test]
fn concurrent_requests_with_one_token_share_one_exchange() {
    let server = Upstream::start();
    server.conduct(Conduct::Hold);
    let deployment = exchanging(&endpoint(&server), "    timeout: 10s\n");
    let address = deployment.gate.address;
    let token = deployment.issuer.token(json!({}));
    let requests: Vec<_> = (0..8)
        .map(|_| {
            let token = token.clone();
            std::thread::spawn(move || wire::get(address, "/orders/1", &token).status)
        })
        .collect();
    server.wait_for(1);
    server.conduct(answer_with(issued(json!({}))));
    for request in requests {
        assert_eq!(request.join().expect("an answer"), 200);
    }
    assert_eq!(server.count(), 1);
    assert_eq!(deployment.upstream.count(), 8);
}

#[test]
fn a_reload_keeps_the_tokens_of_an_exchange_that_is_as_before() {
    let server = answering(issued(json!({})));
    let deployment = exchanging(&endpoint(&server), "");
    let caller = deployment.reader();
    let ask = || authorization(&deployment, "/orders/1", &[&caller]);
    ask();
    for (from, to, exchanges) in [
        ("GET /open/", "GET /other/", 1),
        ("audience: https://api.internal", "audience: https://other.internal", 2),
    ] {
        let text = deployment.gate.read("actgate.yaml").expect("the configuration");
        deployment.gate.write("actgate.yaml", &text.replace(from, to));
        let (code, printed) = deployment.gate.reload();
        assert_eq!(code, Some(0), "{printed}");
        assert_eq!(ask(), ["Bearer exchanged"]);
        assert_eq!(server.count(), exchanges, "{to}");
    }
    // The secret of a kept exchange is read again.
    deployment.gate.write("gate.secret", "another");
    let basic = format!("Basic {}", STANDARD.encode("gate:another"));
    deployment.wait_until("read again", || {
        authorization(&deployment, "/orders/1", &[&deployment.reader()]);
        let last = server.since(0).pop().expect("an exchange");
        last.head.values("authorization") == [basic.clone()]
    });
}

#[test]
fn a_token_is_exchanged_for_each_caller_and_again_near_its_end() {
    let server = answering(issued(json!({ "expires_in": 1 })));
    let deployment = exchanging(&endpoint(&server), "");
    let [first, second] = [0, 1].map(|_| deployment.reader());
    authorization(&deployment, "/orders/1", &[&first]);
    server.conduct(answer_with(issued(json!({ "access_token": "other" }))));
    assert_eq!(authorization(&deployment, "/orders/1", &[&second]), ["Bearer other"]);
    deployment.wait_until("exchanged again", || {
        authorization(&deployment, "/orders/1", &[&first]) == ["Bearer other"]
    });
    // No exchanged token is used longer than the access token is valid.
    let short = bearer(&deployment.issuer.token(json!({ "exp": now() + 2 })));
    let before = server.count();
    deployment.wait_until("exchanged again", || {
        authorization(&deployment, "/orders/1", &[&short]);
        server.count() >= before + 2
    });
}

#[test]
fn a_changed_secret_is_sent() {
    let server = answering(issued(json!({})));
    let deployment = exchanging(&endpoint(&server), "");
    deployment.gate.write("gate.secret", "another");
    let credentials = format!("Basic {}", STANDARD.encode("gate:another"));
    deployment.wait_until("the other secret", || {
        authorization(&deployment, "/orders/1", &[&deployment.reader()]);
        server.since(0).last().expect("a request").head.values("authorization") == [credentials.as_str()]
    });
}

/// The client resets its stream over HTTP/2 while its token is exchanged.
#[test]
fn a_client_that_leaves_during_the_exchange_has_its_line() {
    let server = Upstream::start();
    server.conduct(Conduct::Hold);
    let deployment = exchanging(&endpoint(&server), "");
    let mut client = Http2Connection::open(deployment.gate.address).expect("a connection");
    let token = bearer(&deployment.issuer.token(json!({})));
    let (_, token) = token.split_once(": ").expect("a field");
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "orders.example.com"),
        (":path", "/orders/1"),
        ("authorization", token),
    ];
    let head = frame(HEADERS, END_STREAM | END_HEADERS, 1, block(&fields));
    client.send(&head).expect("a request");
    server.wait_for(1);
    client
        .send(&frame(RST_STREAM, 0, 1, 8_u32.to_be_bytes()))
        .expect("a reset");
    let event = deployment.gate.decision_after(0);
    assert_eq!(event["upstream"]["error"], "client_gone", "{event}");
    assert!(event["upstream"].get("time_us").is_none(), "{event}");
    assert_eq!(deployment.upstream.count(), 0);
}
