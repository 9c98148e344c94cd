//! The root folder of the image: `sidecar/examples/container/rootfs` lays it out, and the gate runs in it with nothing beside.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::gate::Process;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, ROUTES};
use crate::mint::TokenIssuer;
use crate::structure::source::root;
use crate::wire;

#[test]
#[ignore = "it links the binary once more, and changes the root folder of a process"]
fn the_static_binary_runs_in_an_empty_root() {
    let folder = TempDir::new().unwrap();
    let status = Command::new(root().join("sidecar/examples/container/rootfs"))
        .arg(folder.path())
        .status();
    assert!(status.expect("the script runs").success());
    let inside = |arguments: &[&str]| {
        let mut command = Command::new("chroot");
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command
            .arg("--userspec=65532:65532")
            .arg(folder.path())
            .arg("/actgate")
            .args(arguments);
        command
    };

    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let text = Configuration::of_policy(ROUTES).text(Upstream::start().address(), &keys);
    fs::write(folder.path().join("etc/actgate/actgate.yaml"), &text).unwrap();
    let mut gate = Process::spawn(&mut inside(&["run", "--config", "/etc/actgate/actgate.yaml"]));
    let address = gate.address("actgate: listening on ");
    let admin = gate.address("actgate: admin on ").to_string();
    let health = || {
        inside(&["health", "--admin", &admin])
            .stdout(Stdio::null())
            .status()
            .unwrap()
            .code()
    };
    let deadline = Instant::now() + wire::DEADLINE;
    while health() != Some(0) {
        assert!(Instant::now() < deadline, "it does not become ready");
    }
    let answer = wire::get(
        address,
        "/orders/1",
        &issuer.token(serde_json::json!({ "scope": "orders:read" })),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());

    // Roots of certificates are found where the image has them.
    let remote = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:1\nadmin: 127.0.0.1:0\naudience: https://orders.example.com\n\
        issuers: [{ issuer: 'https://localhost:1', jwks_uri: 'https://127.0.0.1:1/' }]\nroutes: [{ match: GET /a }]\n";
    fs::write(folder.path().join("etc/actgate/remote.yaml"), remote).unwrap();
    let run = ["run", "--config", "/etc/actgate/remote.yaml"];
    let mut gate = Process::spawn(&mut inside(&run));
    gate.address("actgate: admin on ");
    let deadline = Instant::now() + wire::DEADLINE;
    while !gate.stderr().iter().any(|line| line.contains("Connection refused")) {
        assert!(Instant::now() < deadline, "{:?}", gate.stderr());
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::remove_file(folder.path().join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let output = inside(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output_text(&output).contains("no root certificates"),
        "{}",
        output_text(&output)
    );
}
