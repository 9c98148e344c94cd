//! The decision log as a file: it is rotated, its disk is full, and denials are left out of it.

mod full;
mod members;
mod rotation;
mod sampling;
mod tail;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;

/// A gate whose decision log is `logs/decisions.log`, with further keys under `decision_log`.
fn deployment(keys: &str) -> Deployment {
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("logs")).expect("a folder");
    let configuration = Configuration {
        top: format!("decision_log: {{ file: logs/decisions.log, {keys} }}\n"),
        ..Configuration::default()
    };
    let issuer = TokenIssuer::new();
    let key_server = crate::deployment::key_server::KeyServer::start(crate::deployment::key_server::Conduct::Publish(
        issuer.document(),
    ));
    let upstream = crate::deployment::upstream::Upstream::start();
    let text = configuration.text(upstream.address(), &key_server);
    fs::write(folder.path().join("actgate.yaml"), text).expect("a file");
    let deployment = Deployment {
        gate: crate::deployment::gate::Gate::run_in(folder),
        upstream,
        key_server,
        issuer,
    };
    deployment.wait_until_ready();
    deployment
}

/// The lines of every file in a folder, each of which is whole.
fn events(folder: &Path) -> Vec<Value> {
    let mut events = Vec::new();
    for file in fs::read_dir(folder).expect("the folder") {
        let text = fs::read_to_string(file.expect("a file").path()).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "a torn line: {text}");
        let lines = text.lines();
        events.extend(
            lines.map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))),
        );
    }
    events
}
