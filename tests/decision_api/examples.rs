//! The examples of a gate that forwards nothing, each started and asked.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::check::{Checker, http};
use super::forward_auth::asked;
use crate::deployment::gate::Process;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::{ISSUER, TokenIssuer};
use crate::structure::source::root;
use crate::wire;

/// A gate that forwards nothing, with the configuration of an example.
pub struct Example {
    pub process: Process,
    pub address: SocketAddr,
    pub issuer: TokenIssuer,
    _keys: KeyServer,
    _folder: TempDir,
}

impl Example {
    /// Starts the example of this name with a free port and the keys of a new issuer.
    pub fn start(name: &str) -> Self {
        let path = root().join("sidecar/examples").join(name).join("actgate.yaml");
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let text = fs::read_to_string(path).expect("the example");
        assert!(text.lines().count() <= 16, "{name} is too long");
        let text = text.replace("listen: 127.0.0.1:9191", "listen: 127.0.0.1:0");
        let trusted = format!("  - issuer: {ISSUER}");
        let text = text.replace(&trusted, &format!("{trusted}\n    jwks_uri: {}", keys.jwks_uri()));
        let folder = TempDir::new().expect("a folder");
        let file = folder.path().join("actgate.yaml");
        fs::write(&file, format!("admin: 127.0.0.1:0\n{text}")).expect("the configuration is written");
        let mut process = Process::start(&["run", "--config", &file.to_string_lossy()]);
        let admin = process.address("actgate: admin on ");
        let address = process.address("actgate: decisions on ");
        let deadline = Instant::now() + Duration::from_secs(20);
        while wire::answer(admin, &wire::request("GET", "/readyz", &[])).status != 200 {
            assert!(
                Instant::now() < deadline,
                "never ready: {}",
                process.stderr().join("\n")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            process,
            address,
            issuer,
            _keys: keys,
            _folder: folder,
        }
    }
}

#[test]
fn a_gate_without_an_upstream_decides() {
    for proxy in ["nginx", "caddy", "traefik"] {
        let mut example = Example::start(proxy);
        let token = wire::bearer(&example.issuer.token(json!({})));
        let status =
            |fields: &[String]| wire::answer(example.address, &asked(proxy, "GET", "/orders/7", fields)).status;
        assert_eq!((status(&[token]), status(&[])), (200, 401), "{proxy}");
        example.process.terminate();
        assert!(example.process.wait().success());
        assert!(
            !example
                .process
                .stderr()
                .iter()
                .any(|line| line.contains("listening on"))
        );
    }
}

#[test]
fn envoy() {
    let example = Example::start("envoy");
    let token = wire::bearer(&example.issuer.token(json!({})));
    let mut envoy = Checker::connect(example.address);
    assert!(envoy.check(http("GET", "/orders/7", &[token])).permitted().is_some());
    assert!(envoy.check(http("GET", "/orders/7", &[])).permitted().is_none());
}
