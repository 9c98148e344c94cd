//! Memory that clients make the gate use, and that comes back.

use std::io::Write;
use std::net::TcpStream;

use serde_json::json;

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{get, has_ended};

const CLIENTS: u64 = 1500;
const MIB: u64 = 1024 * 1024;

/// Each head has 30 KB, just below `max_head`, and no end.
#[test]
fn memory_of_unfinished_heads_is_bounded_and_comes_back() {
    let configuration = Configuration {
        top: "timeouts: { header: 3s }\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let token = deployment.issuer.token(json!({}));
    let use_it = || assert_eq!(get(deployment.gate.address, "/orders/1", &token).status, 200);
    let resident = || deployment.gate.process.resident().expect("/proc");
    use_it();
    let before = resident();
    let head = format!("GET /orders/1 HTTP/1.1\r\nX: {}", "a".repeat(30_000));
    let mut peak = before;
    for _ in 0..3 {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut client = TcpStream::connect(deployment.gate.address).expect("a connection");
                let _ = client.write_all(head.as_bytes());
                client
            })
            .collect();
        peak = peak.max(resident());
        deployment.wait_until("cut", || clients.iter().all(has_ended));
    }
    let each = (peak - before) / CLIENTS;
    assert!(each < 80 * 1024, "{each} bytes each");
    // The allocator collects what another thread has freed after some thousand allocations, so that traffic brings it back, not time.
    deployment.wait_until("given back", || {
        (0..100).for_each(|_| use_it());
        resident() < before + 32 * MIB
    });
}
