//! Files and command lines that cannot be used: each mistake with its place and what to write.

use std::fs;
use std::path::Path;

use super::{CASES, folder, run};

#[test]
fn every_mistake_of_the_files_is_shown_with_its_line() {
    let (files, folder) = folder(&CASES);
    files.write("cases.yaml", "cases:\n  - { name: a, request: GET /, expct: allow, token: { preset: keyclok } }\n  - { name: b, request: GET, expect: alow }\n");
    files.write("policy.yaml", "routes: [{ match: GET /, scope: [a] }]\n");
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 78);
    for expected in [
        "cases.yaml:2:32: unknown key `expct`\n  help: did you mean `expect`?\n  2 |   - { name: a, request: GET /, expct: allow",
        "\n    |                                ^\n",
        "cases.yaml:3:38: unknown word `alow`\n  help: did you mean `allow`?",
        "policy.yaml:1:26: unknown key `scope`\n  help: did you mean `scopes`?",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    let (code, text) = run(&["--json", &folder]);
    assert_eq!(code, 78);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(report["ok"], false);
    assert_eq!(report["diagnostics"].as_array().map(Vec::len), Some(3), "{report}");
}

#[test]
fn a_command_line_that_cannot_be_used_exits_with_2() {
    let (files, folder) = folder(&CASES);
    let empty = files.write("empty.txt", "");
    let policy = format!("{folder}/policy.yaml");
    for arguments in [
        &[&*policy][..],
        &[&empty],
        &["/no/such/folder"],
        &["--cases", &policy],
        &["--config", &policy],
        &["--config", &policy, "--cases", &policy, &folder],
        &["--min-coverage", "101", &folder],
        &["--min-coverage", "1", "--case", "a", &folder],
    ] {
        let (code, text) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
    }
    let (code, text) = run(&["--help"]);
    assert_eq!(code, 0);
    for line in ["  1   one is not, or", "  78  a policy,", "--min-coverage <PERCENT>"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_policy_without_a_route_is_a_mistake() {
    let (files, folder) = folder(&["{ name: a, request: GET /, expect: { deny: no_route } }"]);
    for text in ["", "routes: []\n"] {
        files.write("policy.yaml", text);
        let (code, text) = run(&[&folder]);
        assert!(code == 78 && text.contains("there is no route"), "{text}");
    }
}

#[test]
fn a_decision_in_another_form_has_the_form_to_write_as_help() {
    for (written, message, help) in [
        (
            "deny",
            "unknown word `deny`",
            "write `allow`, or `{ deny: initiator_not_human }`",
        ),
        (
            "chain_too_deep",
            "unknown word `chain_too_deep`",
            "write `allow`, or `{ deny: chain_too_deep }`",
        ),
        (
            "403",
            "expected `allow`, or a mapping with `deny`",
            "write `allow`, or `{ deny: CODE }`",
        ),
        (
            "{ deny: invalid_token }",
            "`invalid_token` is no code of a denial",
            "such as `invalid_claim`",
        ),
        (
            "{ deny: insufficient_user_authentication }",
            "is no code of a denial",
            "write `auth_too_old` or `acr_not_met`",
        ),
        (
            "allow, at: '1767225600'",
            "is no time since 1970",
            "write it as `2026-01-01T00:00:00Z`",
        ),
        (
            "allow, at: 1767225600",
            "`1767225600` is no time since 1970",
            "write it as `2026-01-01T00:00:00Z`",
        ),
        (
            "allow, at: [1]",
            "expected a time",
            "write it as in `2026-01-01T12:00:00Z`",
        ),
        (
            "{ deny: 403 }",
            "expected a code, not a number",
            "write `{ deny: CODE }`; a status is beside it: `{ deny: CODE, status: 403 }`",
        ),
        (
            "allow, token: { preset: keycloak, fixture: humn }",
            "`humn`",
            "did you mean `human`?",
        ),
    ] {
        let (_files, folder) = folder(&[&format!("{{ name: a, request: GET /health, expect: {written} }}")]);
        let (code, text) = run(&[&folder]);
        assert!(
            code == 78 && text.contains(message) && text.contains(help),
            "{written}: {text}"
        );
    }
}

#[test]
fn a_folder_with_one_of_the_two_files_is_a_mistake() {
    let (files, folder) = folder(&CASES);
    let path = Path::new(&folder);
    fs::create_dir(path.join("b")).unwrap();
    fs::copy(path.join("policy.yaml"), path.join("b/policy.yaml")).unwrap();
    fs::create_dir(path.join("a")).unwrap();
    for name in ["policy.yaml", "cases.yaml"] {
        fs::rename(path.join(name), path.join("a").join(name)).unwrap();
    }
    let (code, text) = run(&[&folder]);
    assert!(code == 78 && text.contains("b/cases.yaml"), "{text}");
    drop(files);
}
