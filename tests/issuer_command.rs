//! The command line of `actgate issuer`.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::check::output_text;
use crate::deployment::bundled_issuer::claims;
use crate::deployment::gate::{Process, run_to_end};
use crate::wire::DEADLINE;

const LAST_LINE: &str = "    - issuer: ";

/// A running issuer, and what it printed on standard output.
fn start(arguments: &[&str]) -> (Process, Vec<String>) {
    let mut process = Process::start(&[&["issuer"], arguments].concat());
    process.address("actgate: issuer on ");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let lines = process.stdout();
        if lines.iter().any(|line| line.starts_with(LAST_LINE)) {
            return (process, lines);
        }
        assert!(Instant::now() < deadline, "{lines:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_printed_commands_get_tokens() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "the printed commands need curl");
        eprintln!("skipped: the printed commands need curl");
        return;
    }
    let (_process, lines) = start(&["--listen", "127.0.0.1:0", "--token-lifetime", "2m"]);
    let commands = lines.iter().take_while(|line| !line.starts_with("A gate"));
    let commands: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")).collect();
    let output = Command::new("sh").args(["-c", &commands.join("\n")]).output();
    let output = String::from_utf8(output.expect("sh runs").stdout).expect("UTF-8");
    let [agent, user, delegated, code] = &output.lines().collect::<Vec<_>>()[..] else {
        panic!("not four lines: {output}");
    };
    let token_of = |response: &str| {
        let response: Value = serde_json::from_str(response).unwrap_or_else(|_| panic!("{response}"));
        // The delegated token expires with the subject token, which is some seconds old.
        let lifetime = response["expires_in"].as_u64().unwrap_or_default();
        assert!((60..=120).contains(&lifetime), "{lifetime}");
        claims(
            response["access_token"]
                .as_str()
                .unwrap_or_else(|| panic!("{response}")),
        )
    };
    assert!(
        code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()),
        "{code}"
    );
    assert_eq!(token_of(agent)["sub"], "warehouse");
    assert_eq!(claims(user)["sub"], "alice");
    let delegated = token_of(delegated);
    assert_eq!(
        (&delegated["sub"], &delegated["act"]["sub"]),
        (&"alice".into(), &"assistant".into())
    );
}

#[test]
fn a_network_address_must_be_allowed_and_is_warned_of() {
    let denied = run_to_end(&["issuer", "--listen", "0.0.0.0:0"], "");
    let text = output_text(&denied);
    assert_eq!(denied.status.code(), Some(2), "{text}");
    assert!(
        text.contains("is not a loopback address") && text.contains("--expose-to-network"),
        "{text}"
    );
    let arguments = [
        "--listen",
        "0.0.0.0:0",
        "--expose-to-network",
        "--issuer",
        "http://issuer.test",
    ];
    let (process, lines) = start(&arguments);
    let errors = process.stderr().join("\n");
    assert!(
        errors.contains("warning: 0.0.0.0:") && errors.contains("can obtain tokens"),
        "{errors}"
    );
    assert_eq!(lines[0], "issuer     http://issuer.test");
    assert!(lines[1].starts_with("metadata   http://127.0.0.1:"), "{}", lines[1]);
}

#[test]
fn the_help_documents_the_registry() {
    let text = output_text(&run_to_end(&["issuer", "--help"], ""));
    for documented in [
        "--expose-to-network",
        "resources:",
        "users:",
        "clients:",
        "may_act_for:",
        "own_token:",
    ] {
        assert!(text.contains(documented), "{documented} in {text}");
    }
}
