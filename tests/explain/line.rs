//! A line of the decision log in place of a token.

use std::process::Output;

use serde_json::{Value, json};

use super::report;
use crate::check::{Files, output_text};
use crate::deployment::gate::{Gate, run_to_end};
use crate::deployment::upstream::Upstream;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::wire;

pub const LOG: &str = "decision_log: { facts: true, claims: [tid], hash_key_file: log.key }";

const KEY: &str = "0123456789abcdef0123456789abcdef";

const ROUTES: &str = "
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
    claims: { tid: T1, region: eu-canary, roles: { contains: sre } }
    initiator: { kind: human, acr: phr }
    chain: { max_depth: 2 }
  - match: GET /level
    expression: 'claims.level > 3 && claims.tid == \"T1\"'
  - match: GET /page
    operation: { query: { page: '1' } }
  - match: POST /refunds
    operation: { json: { /amount: { max: 5 } } }
  - match: GET /tenant
    expression: '!(\"x-debug\" in request.headers) && request.headers[\"x-tenant\"] == \"t1\"'
  - match: GET /mixed
    claims: { tid: T1 }
    expression: 'claims.level > 3'
    chain: { max_depth: 1 }
    require: [later]
  - { match: GET /open, public: true }
requirements:
  later: { mode: shadow, expression: claims.level >= 5 }
";

/// A gate whose log has facts, and its configuration for explanations.
pub struct Logged {
    gate: Gate,
    pub issuer: TokenIssuer,
    files: Files,
    config: String,
    keys: String,
    _upstream: Upstream,
}

impl Logged {
    pub fn start(log: &str) -> Logged {
        Logged::with_routes(&format!("audience: {AUDIENCE}\n{log}\n{ROUTES}"))
    }

    /// With these lines in place of the audience, the log and the routes.
    pub fn with_routes(lines: &str) -> Logged {
        let (upstream, issuer) = (Upstream::start(), TokenIssuer::new());
        let configuration = format!(
            "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\nissuers:\n  - issuer: {ISSUER}\n    \
             jwks_file: keys.json\n    chain_completeness: complete\n    prior_actors: enforce\n{lines}\n",
            upstream.address()
        );
        let beside = [("keys.json", &*issuer.document()), ("log.key", KEY)];
        let gate = Gate::run_beside(&configuration, &beside);
        gate.wait_until_ready();
        let files = Files::new();
        files.write("log.key", KEY);
        let keys = files.write("keys.json", &issuer.document());
        Logged {
            config: files.write("actgate.yaml", &configuration),
            gate,
            issuer,
            files,
            keys,
            _upstream: upstream,
        }
    }

    /// Sends a request as the first one, and returns its line.
    pub fn line(&self, path: &str, token: &str, count: usize) -> Value {
        wire::get(self.gate.address, path, token);
        self.gate.decision_after(count)
    }

    /// Sends a request with a token, and returns its line.
    pub fn line_of(&self, request: &[u8], count: usize) -> Value {
        wire::answer(self.gate.address, request);
        self.gate.decision_after(count)
    }

    pub fn explain_line(&self, line: &str, further: &[&str]) -> Output {
        let mut arguments = vec!["explain", "--config", &self.config, "--log-line", "-"];
        arguments.extend(further);
        run_to_end(&arguments, line)
    }

    pub fn explain_token(&self, path: &str, token: &str, time: &Value) -> Value {
        let time = time.as_str().expect("a time");
        let arguments = [
            "explain",
            "--config",
            &self.config,
            "--jwks",
            &self.keys,
            "--path",
            path,
            "--at",
            time,
            "--json",
        ];
        report(&run_to_end(&arguments, token))
    }
}

/// A report without what the basis changes: the steps before the claims are those of a token that was verified before.
pub fn normal(mut report: Value) -> Value {
    for check in report["checks"].as_array_mut().expect("the checks") {
        let before = ["credential", "form", "issuer", "type", "key", "signature", "claims"];
        if before.iter().any(|step| check["rule"] == json!(step)) {
            for key in ["got", "expected"] {
                check[key].take();
            }
        }
    }
    for key in ["basis", "notes", "recorded"] {
        report[key].take();
    }
    report
}

