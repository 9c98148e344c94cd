//! Thousands of clients at a time: slow ones, and idle ones.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::http1::{Reader, Unframed};
use crate::wire::{self, DEADLINE, get, has_ended};

/// Raises the limit of open files of this process as far as the system allows, and returns it.
fn open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 20);
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("the limit of open files");
    most
}

fn connections(deployment: &Deployment) -> String {
    let answer = wire::answer(deployment.gate.admin, &wire::request("GET", "/readyz", &[]));
    answer.text().lines().last().unwrap_or_default().to_owned()
}

/// Sends a request that is answered with 200; the connection stays open.
fn answered(mut client: &TcpStream, request: &str) {
    client.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    client.write_all(request.as_bytes()).expect("sent");
    let mut reader = Reader::new(client);
    let head = reader.head().expect("an answer").expect("an answer");
    assert!(head.start.starts_with("HTTP/1.1 200 "), "{}", head.start);
    reader.body(&head, Unframed::UntilClose).expect("its body");
}

#[test]
fn slow_clients_are_cut_and_others_are_not_harmed() {
    const SLOW: usize = 1000;
    assert!(
        open_files() > 2 * SLOW as u64 + 200,
        "the limit of open files is too low for this test"
    );
    let configuration = Configuration {
        top: "timeouts: { header: 3s }\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let token = deployment.issuer.token(json!({}));
    let mut slow: Vec<_> = (0..SLOW)
        .map(|_| TcpStream::connect(deployment.gate.address).expect("a connection"))
        .collect();
    let started = Instant::now();
    let mut worst = Duration::ZERO;
    while !slow.iter().all(has_ended) {
        assert!(started.elapsed() < Duration::from_secs(40), "some are not cut");
        for client in &mut slow {
            let _ = client.write_all(b"X");
        }
        let asked = Instant::now();
        assert_eq!(get(deployment.gate.address, "/orders/1", &token).status, 200);
        worst = worst.max(asked.elapsed());
    }
    assert!(worst < Duration::from_secs(8), "{worst:?}");
    drop(slow);
    deployment.wait_until("closed", || connections(&deployment).starts_with("connections: 0 of"));
}

#[test]
fn idle_connections_are_held() {
    // The gate keeps two descriptors for each connection, and 64.
    let count = ((open_files() - 64) / 2).min(10_000);
    assert!(count >= 1000, "the limit of open files is too low for this test");
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let ask = format!("GET /orders/1 HTTP/1.1\r\nHost: orders.example.com\r\n{reader}\r\n\r\n");
    let mut idle = Vec::new();
    for _ in 0..count {
        let client = TcpStream::connect(deployment.gate.address).expect("a connection");
        answered(&client, &ask);
        idle.push(client);
    }
    assert_eq!(connections(&deployment), format!("connections: {count} of {count}"));
    let each = deployment.gate.process.resident().expect("/proc") / count;
    assert!(each < 40 * 1024, "{each} bytes each");
    for client in idle.iter().step_by(97) {
        answered(client, &ask);
    }
    assert!(idle.iter().all(|client| !has_ended(client)));
}
