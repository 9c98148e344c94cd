//! `actgate init`, and what starts with the file that it writes.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::gate::{Gate, Process, binary, run_to_end};
use crate::deployment::upstream::Upstream;
use crate::wire::{self, bearer};

const WAREHOUSE: &[&str] = &[
    "token",
    "client-credentials",
    "--client",
    "warehouse",
    "--resource",
    "https://orders.example",
];

#[test]
fn the_written_configuration_starts_with_the_bundled_issuer() {
    let mut issuer = Process::start(&["issuer", "--listen", "127.0.0.1:0"]);
    let issuer = format!("http://{}", issuer.address("actgate: issuer on "));
    let upstream = Upstream::start();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("actgate.yaml");
    let path = file.to_string_lossy().into_owned();
    let address = format!("http://{}", upstream.address());
    let arguments = ["init", "--config", &path, "--issuer", &issuer, "--upstream", &address];
    let written = run_to_end(&arguments, "");
    assert_eq!(written.status.code(), Some(0), "{}", output_text(&written));
    assert!(output_text(&written).contains(&format!("actgate run --config {path}")));

    let text = fs::read_to_string(&file).unwrap();
    let again = run_to_end(&arguments, "");
    assert_eq!(again.status.code(), Some(1), "{}", output_text(&again));
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        text,
        "a file that exists is not changed"
    );

    // The tests take no fixed port.
    let text = text
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9901", "127.0.0.1:0");
    let gate = Gate::run(&text);
    gate.wait_until_ready();
    let token = Command::new(binary())
        .args(WAREHOUSE)
        .args(["--scope", "orders:read", "--issuer", &issuer])
        .env("ACTGATE_CLIENT_SECRET", "warehouse-secret")
        .stderr(Stdio::inherit())
        .output()
        .expect("the command runs");
    let token = String::from_utf8(token.stdout).unwrap();
    for (method, path, status) in [
        ("GET", "/orders/1", 200),
        ("POST", "/refunds", 403),
        ("GET", "/health", 200),
    ] {
        let request = wire::request(method, path, &[&bearer(token.trim())]);
        assert_eq!(wire::answer(gate.address, &request).status, status, "{method} {path}");
    }
}

#[test]
fn a_configuration_that_would_be_invalid_is_not_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.yaml").to_string_lossy().into_owned();
    for (argument, value) in [
        ("--issuer", "http://idp.example.com"),
        ("--upstream", "ftp://a"),
        ("--audience", ""),
    ] {
        let output = run_to_end(&["init", "--config", &path, argument, value], "");
        assert_eq!(output.status.code(), Some(78), "{argument}: {}", output_text(&output));
        assert!(!folder.path().join("a.yaml").exists());
    }
}
