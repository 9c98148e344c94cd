//! W3C Trace Context, and the export of spans over OTLP.

mod collector;
mod context;
mod faults;
mod settings;
mod spans;

use std::process::Command;

use tempfile::TempDir;

use self::collector::Collector;
use crate::deployment::gate::{Gate, binary};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, Answer, request};

/// The trace and the span of a caller.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub const CALLER: &str = "00f067aa0ba902b7";

/// The `traceparent` line of a caller with these flags.
pub fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{CALLER}-{flags}")
}

/// A gate with the variables of an environment, which exports at once.
pub fn with_environment(configuration: &Configuration, variables: &[(&str, &str)]) -> Deployment {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let upstream = Upstream::start();
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("actgate.yaml");
    std::fs::write(&path, configuration.text(upstream.address(), &key_server)).expect("a file");
    let mut command = Command::new(binary());
    command.arg("run").arg("--config").arg(&path);
    command
        .env("OTEL_BSP_SCHEDULE_DELAY", "20")
        .envs(variables.iter().copied());
    let deployment = Deployment {
        gate: Gate::spawn_in(folder, &mut command),
        upstream,
        key_server,
        issuer,
    };
    deployment.wait_until_ready();
    deployment
}

/// A gate that exports to a collector, with further variables.
pub fn exporting(configuration: &Configuration, variables: &[(&str, &str)]) -> (Deployment, Collector) {
    let collector = Collector::start();
    let url = collector.url();
    let variables = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())], variables].concat();
    (with_environment(configuration, &variables), collector)
}

/// Sends GET `path` with these fields.
pub fn get(deployment: &Deployment, path: &str, fields: &[&str]) -> Answer {
    wire::answer(deployment.gate.address, &request("GET", path, fields))
}
