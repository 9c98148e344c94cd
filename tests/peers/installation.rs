//! What an operator installs, and programs of others that check it: manifests, units, manual pages.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::gate::{binary, run_to_end};
use crate::deployment::{Deployment, ROUTES};
use crate::peers::program::installed;
use crate::structure::source::root;
use crate::wire;

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn the_manifests_are_those_of_kubernetes() {
    let validator = installed("venv/bin/kubernetes-validate").to_string_lossy().into_owned();
    let file = root().join("sidecar/examples/kubernetes/manifests.yml");
    let output = run(&validator, &["--strict", &file.to_string_lossy()]);
    let text = output_text(&output);
    assert!(output.status.success(), "{text}");
    for kind in ["deployment", "service", "networkpolicy", "poddisruptionbudget"] {
        assert!(
            text.contains(&format!("passed for resource {kind}/orders")),
            "{kind}: {text}"
        );
    }

    let folder = TempDir::new().unwrap();
    let changed = folder.path().join("manifests.yml");
    let manifests = fs::read_to_string(&file).unwrap().replace("startupProbe", "startProbe");
    fs::write(&changed, manifests).unwrap();
    let output = run(&validator, &["--strict", &changed.to_string_lossy()]);
    assert!(
        output_text(&output).contains("'startProbe' was unexpected"),
        "{}",
        output_text(&output)
    );
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn systemd_accepts_the_units() {
    let folder = TempDir::new().unwrap();
    for name in ["actgate.service", "actgate.socket"] {
        let text = fs::read_to_string(root().join("sidecar/examples/systemd").join(name)).unwrap();
        let text = text.replace("/usr/local/bin/actgate", &binary().to_string_lossy());
        fs::write(folder.path().join(name), text).unwrap();
    }
    let service = folder.path().join("actgate.service").to_string_lossy().into_owned();
    let socket = folder.path().join("actgate.socket").to_string_lossy().into_owned();
    let output = run("systemd-analyze", &["verify", &service, &socket]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        output_text(&output)
    );
    fs::write(&service, "[Service]\nExecStrat=/bin/true\n").unwrap();
    assert!(!run("systemd-analyze", &["verify", &service]).stderr.is_empty());
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn groff_formats_each_page_without_a_warning() {
    let folder = TempDir::new().unwrap();
    let written = run_to_end(&["man", "--folder", &folder.path().to_string_lossy()], "");
    assert!(written.status.success(), "{}", output_text(&written));
    let mut pages = 0;
    for page in fs::read_dir(folder.path()).unwrap() {
        let page = page.unwrap().path().to_string_lossy().into_owned();
        let output = run("groff", &["-K", "utf8", "-T", "utf8", "-man", "-ww", "-z", &page]);
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{page}: {}",
            output_text(&output)
        );
        pages += 1;
    }
    assert!(pages > 20, "{pages}");
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn prometheus_accepts_the_metrics() {
    let deployment = Deployment::with_policy(ROUTES);
    let token = deployment.issuer.token(json!({ "scope": "orders:read" }));
    for path in ["/orders/1", "/admin/1", "/nowhere", "/open/1"] {
        wire::get(deployment.gate.address, path, &token);
    }
    let metrics = wire::answer(deployment.gate.admin, &wire::request("GET", "/metrics", &[])).text();
    let check = |metrics: &str| {
        let mut command = Command::new("promtool");
        command
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("promtool runs");
        child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = check(&metrics);
    assert!(output.status.success(), "{}", output_text(&output));
    assert_eq!(output_text(&output), "");
    assert!(!check(&metrics.replace("_total", "")).status.success());
}
