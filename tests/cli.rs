//! The command line: `explain`, `demo`, usage errors, and the shutdown of `run`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::Deployment;
use crate::deployment::gate::{Process, binary, run_to_end};
use crate::deployment::upstream::Conduct;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, chain, now};
use crate::wire::{Connection, Outcome, bearer, request};

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [
        vec![],
        vec!["rnu"],
        vec!["run", "--confg", "x"],
        vec!["explain"],
        vec!["check", "a", "b"],
        vec!["issuers", "keycloak"],
        vec!["issuers", "show"],
        vec!["issuers", "show", "keyclok"],
    ] {
        let output = run_to_end(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", output_text(&output));
    }
    for arguments in [["--version"], ["--help"]] {
        let output = run_to_end(&arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output_text(&output).contains("actgate"));
    }
}

#[test]
fn an_argument_with_control_characters_is_shown_escaped() {
    let nowhere = "/nowhere/\u{1b}[31m";
    for arguments in [
        vec!["help", "policy", "\u{1b}[31mX"],
        vec!["test", "\u{1b}]0;x\u{7}"],
        vec!["tail", "\u{1b}[31m"],
        vec!["explain", "--path", "/", "--log-line", nowhere],
    ] {
        let output = run_to_end(&arguments, "");
        let text = output_text(&output);
        assert_ne!(output.status.code(), Some(0), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}

/// The names of the presets, as `issuers --json` lists them.
#[test]
fn a_reader_that_has_ended_ends_a_command_without_an_error() {
    for arguments in [&["help", "policy"][..], &["issuers", "--json"], &["schema", "policy"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = Command::new(binary()).args(arguments).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{arguments:?}");
    }
}

fn presets() -> Vec<String> {
    let output = run_to_end(&["issuers", "--json"], "");
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let presets = report["issuers"].as_array().expect("the presets");
    let name = |preset: &Value| {
        for key in ["name", "product", "about", "chain_completeness"] {
            assert!(
                preset[key].as_str().is_some_and(|text| !text.is_empty()),
                "{key}: {preset}"
            );
        }
        for kind in ["human", "agent", "service"] {
            assert!(preset[kind].is_array(), "{kind}: {preset}");
        }
        preset["name"].as_str().expect("a name").to_owned()
    };
    presets.iter().map(name).collect()
}

#[test]
fn issuers_lists_the_presets() {
    let presets = presets();
    assert!(presets.iter().any(|name| name == "keycloak"), "{presets:?}");
    let output = run_to_end(&["issuers"], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for name in &presets {
        assert!(
            text.lines().any(|line| line.starts_with(&format!("{name} "))),
            "{name}: {text}"
        );
    }
    assert!(!text.contains('\u{1b}'), "no style outside of a terminal: {text}");
}

/// The line of [`CONFIGURATION`] that a preset replaces.
const PROFILE: &str = "    profile: rfc9068\n";

#[test]
fn a_preset_that_issuers_shows_can_be_pasted_into_a_configuration() {
    for name in presets() {
        let shown = run_to_end(&["issuers", "show", &name], "");
        assert_eq!(shown.status.code(), Some(0), "{name}");
        let entry = String::from_utf8(shown.stdout).expect("text");
        assert!(CONFIGURATION.contains(PROFILE), "{CONFIGURATION}");
        let files = Files::new();
        let path = files.write("actgate.yaml", &CONFIGURATION.replace(PROFILE, &entry));
        let checked = run_to_end(&["check", "--config", &path], "");
        assert_eq!(checked.status.code(), Some(0), "{}{entry}", output_text(&checked));

        let json = run_to_end(&["issuers", "show", &name, "--json"], "");
        let json: Value = serde_json::from_slice(&json.stdout).expect("one JSON object");
        assert_eq!(json["profile"]["preset"], json!(name));
        assert!(json["profile"]["access_token"].is_array(), "{json}");
    }
}

#[test]
fn an_unknown_preset_has_the_nearest_one_as_help() {
    let output = run_to_end(&["issuers", "show", "keyclok"], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("a similar value exists: 'keycloak'"), "{text}");
}

fn explain(issuer: &TokenIssuer, token: &str, more: &[&str]) -> Output {
    let files = Files::new();
    let configuration = files.write("actgate.yaml", CONFIGURATION);
    let keys = files.write("keys.json", &issuer.document());
    let mut arguments = vec!["explain", "--config", &configuration, "--jwks", &keys];
    arguments.extend(["--method", "POST", "--path", "/refunds"]);
    arguments.extend(more);
    run_to_end(&arguments, token)
}

fn refund(changes: Value) -> Value {
    let mut claims = json!({ "scope": "refunds:write", "act": chain(&["refund-agent", "orch"]) });
    let (Some(into), Value::Object(changes)) = (claims.as_object_mut(), changes) else {
        panic!("both are objects");
    };
    into.extend(changes);
    claims
}

#[test]
fn explain_shows_the_chain_and_every_check() {
    let issuer = TokenIssuer::new();
    let token = issuer.token(refund(json!({})));
    let output = explain(&issuer, &token, &[]);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for shown in [
        "alice-canary",
        "refund-agent",
        "orch",
        "✓",
        "allowed",
        "human-must-initiate.initiator.kind",
        "actor.one_of",
        "chain.max_depth",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains('✗'), "{text}");
    let agent = json!({ "sub": "bot", "sub_profile": "ai_agent", "act": chain(&["c", "b", "refund-agent"]) });
    let token = issuer.token(refund(agent));
    let output = explain(&issuer, &token, &[]);
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for shown in [
        "✓",
        "✗",
        "403",
        "initiator_not_human",
        "actor_not_allowed",
        "chain_too_deep",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains(crate::mint::parts(&token)[2]), "the token is shown");
}

#[test]
fn explain_prints_the_status_of_the_answer() {
    let issuer = TokenIssuer::new();
    let untrusted = TokenIssuer::new();
    let valid = refund(json!({}));
    for (what, token, more, status) in [
        ("valid", issuer.token(valid.clone()), vec![], 200),
        ("forged", untrusted.token(valid.clone()), vec![], 401),
        (
            "of another audience",
            issuer.token(refund(json!({ "aud": ISSUER }))),
            vec![],
            401,
        ),
        (
            "expired at that time",
            issuer.token(valid.clone()),
            vec!["--at", "4102444800"],
            401,
        ),
        (
            "expired now, but not then",
            issuer.token(refund(json!({ "exp": 1_767_229_200, "iat": 1 }))),
            vec!["--at", "2026-01-01T00:00:00Z"],
            200,
        ),
        (
            "without scope",
            issuer.token(refund(json!({ "scope": "x" }))),
            vec![],
            403,
        ),
        ("not a token", "garbage".to_owned(), vec![], 401),
    ] {
        let mut all = vec!["--json"];
        all.extend(more);
        let output = explain(&issuer, &token, &all);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let printed: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
        // An allowed request gets the status of the upstream, which is unknown here.
        let expected = (status != 200).then_some(status);
        assert_eq!(printed["status"], json!(expected), "{what}: {text}");
        let code = if status == 200 { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{what}: {text}");
    }
    assert_ne!(AUDIENCE, ISSUER);
    assert!(now() > 1_767_229_200, "the clock of this machine");
}

#[test]
fn demo_runs_every_scenario_as_expected() {
    let output = run_to_end(&["demo", "--once", "--json"], "");
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let scenarios: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(scenarios.len() >= 29, "{} scenarios", scenarios.len());
    assert!(scenarios.iter().all(|scenario| scenario["ok"] == true));
}

#[test]
fn demo_stays_up_with_the_pages_that_it_names() {
    let mut process = Process::start(&["demo"]);
    let deadline = std::time::Instant::now() + 4 * crate::wire::DEADLINE;
    let text = loop {
        let text = process.stdout().join("\n");
        if text.contains("Decisions of the gates:") {
            break text;
        }
        assert!(std::time::Instant::now() < deadline && process.is_running(), "{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(text.contains("scenarios have the expected result"), "{text}");
    for path in ["/activity", "/consents", "/ciba", "/device"] {
        let line = text.lines().find(|line| line.contains(&format!("{path}   ")));
        let url = line
            .and_then(|line| line.split_whitespace().next())
            .expect("an address");
        let url = url::Url::parse(url).expect("a URL");
        let address = url.socket_addrs(|| None).expect("an address")[0];
        let page = crate::wire::answer(address, &request("GET", url.path(), &["Host: localhost"]));
        assert_eq!(page.status, 200, "{url}");
        let has_users = page.text().contains("code-of-alice");
        assert_eq!(has_users, path != "/device", "{}", page.text());
    }
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
}

/// Requests in flight are answered, no new connection is accepted, and the process exits with 0.
#[test]
fn sigterm_drains_requests_in_flight() {
    let mut deployment = Deployment::with_policy(crate::deployment::ROUTES);
    deployment.upstream.conduct(Conduct::Hold);
    let token = deployment.issuer.token(json!({}));
    let mut connection = Connection::open(deployment.gate.address).expect("a connection");
    let bytes = request("GET", "/orders/1", &[&bearer(&token)]);
    connection.send(&bytes).expect("sent");
    deployment.upstream.wait_for(1);
    deployment.gate.process.terminate();
    let (gate, admin) = (deployment.gate.address, deployment.gate.admin);
    deployment.wait_until("nothing new is accepted", || {
        std::net::TcpStream::connect(gate).is_err()
    });
    let ready = crate::wire::exchange(admin, &request("GET", "/readyz", &[]));
    assert!(
        !matches!(&ready, Outcome::Answered(answer) if answer.status == 200),
        "{ready:?}"
    );
    deployment.upstream.release();
    match connection.answer(crate::wire::AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => assert_eq!((answer.status, answer.text().as_str()), (200, "ok")),
        other => panic!("the request in flight was lost: {other:?}"),
    }
    let status = deployment.gate.process.wait();
    assert_eq!(status.code(), Some(0), "{status}");
}
