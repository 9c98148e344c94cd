//! `actgate tail`.

use std::fs;
use std::process::{Command, Stdio};

use super::deployment;
use crate::deployment::gate::{Process, binary, run_to_end};
use crate::traces::{TRACE, traceparent};
use crate::wire::{self, request};

#[test]
fn decisions_are_shown_while_they_are_made_and_the_log_is_rotated() {
    let deployment = deployment("facts: false");
    let configuration = deployment.gate.path("actgate.yaml").to_string_lossy().into_owned();
    let process = Process::start(&["tail", "--config", &configuration]);
    let send = |target: &str| wire::answer(deployment.gate.address, &request("GET", target, &[])).status;
    for (number, target) in ["/open/first", "/open/second", "/open/third"].into_iter().enumerate() {
        assert_eq!(send(target), 200);
        deployment.wait_until(target, || process.stdout().iter().any(|line| line.contains(target)));
        deployment
            .gate
            .rename("logs/decisions.log", &format!("logs/decisions.log.{number}"));
    }
    let lines = process.stdout();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains(" allow 200 GET /open/first"), "{lines:?}");
    assert!(!lines[0].contains('\u{1b}'), "{lines:?}");
}

#[test]
fn lines_are_chosen_by_code_party_route_and_decision() {
    let deployment = deployment("facts: false");
    let token = deployment.reader();
    let send =
        |target: &str, fields: &[&str]| wire::answer(deployment.gate.address, &request("GET", target, fields)).status;
    assert_eq!(send("/open/page", &[]), 200);
    assert_eq!(send("/orders/1", &[]), 401);
    assert_eq!(send("/orders/2", &[&token, &traceparent("00")]), 200);
    assert_eq!(send("/nowhere", &[&token]), 403);
    let log = deployment.gate.path("logs/decisions.log");
    deployment.wait_until("written", || {
        fs::read_to_string(&log).is_ok_and(|text| text.lines().count() == 4)
    });
    let log = log.to_string_lossy().into_owned();
    let tail = |arguments: &[&str]| {
        let output = run_to_end(&[&["tail", &log, "--no-follow"], arguments].concat(), "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let text = fs::read_to_string(&log).expect("the log");
    assert_eq!(tail(&["--json"]), text);
    let subject = serde_json::from_str::<serde_json::Value>(text.lines().nth(2).expect("a line")).expect("JSON");
    let subject = subject["chain"]["initiator"]["sub"]
        .as_str()
        .expect("a subject")
        .to_owned();
    for (arguments, expected) in [
        (&["--decision", "allow"][..], &["/open/page", "/orders/2"][..]),
        (&["--decision", "deny"], &["/orders/1", "/nowhere"]),
        (
            &["--code", "no_route", "--code", "missing_token"],
            &["/orders/1", "/nowhere"],
        ),
        (&["--route", "/orders/{id}"], &["/orders/1", "/orders/2"]),
        (&["--party", &subject], &["/orders/2", "/nowhere"]),
        (&["--party", "another"], &[]),
        (&["--trace", TRACE], &["/orders/2"]),
        (&["-n", "1"], &["/nowhere"]),
        (&["-n", "0"], &[]),
        (&["--decision", "allow", "-n", "1"], &["/orders/2"]),
    ] {
        let shown = tail(arguments);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), expected.len(), "{arguments:?}: {shown}");
        let all = lines.iter().zip(expected).all(|(line, path)| line.contains(path));
        assert!(all, "{arguments:?}: {shown}");
    }
}

#[test]
fn standard_input_is_shown_and_its_other_lines_are_not() {
    let line = r#"{"time":"2026-01-02T03:04:05.678Z","id":"i","method":"GET","path":"/","decision":"allow","upstream":{"status":200}}"#;
    let output = run_to_end(&["tail", "-"], &format!("actgate: listening\n{line}\n\n[]\n"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "03:04:05.678 allow 200 GET /  id i\n"
    );
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(complaint.matches("none of a decision log").count(), 1, "{complaint}");
}

#[test]
fn what_cannot_be_followed_is_an_error() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let configuration = folder.path().join("actgate.yaml");
    fs::write(&configuration, crate::check::CONFIGURATION).expect("a file");
    let configuration = configuration.to_string_lossy().into_owned();
    for (arguments, code, expected) in [
        (&["tail", "nowhere.log"][..], 1, "nowhere.log"),
        (
            &["tail", "--config", &configuration],
            2,
            "goes to standard output; name a file",
        ),
        (&["tail", "--config", "nowhere.yaml"], 78, "nowhere.yaml"),
        (&["tail", "a", "b"], 2, "unexpected argument"),
    ] {
        let output = run_to_end(arguments, "");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn it_ends_when_what_reads_it_has_ended() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    fs::write(&log, "{\"id\":\"i\",\"decision\":\"allow\"}\n").expect("a file");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = Command::new(binary())
        .arg("tail")
        .arg(&log)
        .stdout(writer)
        .stdin(Stdio::null())
        .status();
    assert_eq!(ended.expect("it runs").code(), Some(141));
}
