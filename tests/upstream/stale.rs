//! Connections that the upstream ends while they are idle.

use std::collections::HashSet;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::{OK, gate, head, send, server};
use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::wire::{self, bearer};

/// The second request on a connection gets no answer.
#[test]
fn a_request_that_may_be_sent_twice_is_sent_again_when_a_used_connection_ends() {
    for (method, body, status, received) in [
        ("GET", "", 200, 2),
        ("HEAD", "", 200, 2),
        ("PUT", "", 200, 2),
        ("DELETE", "", 200, 2),
        ("OPTIONS", "", 200, 2),
        ("POST", "", 502, 1),
        ("PATCH", "", 502, 1),
        ("GET", "body", 502, 1),
        ("PUT", "body", 502, 1),
    ] {
        let (address, all) = server(|number, head| match (number, head.starts_with("head ")) {
            (0, true) => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
            (0, false) => OK,
            _ => "",
        });
        let gate = gate(&format!("upstream: http://{address}"));
        assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
        let answer = send(&gate, method, "/second", &[], body);
        assert_eq!(answer.status, status, "{method} {body}");
        let second = all
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.contains("/second"))
            .count();
        assert_eq!(second, received, "{method} {body}");
    }
}

/// A request that is sent again is the same: with the identity, the API key, the host, the trace and the length.
#[test]
fn a_request_that_is_sent_again_is_the_same_request() {
    const SWITCH: &str = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                          sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    for (method, fields) in [
        (
            "GET",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("PUT", "content-length: 0\r\naccept: a\r\naccept: b"),
        ("GET", SWITCH),
    ] {
        let (address, all) = server(|number, _| if number == 0 { OK } else { "" });
        let configuration = Configuration::of_policy("routes: [{ match: '* /orders/{id}', scopes: [orders:read] }]\n");
        let text = configuration.text(address, &key_server);
        let with_key =
            format!("upstream: {{ url: 'http://{address}', api_key: {{ header: X-Api-Key, file: api.key }} }}\n");
        let text = text.replace(&format!("upstream: http://{address}\n"), &with_key);
        let gate = Gate::run_beside(&text, &[("api.key", "key-of-the-upstream")]);
        gate.wait_until_ready();
        let authorization = bearer(&issuer.token(json!({})));
        let send = |method: &str, fields: &[&str]| {
            wire::answer(
                gate.address,
                &wire::request(method, "/orders/1", &[&[authorization.as_str()], fields].concat()),
            )
        };
        assert_eq!(send("GET", &[]).status, 200);
        send(method, &fields.split("\r\n").collect::<Vec<_>>());
        let all = all.lock().unwrap();
        let [_, first, again] = &all[..] else { panic!("{all:?}") };
        assert_eq!(first, again);
        for part in [
            "x-auth-subject: ",
            "x-api-key: key-of-the-upstream",
            "host: ",
            "via: ",
            "x-forwarded-for: ",
        ] {
            assert!(again.contains(part), "{again}");
        }
        let kept = fields.split("\r\n").filter(|field| !field.contains("key: "));
        assert!(kept.clone().all(|field| again.contains(field)), "{again}");
    }
}

/// The second request on a connection gets the 408 that was meant for the idle connection.
#[test]
fn a_408_for_an_idle_connection_is_not_passed_on() {
    const TIMEOUT: &str = "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const OLD_TIMEOUT: &str = "HTTP/1.0 408 Request Timeout\r\n\r\n";
    let servers: [super::Reply; 2] = [
        |number, _| if number == 0 { OK } else { TIMEOUT },
        |number, _| if number == 0 { OK } else { OLD_TIMEOUT },
    ];
    for reply in servers {
        for (method, body, status) in [("GET", "", 200), ("POST", "", 502), ("POST", "body", 502)] {
            let (address, _) = server(reply);
            let gate = gate(&format!("upstream: http://{address}"));
            assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
            assert_eq!(
                send(&gate, method, "/second", &[], body).status,
                status,
                "{method} {body}"
            );
        }
    }
    let (address, _) = server(|_, _| TIMEOUT);
    let gate = gate(&format!("upstream: http://{address}"));
    assert_eq!(
        send(&gate, "GET", "/first", &[], "").status,
        408,
        "the answer on a new connection"
    );
}

/// A 408 that keeps the connection open answers the request, on a connection that was used before too.
#[test]
fn a_408_that_keeps_the_connection_open_is_passed_on() {
    let (address, all) = server(|number, _| match number {
        0 => OK,
        _ => "HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\n\r\nslow",
    });
    let gate = gate(&format!("upstream: http://{address}"));
    assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
    for (method, body) in [("GET", ""), ("POST", ""), ("POST", "body")] {
        let answer = send(&gate, method, "/second", &[], body);
        assert_eq!(
            (answer.status, answer.text()),
            (408, "slow".to_owned()),
            "{method} {body}"
        );
    }
    assert_eq!(all.lock().unwrap().len(), 4);
}

#[test]
fn a_response_that_began_is_not_asked_for_again() {
    let (address, all) = server(|number, _| match number {
        0 => OK,
        1 => "HTTP/1.1 2",
        _ => "",
    });
    let gate = gate(&format!("upstream: http://{address}\ntimeouts: {{ response: 1s }}"));
    assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
    assert_eq!(send(&gate, "GET", "/second", &[], "").status, 504);
    assert_eq!(all.lock().unwrap().len(), 2);
}

/// Ends each connection 0 to 50 ms after its answer.
fn impatient() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let received = Arc::new(Mutex::new(Vec::new()));
    let all = received.clone();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let all = all.clone();
            std::thread::spawn(move || {
                let mut stream = stream;
                let limit = Duration::from_millis(1 + number as u64 * 7 % 50);
                while let Some(head) = head(&mut stream) {
                    all.lock()
                        .unwrap()
                        .push(head.lines().next().unwrap_or_default().to_owned());
                    if stream.write_all(OK.as_bytes()).is_err() {
                        return;
                    }
                    let _ = stream.set_read_timeout(Some(limit));
                    // Nothing is read after the limit, so that a request may be on its way.
                    if stream.peek(&mut [0]).is_err() {
                        return;
                    }
                    let _ = stream.set_read_timeout(None);
                }
            });
        }
    });
    (address, received)
}

