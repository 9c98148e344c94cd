//! `check`: a configuration that would leave a hole is refused, with file, line and mend.

use std::process::Output;

use tempfile::TempDir;

use crate::deployment::gate::run_to_end;

/// A configuration without mistakes that can be checked anywhere.
pub const CONFIGURATION: &str = r#"listen: 127.0.0.1:0
upstream: http://127.0.0.1:9
admin: 127.0.0.1:0
audience: https://orders.example.com
leeway: 30s
issuers:
  - issuer: https://idp.example.com
    algorithms: [ES256, RS256]
    profile: rfc9068
    chain: complete
    prior_actors: restrict
    keys: { refresh: 10m, cooldown: 10s, timeout: 5s, max_stale: 24h }
identity_headers: { subject: x-auth-subject }
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:
  - match: GET /health
    public: true
  - match: POST /refunds
    scopes: [refunds:write]
    require: [human-must-initiate]
    actor: { one_of: [refund-agent] }
    chain: { max_depth: 2 }
"#;

/// Files of one test, in a folder of its own.
pub struct Files {
    folder: TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path.to_string_lossy().into_owned()
    }
}

/// Everything that the program said.
pub fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).expect("UTF-8")
}

fn check(text: &str) -> (i32, String, String) {
    let files = Files::new();
    let path = files.write("actgate.yaml", text);
    let output = run_to_end(&["check", "--config", &path], "");
    let code = output.status.code().expect("an exit code");
    (code, told(&output), path)
}

/// The line and the column at which `needle` begins.
fn place(text: &str, needle: &str) -> (usize, usize) {
    let offset = text.find(needle).expect("the needle");
    let line = text[..offset].lines().count().max(1);
    let column = offset - text[..offset].rfind('\n').map_or(0, |at| at + 1) + 1;
    let line = match text[..offset].ends_with('\n') {
        true => line + 1,
        false => line,
    };
    (line, column)
}

#[test]
fn check_of_a_good_file() {
    let (code, told, _) = check(CONFIGURATION);
    assert_eq!(code, 0, "{told}");
}

#[test]
fn check_names_file_line_column_key_and_the_nearest_valid_one() {
    for (right, wrong, key, nearest) in [
        ("listen:", "listne:", "listne", "listen"),
        ("upstream:", "upsteam:", "upsteam", "upstream"),
        ("    algorithms:", "    algoritms:", "algoritms", "algorithms"),
        ("prior_actors:", "prior_actor:", "prior_actor", "prior_actors"),
        ("cooldown:", "cooldwon:", "cooldwon", "cooldown"),
        ("subject:", "subjekt:", "subjekt", "subject"),
        ("{ kind:", "{ kidn:", "kidn", "kind"),
        ("match: GET", "mtach: GET", "mtach", "match"),
        ("scopes:", "scope:", "scope", "scopes"),
        ("one_of:", "oneof:", "oneof", "one_of"),
        ("max_depth:", "max_dept:", "max_dept", "max_depth"),
        ("public:", "publik:", "publik", "public"),
    ] {
        let broken = CONFIGURATION.replacen(right, wrong, 1);
        let (code, told, path) = check(&broken);
        assert_eq!(code, 78, "{wrong}: {told}");
        let (line, column) = place(&broken, key);
        assert!(
            told.contains(&format!("{path}:{line}:{column}:")),
            "{line}:{column} in {told}"
        );
        assert!(told.contains(&format!("`{key}`")), "{key} in {told}");
        assert!(told.contains(&format!("`{nearest}`")), "{nearest} in {told}");
    }
}

