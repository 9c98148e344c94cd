//! Several addresses of one service, several upstreams, and what the decision log says of them.

use std::net::TcpListener;

use super::{OK, gate, send, server};
use crate::deployment::upstream::{Conduct, Upstream};
use crate::wire;
use crate::wire::http2_frames::{Http2Connection, block, frame};

/// An address that nothing listens on.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn the_addresses_of_a_service_receive_requests_in_turn() {
    let (one, at_one) = server(|_, _| OK);
    let (other, at_other) = server(|_, _| OK);
    let gate = gate(&format!("upstream: {{ url: ['http://{one}', 'http://{other}'] }}"));
    for _ in 0..10 {
        assert_eq!(send(&gate, "POST", "/x", &[], "body").status, 200);
    }
    assert_eq!((at_one.lock().unwrap().len(), at_other.lock().unwrap().len()), (5, 5));
    let event = gate.decision_after(0);
    assert_eq!(event["upstream"]["status"], 200);
    assert_eq!(event["upstream"]["address"], one.to_string());
}

#[test]
fn a_dead_address_is_left_out() {
    let (alive, received) = server(|_, _| OK);
    let gate = gate(&format!("upstream: {{ url: ['http://{}', 'http://{alive}'] }}", dead()));
    for _ in 0..20 {
        assert_eq!(send(&gate, "POST", "/x", &[], "body").status, 200);
    }
    assert_eq!(received.lock().unwrap().len(), 20);
}

/// One address accepts each connection and closes it without an answer.
#[test]
fn a_request_that_may_be_sent_twice_is_sent_to_another_address() {
    for (method, body, status) in [
        ("GET", "", 200),
        ("DELETE", "", 200),
        ("POST", "", 502),
        ("PUT", "body", 502),
    ] {
        let (mute, at_mute) = server(|_, _| "");
        let (one, at_one) = server(|_, _| OK);
        let gate = gate(&format!("upstream: {{ url: ['http://{mute}', 'http://{one}'] }}"));
        assert_eq!(send(&gate, method, "/x", &[], body).status, status, "{method} {body}");
        assert_eq!(at_mute.lock().unwrap().len(), 1, "{method} {body}");
        assert_eq!(
            at_one.lock().unwrap().len(),
            usize::from(status == 200),
            "{method} {body}"
        );
    }
}

#[test]
fn a_request_is_sent_to_another_address_once() {
    let mute = [server(|_, _| ""), server(|_, _| ""), server(|_, _| "")];
    let urls = mute
        .each_ref()
        .map(|(address, _)| format!("'http://{address}'"))
        .join(", ");
    let gate = gate(&format!("upstream: {{ url: [{urls}] }}"));
    assert_eq!(send(&gate, "GET", "/x", &[], "").status, 502);
    assert_eq!(mute.each_ref().map(|(_, all)| all.lock().unwrap().len()), [1, 1, 0]);
    let (address, all) = server(|_, _| "");
    let gate = super::gate(&format!("upstream: http://{address}"));
    assert_eq!(send(&gate, "GET", "/x", &[], "").status, 502);
    assert_eq!(all.lock().unwrap().len(), 1, "the only address");
}

#[test]
fn a_request_goes_to_the_most_specific_upstream() {
    let servers = [
        server(|_, _| OK),
        server(|_, _| OK),
        server(|_, _| OK),
        server(|_, _| OK),
    ];
    let [all, orders, host, both] = servers.each_ref().map(|(address, _)| address);
    let gate = gate(&format!(
        "upstreams:\n  - url: http://{all}\n  - {{ url: 'http://{orders}', path: /orders }}\n  \
         - {{ url: 'http://{host}', hosts: [shop.example] }}\n  \
         - {{ url: 'http://{both}', hosts: [shop.example], path: /orders }}"
    ));
    for (host, target, expected) in [
        ("api.example", "/x", all),
        ("api.example", "/ordersx", all),
        ("api.example", "/orders", orders),
        ("api.example", "/orders/7", orders),
        ("shop.example:8080", "/x", host),
        ("SHOP.example.", "/orders/7", both),
    ] {
        let before = gate.decisions().len();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: shop.example\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(
            wire::answer(gate.address, request.as_bytes()).status,
            200,
            "{host} {target}"
        );
        let event = gate.decision_after(before);
        assert_eq!(event["upstream"]["address"], expected.to_string(), "{host} {target}");
    }
}

#[test]
fn the_decision_log_has_one_line_for_each_end_of_a_request() {
    let upstream = Upstream::start();
    let gate = gate(&format!(
        "upstream: http://{}\ntimeouts: {{ response: 1s }}",
        upstream.address()
    ));
    for (conduct, status, field, value) in [
        (Conduct::Answer, 200, "status", "200"),
        (
            Conduct::AnswerWith("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"),
            500,
            "status",
            "500",
        ),
        (Conduct::DieBeforeTheAnswer, 502, "error", "no_response"),
        (Conduct::AnswerWith("nonsense\r\n\r\n"), 502, "error", "no_response"),
        (
            Conduct::AnswerWith("HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok"),
            502,
            "error",
            "no_response",
        ),
        (Conduct::Hold, 504, "error", "response_timeout"),
    ] {
        let before = gate.decisions().len();
        upstream.conduct(conduct.clone());
        assert_eq!(send(&gate, "POST", "/x", &[], "body").status, status, "{conduct:?}");
        let event = gate.decision_after(before);
        let found = event["upstream"][field].to_string();
        assert_eq!(found.trim_matches('"'), value, "{conduct:?} {event}");
        assert!(
            event["upstream"]["time_us"].is_u64() && event["decision"] == "allow",
            "{event}"
        );
        assert_eq!(gate.decisions().len(), before + 1, "{conduct:?}");
    }
}

#[test]
fn a_client_that_goes_away_has_its_line_too() {
    let upstream = Upstream::start();
    upstream.conduct(Conduct::Hold);
    let gate = gate(&format!("upstream: http://{}", upstream.address()));
    let mut client = Http2Connection::open(gate.address).expect("a connection");
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/x"),
    ];
    // HEADERS with END_STREAM and END_HEADERS, and later RST_STREAM with CANCEL.
    client.send(&frame(1, 5, 1, block(&fields))).expect("a request");
    upstream.wait_for(1);
    client.send(&frame(3, 0, 1, 8_u32.to_be_bytes())).expect("a reset");
    assert_eq!(gate.decision_after(0)["upstream"]["error"], "client_gone");
}

#[test]
fn an_upstream_that_does_not_listen_is_502_and_serves_once_it_does() {
    let address = dead();
    let gate = gate(&format!("upstream: http://{address}"));
    let answer = send(&gate, "GET", "/x", &[], "");
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (502, Some("upstream_unavailable"))
    );
    assert_eq!(gate.decision_after(0)["upstream"]["error"], "no_connection");
    let listener = TcpListener::bind(&address).expect("the same port");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            super::serve(stream, |_, _| OK, &Default::default());
        }
    });
    assert_eq!(send(&gate, "GET", "/x", &[], "").status, 200);
}
