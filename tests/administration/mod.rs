//! The admin listeners, and the commands that ask them.

mod metrics;

use std::net::{SocketAddr, TcpListener};

use crate::check::CONFIGURATION;
use crate::deployment::gate::{Process, after, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, request};

fn status(address: SocketAddr, method: &str, path: &str) -> u16 {
    wire::answer(address, &request(method, path, &[])).status
}

/// Runs a command: its exit code and its output.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run_to_end(arguments, "");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn other_machines_reach_liveness_and_readiness_alone() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("actgate.yaml");
    let text = CONFIGURATION.replace("admin: 127.0.0.1:0", "admin: [127.0.0.1:0, '0.0.0.0:0']");
    std::fs::write(&path, text).expect("a file");
    let mut process = Process::start(&["run", "--config", &path.to_string_lossy()]);
    process.address("actgate: admin on ");
    let mut addresses = Vec::new();
    while addresses.len() < 2 {
        addresses = process
            .stderr()
            .iter()
            .filter_map(|line| after(line, "actgate: admin on "))
            .collect();
    }
    let loopback = addresses[0];
    let network = SocketAddr::from(([127, 0, 0, 1], addresses[1].port()));
    for (method, path, on_loopback, on_network) in [
        ("GET", "/livez", 200, 200),
        ("GET", "/readyz", 503, 503),
        ("HEAD", "/livez", 200, 200),
        ("POST", "/livez", 405, 405),
        ("GET", "/metrics", 200, 200),
        ("POST", "/metrics", 405, 405),
        ("GET", "/rules", 200, 404),
        ("GET", "/reload", 200, 404),
        ("POST", "/reload", 200, 404),
        ("GET", "/jwks", 404, 404),
        ("GET", "/", 404, 404),
    ] {
        let found = (status(loopback, method, path), status(network, method, path));
        assert_eq!(found, (on_loopback, on_network), "{method} {path}");
    }
    let answer = wire::answer(network, &request("GET", "/rules", &[]));
    assert_eq!(answer.text(), "/livez, /readyz and /metrics are served here\n");
}

#[test]
fn health_is_the_readiness_of_the_gate() {
    let key_server = KeyServer::start(Conduct::Status(500, TokenIssuer::new().document()));
    let issuer = TokenIssuer::new();
    let configuration = Configuration::of_issuer(crate::deployment::BRISK);
    let deployment = Deployment::start_beside(issuer, key_server, &configuration);
    let admin = deployment.gate.admin.to_string();
    let health = |more: &[&str]| run(&[&["health", "--admin", &admin], more].concat());
    let (code, text) = health(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.starts_with("waiting for the signing keys of https://idp.example.com"),
        "{text}"
    );
    assert_eq!(health(&["--live"]), (Some(0), "alive\n".to_owned()));
    deployment
        .key_server
        .conduct(Conduct::Publish(deployment.issuer.document()));
    deployment.wait_until_ready();
    let (code, text) = health(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("ready\n"), "{text}");
}

#[test]
fn health_fails_where_no_gate_answers() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("actgate.yaml").to_string_lossy().into_owned();
    let listening = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = listening.local_addr().expect("an address");
    let free = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.local_addr().expect("an address")
    };
    for (admin, code, expected) in [
        (format!("admin: {free}"), 69, "no gate answers on 127.0.0.1:"),
        (
            format!("admin: '0.0.0.0:{}'", free.port()),
            69,
            "no gate answers on 127.0.0.1:",
        ),
        (
            format!("admin: ['0.0.0.0:1', '{silent}']"),
            69,
            "it took longer than 200ms",
        ),
        ("admin: []".to_owned(), 2, "has no `admin`; name the address"),
        ("audience: a".to_owned(), 2, "has no `admin`; name the address"),
    ] {
        std::fs::write(&path, &admin).expect("a file");
        let (found, text) = run(&["health", "--config", &path, "--timeout", "200ms"]);
        assert_eq!(found, Some(code), "{admin}: {text}");
        assert!(text.contains(expected), "{admin}: {text}");
    }
    std::fs::remove_file(&path).expect("removed");
    let (code, text) = run(&["health", "--config", &path]);
    assert!(
        code == Some(2) && text.contains("cannot be used: the file cannot be read"),
        "{text}"
    );
    // A listener for other machines does not reload.
    std::fs::write(&path, "admin: '0.0.0.0:9902'").expect("a file");
    let (code, text) = run(&["reload", "--config", &path]);
    assert!(code == Some(2) && text.contains("has no `admin` on loopback"), "{text}");
}
