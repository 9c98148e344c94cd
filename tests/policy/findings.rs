//! What `actgate check` shows of the findings in a policy.

use std::fs;
use std::path::{Path, PathBuf};

use actgate::Policy;
use serde_json::Value;

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;

/// Every configuration below a folder.
fn configurations(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            configurations(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).expect("a file");
            if text.contains("\nissuers:") {
                found.push(path);
            }
        }
    }
}

/// The codes that `actgate check` finds in a configuration.
fn checked(file: &Path) -> Vec<String> {
    let output = run_to_end(&["check", "--json", "--config", &file.to_string_lossy()], "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["ok"], true, "{}: {report}", file.display());
    let warnings = report["warnings"].as_array().expect("a list");
    let codes = warnings.iter().filter_map(|warning| warning["code"].as_str());
    codes.map(str::to_owned).collect()
}

#[test]
fn nothing_is_found_in_the_examples_of_the_sidecar_and_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    configurations(&root.join("sidecar/examples"), &mut files);
    assert!(files.len() > 25, "{files:?}");
    for file in files {
        assert_eq!(checked(&file), [""; 0], "{}", file.display());
    }
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let blocks = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split_once("```"));
    let policies: Vec<&str> = blocks
        .map(|(block, _)| block)
        .filter(|block| block.contains("routes:"))
        .collect();
    assert!(!policies.is_empty());
    for text in policies {
        let policy = Policy::from_yaml_members(text).expect("a policy");
        let found: Vec<String> = policy.warnings().map(|warning| warning.to_string()).collect();
        assert_eq!(found, [""; 0]);
    }
}

#[test]
fn check_shows_a_finding_with_its_line() {
    let files = Files::new();
    let text = CONFIGURATION.replace("profile: rfc9068", "profile: kubernetes");
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--config", &path], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let expected = format!(
        "warning: {path}:16:16: no configured issuer can meet `initiator.kind` (`https://idp.example.com`: profile `kubernetes` proves no human)\n  \
         help: name what proves it with `kinds` of the issuer, or change the rule\n  16 |     initiator: {{ kind: human }}\n     |                ^\n"
    );
    assert!(text.contains(&expected), "{text}");
    assert_eq!(text.matches("`initiator.kind`").count(), 1, "{text}");
    let strict = run_to_end(&["check", "--strict", "--config", &path], "");
    assert_eq!(strict.status.code(), Some(78));
    let output = run_to_end(&["check", "--json", "--config", &path], "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["warnings"][0]["code"], "unprovable_rule", "{report}");
    assert_eq!(report["warnings"][0]["line"], 16);
}

#[test]
fn a_start_logs_each_finding_once() {
    let policy = "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
    scopes: [orders:export]
  - match: GET /{*rest}
    public: true
";
    let deployment = Deployment::with_policy(policy);
    let parts = [
        "`GET /orders/export` takes requests of",
        "`GET /{*rest}` also matches other spellings",
    ];
    deployment.wait_until("the findings are logged", || {
        let lines = deployment.gate.process.stderr();
        let count = |part: &str| {
            lines
                .iter()
                .filter(|line| line.contains("WARN") && line.contains(part))
                .count()
        };
        parts.iter().all(|part| count(part) == 1)
    });
}
