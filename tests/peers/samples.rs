//! The samples with agents, as their README shows them.

use std::fs;
use std::process::Command;

use super::program::installed;
use crate::deployment::gate::binary;
use crate::structure::source::root;

/// What a sample prints.
fn run(program: &str) -> String {
    let output = Command::new(installed("venv/bin/python"))
        .arg(root().join("sidecar/examples/agents").join(program))
        .arg("--unattended")
        .env("ACTGATE", binary())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn the_travel_assistant_prints_what_the_readme_shows() {
    let page = fs::read_to_string(root().join("sidecar/examples/agents/README.md")).expect("the page");
    let printed = run("travel.py");
    assert!(page.contains(&format!("```\n{printed}```\n")), "{printed}");
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn the_platform_ties_each_call_to_the_person() {
    let printed = run("models.py");
    for (path, status, event) in [
        ("/v1/chat", 200, "issue"),
        ("/v1/training", 403, "issue"),
        ("/v1/images", 200, "refresh"),
    ] {
        let line = format!("{path:13} {status}  {event:8} for alice through research-agent");
        assert!(printed.contains(&line), "{line} in {printed}");
    }
}