#[test]
fn a_line_is_explained_as_the_token_that_it_came_from() {
    let logged = Logged::start(LOG);
    let act = json!({ "sub": "planner", "sub_profile": "ai_agent", "act": { "sub": "old" } });
    let met = json!({ "acr": "phr", "tid": "T1", "region": "eu-canary", "roles": ["sre"], "act": act });
    let with = |name: &str, value: Value| {
        let mut claims = met.clone();
        claims[name] = value;
        claims
    };
    for (count, (path, claims)) in [
        ("/orders/1", met.clone()),
        ("/orders/1", with("tid", json!("T2"))),
        ("/orders/1", with("scope", json!("other"))),
        ("/orders/1", with("acr", json!(7))),
        ("/orders/1", with("sub_profile", json!("service"))),
        ("/none", met.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        let token = logged.issuer.token(claims.clone());
        let line = logged.line(path, &token, count);
        let of_token = logged.explain_token(path, &token, &line["time"]);
        let of_line = report(&logged.explain_line(&line.to_string(), &["--json"]));
        assert_eq!(of_line["basis"], json!("log_line"));
        assert_eq!(of_line["decision"], line["decision"], "{of_line}");
        assert_eq!(of_line["recorded"]["agrees"], json!(true), "{of_line}");
        assert_eq!(normal(of_line), normal(of_token), "{path} {claims}");
    }
}

#[test]
fn a_line_has_no_token_and_no_value_of_a_claim_that_is_not_listed() {
    let logged = Logged::start(LOG);
    let claims = json!({ "acr": "phr", "tid": "T1", "region": "ap-secret", "roles": ["secret-role"], "level": 4711, "other": "secret" });
    let token = logged.issuer.token(claims);
    let line = logged.line("/orders/1", &token, 0);
    let facts = &line["facts"];
    assert_eq!(facts["claims"]["tid"], json!({ "value": "T1" }), "{line}");
    assert!(facts["claims"]["region"]["text"].is_string(), "{line}");
    assert!(facts["claims"]["roles"]["list"][0]["text"].is_string(), "{line}");
    let text = line.to_string();
    let signature = token.rsplit('.').next().expect("a signature");
    for secret in ["secret", "4711", "other", signature] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let denied = report(&logged.explain_line(&text, &["--json"]));
    assert_eq!(
        (&denied["decision"], &denied["code"]),
        (&json!("deny"), &json!("claim_not_met"))
    );
    let expired = logged.line("/orders/1", &logged.issuer.token(json!({ "exp": 7 })), 1);
    assert_eq!(expired.get("facts"), None, "{expired}");
    let public = logged.line("/open", &token, 2);
    assert_eq!(public.get("facts"), None, "{public}");
}

#[test]
fn hashes_of_another_key_are_not_compared() {
    let logged = Logged::start("decision_log: { facts: true, claims: [tid] }");
    let claims = json!({ "acr": "phr", "tid": "T1", "region": "eu-canary", "roles": ["sre"] });
    let line = logged.line("/orders/1", &logged.issuer.token(claims), 0).to_string();
    let found = report(&logged.explain_line(&line, &["--json"]));
    assert_eq!(found["decision"], json!("unknown"), "{found}");
    let note = "the hashes in the line are of another key than this configuration has: none is compared";
    assert!(
        found["notes"].as_array().expect("notes").contains(&json!(note)),
        "{found}"
    );
}

#[test]
fn a_line_is_chosen_by_its_id_and_one_without_facts_says_so() {
    let logged = Logged::start("");
    let token = logged.issuer.token(json!({}));
    let lines: Vec<Value> = (0..2).map(|count| logged.line("/orders/1", &token, count)).collect();
    assert!(lines.iter().all(|line| line.get("facts").is_none()));
    let log = format!("{}\n{}\n", lines[0], lines[1]);
    let file = logged.files.write("decisions.log", &log);
    let explain = |further: &[&str]| {
        let mut arguments = vec!["explain", "--config", &logged.config, "--log-line", &file];
        arguments.extend(further);
        let output = run_to_end(&arguments, "");
        (output.status.code(), output_text(&output))
    };
    let id = lines[1]["id"].as_str().expect("an id");
    for (further, code, message) in [
        (&[][..], 1, "there are several lines: name one with `--id ID`"),
        (
            &["--id", id],
            1,
            "the line has no `facts`, but the decision `deny claim_not_met",
        ),
        (
            &["--id", "019b0000-0000-7000-8000-000000000001"],
            1,
            "no line has the id",
        ),
        (&["--id", "x"], 2, "invalid value"),
        (&["--claims", "-"], 2, "cannot be used with"),
    ] {
        let (found, text) = explain(further);
        assert_eq!(found, Some(code), "{text}");
        assert!(text.contains(message), "{message}: {text}");
    }
}

#[test]
fn check_warns_of_rules_that_a_line_does_not_decide() {
    let files = Files::new();
    files.write("log.key", KEY);
    let warnings = |log: &str| {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n    \
             chain_completeness: complete\n    prior_actors: enforce\n{log}\n{ROUTES}"
        );
        let config = files.write("actgate.yaml", &text);
        output_text(&run_to_end(&["check", "--config", &config], ""))
    };
    let found = warnings(LOG);
    assert!(
        found.contains("the claim `level` as a hash") && found.contains("add `level` to `claims` of `decision_log`"),
        "{found}"
    );
    assert!(
        !found.contains("`region` as a hash") && !found.contains("`tid` as a hash"),
        "{found}"
    );
    let found = warnings("decision_log: { facts: true, claims: [tid, level, never] }");
    assert!(
        found.contains("`region` as a hash") && found.contains("or write `hash_key_file: FILE`"),
        "{found}"
    );
    assert!(found.contains("no rule reads the claim `never`"), "{found}");
}