/// Sends 2,000 requests by 16 clients, each a few milliseconds after the answer to the one before. Returns the statuses.
fn paced(gate: &Gate, method: &'static str, body: &'static str) -> Vec<u16> {
    let address = gate.address;
    let clients = (0..16_u64).map(|client| {
        std::thread::spawn(move || {
            let statuses = (0..125_u64).map(|number| {
                let length = format!("content-length: {}", body.len());
                let fields: &[&str] = if body.is_empty() { &[] } else { &[&length] };
                let mut request = wire::request(method, &format!("/{client}/{number}"), fields);
                request.extend(body.as_bytes());
                std::thread::sleep(Duration::from_millis((client * 3 + number * 11) % 50));
                wire::answer(address, &request).status
            });
            statuses.collect::<Vec<_>>()
        })
    });
    let clients: Vec<_> = clients.collect();
    let statuses = clients.into_iter().map(|client| client.join().expect("the client"));
    statuses.flatten().collect()
}

#[test]
fn no_get_of_2000_is_lost_when_the_upstream_ends_idle_connections() {
    let (address, _) = impatient();
    let gate = gate(&format!("upstream: http://{address}"));
    let statuses = paced(&gate, "GET", "");
    assert_eq!(statuses.len(), 2000);
    assert_eq!(statuses.iter().filter(|status| **status != 200).count(), 0);
}

#[test]
fn no_post_is_sent_twice_when_the_upstream_ends_idle_connections() {
    let (address, all) = impatient();
    let gate = gate(&format!("upstream: http://{address}"));
    let statuses = paced(&gate, "POST", "body");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 502)));
    let all = all.lock().unwrap();
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(all.len(), different.len(), "a request was received twice");
    assert!(statuses.iter().filter(|status| **status == 200).count() <= all.len());
}
