//! The command line: `check`, `explain`, `demo`, usage errors, and the end of `run`.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::deployment::upstream::Conduct;
use crate::mint::{AUDIENCE, Authority, ISSUER, chain, now};
use crate::wire::{Connection, Outcome, bearer, request};

const CONFIGURATION: &str = r#"listen: 127.0.0.1:0
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

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path.to_string_lossy().into_owned()
    }
}

fn told(output: &Output) -> String {
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

#[test]
fn usage_errors() {
    for arguments in [
        vec![],
        vec!["rnu"],
        vec!["run", "--confg", "x"],
        vec!["explain"],
        vec!["check", "a", "b"],
    ] {
        let output = run_to_end(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", told(&output));
    }
    for arguments in [["--version"], ["--help"]] {
        let output = run_to_end(&arguments, "");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(told(&output).contains("actgate"));
    }
}

fn explain(authority: &Authority, token: &str, more: &[&str]) -> Output {
    let files = Files::new();
    let configuration = files.write("actgate.yaml", CONFIGURATION);
    let keys = files.write("keys.json", &authority.document());
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
fn explain_draws_the_chain_and_every_check() {
    let authority = Authority::new();
    let token = authority.token(refund(json!({})));
    let output = explain(&authority, &token, &[]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for drawn in [
        "alice-canary",
        "refund-agent",
        "orch",
        "✓",
        "allowed",
        "human-must-initiate.initiator.kind",
        "actor.one_of",
        "chain.max_depth",
    ] {
        assert!(text.contains(drawn), "{drawn} in {text}");
    }
    assert!(!text.contains('✗'), "{text}");
    let agent = json!({ "sub": "bot", "sub_profile": "ai_agent", "act": chain(&["c", "b", "refund-agent"]) });
    let token = authority.token(refund(agent));
    let output = explain(&authority, &token, &[]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for drawn in [
        "✓",
        "✗",
        "403",
        "initiator_not_human",
        "actor_not_allowed",
        "chain_too_deep",
    ] {
        assert!(text.contains(drawn), "{drawn} in {text}");
    }
    assert!(!text.contains(crate::mint::parts(&token)[2]), "the token is shown");
}

#[test]
fn explain_says_what_the_caller_would_get() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let good = refund(json!({}));
    for (what, token, more, status) in [
        ("good", authority.token(good.clone()), vec![], 200),
        ("forged", stranger.token(good.clone()), vec![], 401),
        (
            "of another audience",
            authority.token(refund(json!({ "aud": ISSUER }))),
            vec![],
            401,
        ),
        (
            "expired by then",
            authority.token(good.clone()),
            vec!["--at", "4102444800"],
            401,
        ),
        (
            "past, but good then",
            authority.token(refund(json!({ "exp": 1_767_229_200, "iat": 1 }))),
            vec!["--at", "2026-01-01T00:00:00Z"],
            200,
        ),
        (
            "without scope",
            authority.token(refund(json!({ "scope": "x" }))),
            vec![],
            403,
        ),
        ("no token at all", "garbage".to_owned(), vec![], 401),
    ] {
        let mut all = vec!["--json"];
        all.extend(more);
        let output = explain(&authority, &token, &all);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
        // What passes gets the status of the service behind the gate, which nobody can know beforehand.
        let expected = (status != 200).then_some(status);
        assert_eq!(told["status"], json!(expected), "{what}: {text}");
        let code = if status == 200 { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{what}: {text}");
    }
    assert_ne!(AUDIENCE, ISSUER);
    assert!(now() > 1_767_229_200, "the clock of this machine");
}

#[test]
fn demo_plays_every_scenario_as_expected() {
    let output = run_to_end(&["demo", "--once", "--json"], "");
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let scenarios: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert!(scenarios.len() >= 12, "{} scenarios", scenarios.len());
    assert!(scenarios.iter().all(Value::is_object));
}

/// What is in flight when the signal comes is answered; nothing new is taken; the process ends well.
#[test]
fn sigterm_drains() {
    let mut deployment = Deployment::with_policy(crate::deployment::ROUTES);
    deployment.upstream.conduct(Conduct::Hold);
    let token = deployment.authority.token(json!({}));
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