#[test]
fn check_refuses_what_would_leave_a_hole() {
    let (_, routes) = CONFIGURATION.split_at(CONFIGURATION.find("routes:").expect("the routes"));
    for (what, right, wrong) in [
        ("a leeway above 60 s", "leeway: 30s", "leeway: 61s"),
        ("no audience", "audience: https://orders.example.com\n", ""),
        (
            "an empty audience",
            "audience: https://orders.example.com",
            "audience: ''",
        ),
        ("no issuer", "issuers:", "issuers: []\nx:"),
        ("a symmetric algorithm", "[ES256, RS256]", "[ES256, HS256]"),
        ("the algorithm none", "[ES256, RS256]", "[none]"),
        ("an empty list of algorithms", "[ES256, RS256]", "[]"),
        ("an issuer over plain HTTP", "issuer: https://idp", "issuer: http://idp"),
        (
            "a requirement nobody defined",
            "require: [human-must-initiate]",
            "require: [human-must-begin]",
        ),
        (
            "a history rule on a chain that may be cut",
            "chain: complete",
            "chain: outer-only",
        ),
        (
            "a history rule where prior actors are for audit",
            "prior_actors: restrict",
            "prior_actors: audit",
        ),
        ("a tie of routes", "GET /health", "POST /refunds"),
        (
            "a public route with demands",
            "public: true",
            "public: true\n    scopes: [a]",
        ),
        ("an empty list of actors", "[refund-agent]", "[]"),
        ("no route", routes, "routes: []\n"),
        ("an empty list of hosts", "leeway:", "hosts: []\nleeway:"),
        ("a pattern for a host", "leeway:", "hosts: ['*']\nleeway:"),
        (
            "an audience that no token has",
            "audience: https://orders.example.com",
            "audience: ' https://orders.example.com'",
        ),
        (
            "an admin listener for everybody",
            "admin: 127.0.0.1:0",
            "admin: 0.0.0.0:9901",
        ),
        (
            "an upstream that is the admin listener",
            "admin: 127.0.0.1:0",
            "admin: 127.0.0.1:9",
        ),
        (
            "an upstream that is the gate",
            "listen: 127.0.0.1:0",
            "listen: 0.0.0.0:9",
        ),
        ("port 0 upstream", "http://127.0.0.1:9", "http://127.0.0.1:0"),
        ("a decision log without a name", "leeway:", "decision_log: ''\nleeway:"),
        ("a decision log that is a folder", "leeway:", "decision_log: .\nleeway:"),
        (
            "a decision log in no folder",
            "leeway:",
            "decision_log: nowhere/decisions.log\nleeway:",
        ),
        (
            "a decision log into the configuration",
            "leeway:",
            "decision_log: actgate.yaml\nleeway:",
        ),
        ("the same key twice", "leeway: 30s", "leeway: 30s\nleeway: 10s"),
        (
            "identity headers that are Host",
            "subject: x-auth-subject",
            "subject: host",
        ),
        (
            "identity headers that are Authorization",
            "subject: x-auth-subject",
            "subject: authorization",
        ),
        (
            "an actor that is nobody",
            "actor: { one_of",
            "actor: { absent: true, one_of",
        ),
    ] {
        let broken = CONFIGURATION.replacen(right, wrong, 1);
        assert_ne!(broken, CONFIGURATION, "{what}");
        let (code, told, path) = check(&broken);
        assert_eq!(code, 78, "{what}: {told}");
        assert!(told.contains(&path), "{what}: {told}");
    }
}

#[test]
fn check_speaks_of_the_file_and_not_of_the_program() {
    for (right, wrong, told) in [
        ("leeway: 30s", "leeway:", "5:7: a value is missing here"),
        ("[ES256, RS256]", "ES256", "8:17: expected a list"),
        (
            "{ subject: x-auth-subject }",
            "x-auth-subject",
            "13:19: expected a mapping",
        ),
        ("public: true", "public: yes", "19:13: expected `true` or `false`"),
        ("max_depth: 2", "max_depth: two", "24:25: expected a whole number"),
        ("leeway: 30s", "leeway: soon", "5:9: `soon` is no duration"),
        (
            "requirements:",
            "---\nrequirements:",
            "15:1: there is more than one document",
        ),
        (
            "subject: x-auth-subject",
            "subject: x-a, kind: X_A",
            "13:30: `x-a` could be taken for `X_A`",
        ),
    ] {
        let broken = CONFIGURATION.replacen(right, wrong, 1);
        let (code, text, path) = check(&broken);
        assert_eq!(code, 78, "{wrong}: {text}");
        assert!(text.contains(&format!("{path}:{told}")), "{wrong}: {text}");
    }
}

#[test]
fn run_refuses_the_same_files() {
    let files = Files::new();
    let path = files.write("actgate.yaml", &CONFIGURATION.replace("listen:", "listne:"));
    let output = run_to_end(&["run", "--config", &path], "");
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
    let output = run_to_end(&["run", "--config", &files.write("empty.yaml", "")], "");
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
    let missing = files.folder.path().join("missing.yaml");
    let output = run_to_end(&["check", "--config", &missing.to_string_lossy()], "");
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
}

#[test]
fn check_reads_a_policy_of_its_own_file() {
    let files = Files::new();
    let at = CONFIGURATION.find("requirements:").expect("the policy");
    let (rest, policy) = CONFIGURATION.split_at(at);
    let configuration = format!("{rest}policy: policy.yaml\n");
    let path = files.write("actgate.yaml", &configuration);
    files.write("policy.yaml", policy);
    let output = run_to_end(&["check", "--config", &path], "");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let broken = policy.replace("max_depth", "max_deep");
    let file = files.write("policy.yaml", &broken);
    let output = run_to_end(&["check", "--config", &path], "");
    let (line, column) = place(&broken, "max_deep");
    assert_eq!(output.status.code(), Some(78));
    let told = told(&output);
    assert!(told.contains(&format!("{file}:{line}:{column}:")), "{told}");
}
