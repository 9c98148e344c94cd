//! `actgate check`: an unsafe configuration is an error with file, line, column and help.

use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::gate::{Process, run_to_end};

/// A valid configuration.
pub const CONFIGURATION: &str = r#"listen: 127.0.0.1:0
upstream: http://127.0.0.1:9
admin: 127.0.0.1:0
audience: https://orders.example.com
leeway: 30s
issuers:
  - issuer: https://idp.example.com
    algorithms: [ES256, RS256]
    profile: rfc9068
    chain_completeness: complete
    prior_actors: enforce
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

/// The files of one test, in a temporary folder.
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

/// Standard output and standard error.
pub fn output_text(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).expect("UTF-8")
}

/// The mistakes without the lines of the file, each of which has a mark below.
pub fn without_excerpts(text: &str) -> String {
    let is_of_file = |line: &&str| {
        let (number, rest) = line
            .trim_start()
            .split_at(line.trim_start().find('|').unwrap_or_default());
        rest.starts_with('|') && number.trim_end().bytes().all(|byte| byte.is_ascii_digit())
    };
    let lines = text.lines().filter(|line| !is_of_file(line));
    lines.map(|line| format!("{line}\n")).collect()
}

fn check(text: &str) -> (i32, String, String) {
    let files = Files::new();
    let path = files.write("actgate.yaml", text);
    let output = run_to_end(&["check", "--config", &path], "");
    let code = output.status.code().expect("an exit code");
    (code, output_text(&output), path)
}

/// The line and the column at which `needle` begins.
pub fn place(text: &str, needle: &str) -> (usize, usize) {
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
fn a_valid_configuration_exits_with_0() {
    let (code, text, _) = check(CONFIGURATION);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn an_unknown_key_is_reported_with_its_place_and_the_nearest_key() {
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
        let (code, text, path) = check(&broken);
        assert_eq!(code, 78, "{wrong}: {text}");
        let (line, column) = place(&broken, key);
        assert!(
            text.contains(&format!("{path}:{line}:{column}:")),
            "{line}:{column} in {text}"
        );
        assert!(text.contains(&format!("`{key}`")), "{key} in {text}");
        assert!(text.contains(&format!("`{nearest}`")), "{nearest} in {text}");
    }
}

#[test]
fn each_mistake_is_shown_in_its_line_with_a_caret() {
    let text = CONFIGURATION
        .replace("kind: human", "kidn: human")
        .replace("leeway: 30s", "leeway: 61s");
    let (code, shown, path) = check(&text);
    let expected = format!(
        "{path}:5:9: the leeway is too long
  help: write at most 60s
  5 | leeway: 61s
    |         ^
{path}:16:18: unknown key `kidn`
  help: did you mean `kind`?
  16 |     initiator: {{ kidn: human }}
     |                  ^
"
    );
    assert_eq!((code, &*shown), (78, &*expected));
    // A log has the mistakes alone: a line of the file may hold what is in no log.
    let files = Files::new();
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["run", "--config", &path], "");
    assert!(!output_text(&output).contains('^'), "{}", output_text(&output));
    let output = run_to_end(&["check", "--log-format", "json", "--config", &path], "");
    assert!(!output_text(&output).contains('^'), "{}", output_text(&output));
}

#[test]
fn run_and_check_exit_with_78_for_invalid_files() {
    let files = Files::new();
    let path = files.write("actgate.yaml", &CONFIGURATION.replace("listen:", "listne:"));
    let output = run_to_end(&["run", "--config", &path], "");
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
    let output = run_to_end(&["run", "--config", &files.write("empty.yaml", "")], "");
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
    let missing = files.folder.path().join("missing.yaml");
    let output = run_to_end(&["check", "--config", &missing.to_string_lossy()], "");
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
}

#[test]
fn a_policy_file_is_checked_with_places_of_its_own() {
    let files = Files::new();
    let at = CONFIGURATION.find("requirements:").expect("the policy");
    let (rest, policy) = CONFIGURATION.split_at(at);
    let configuration = format!("{rest}policy: policy.yaml\n");
    let path = files.write("actgate.yaml", &configuration);
    files.write("policy.yaml", policy);
    let output = run_to_end(&["check", "--config", &path], "");
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let broken = policy.replace("max_depth", "max_deep");
    let file = files.write("policy.yaml", &broken);
    let output = run_to_end(&["check", "--config", &path], "");
    let (line, column) = place(&broken, "max_deep");
    assert_eq!(output.status.code(), Some(78));
    let text = output_text(&output);
    assert!(text.contains(&format!("{file}:{line}:{column}:")), "{text}");
}

/// A requirement without use, and a catch-all beside a stricter route.
const WITH_WARNINGS: &str = r#"  fresh: { initiator: { max_auth_age: 5m } }
routes:
  - match: "* /{*rest}"
    scopes: [files:read]
"#;

#[test]
fn a_policy_alone_is_one_mistake() {
    for (text, place) in [
        ("routes:\n  - match: GET /\n", "2:3"),
        (
            "requirements:\n  human: { initiator: { kind: human } }\nroutes: [{ match: GET / }]\n",
            "2:3",
        ),
    ] {
        let (code, output, path) = check(text);
        let expected = format!(
            "{path}:{place}: this is a policy, and no configuration\n\
             \x20 help: name its file with `policy:` in a configuration; `actgate --help` shows a short one\n"
        );
        assert_eq!((code, &*without_excerpts(&output)), (78, &*expected));
    }
    let (_, output, _) = check("listen: 127.0.0.1:0\nroutes: [{ match: GET / }]\n");
    assert!(output.contains("the key `upstream` is missing"), "{output}");
}

#[test]
fn what_has_no_effect_or_covers_more_is_a_warning() {
    let text = CONFIGURATION.replace("routes:\n", WITH_WARNINGS);
    let (code, text_out, path) = check(&text);
    assert_eq!(code, 0, "{text_out}");
    let unused = format!("warning: {path}:17:10: no route requires `fresh`\n  help: add `require: [fresh]` to a route");
    let covers = format!("warning: {path}:19:12: `* /{{*rest}}` also matches other spellings of `POST /refunds`");
    assert!(text_out.contains(&unused) && text_out.contains(&covers), "{text_out}");
    assert!(
        text_out.contains("help: such requests are denied with 400; write `spelling: exact` if the API"),
        "{text_out}"
    );
    let exact = text.replace("requirements:", "spelling: exact\nrequirements:");
    let (_, text_out, _) = check(&exact);
    assert!(
        text_out.contains("  spelling  exact: the API distinguishes every spelling of a path and reads no `_method`"),
        "{text_out}"
    );
    assert!(!text_out.contains("other spellings"), "{text_out}");
    let (_, text_out, _) = check(CONFIGURATION);
    assert!(
        !text_out.contains("warning") && !text_out.contains("spelling"),
        "{text_out}"
    );

    let files = Files::new();
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--json", "--config", &path], "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    assert_eq!(report["warnings"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(report["warnings"][0]["line"], 17, "{report}");
    assert_eq!(report["spelling"], "folded", "{report}");
}

/// `TRACE` and `CONNECT` are 501 whatever their route.
const UNFORWARDED: &str = r#"routes:
  - match: ["GET,TRACE /x", "CONNECT /y"]
    public: true
"#;

#[test]
fn a_route_on_a_method_that_is_not_forwarded_is_a_warning() {
    let text = CONFIGURATION.replace("routes:\n", UNFORWARDED);
    let (code, printed, _) = check(&text);
    assert_eq!(code, 0, "{printed}");
    for warning in [
        "no request with `TRACE` reaches `GET,TRACE /x`: `actgate run` answers 501\n  help: remove the method from `match`",
        "no request with `CONNECT` reaches `CONNECT /y`: `actgate run` answers 501",
    ] {
        assert!(printed.contains(warning), "{printed}");
    }
    let files = Files::new();
    let path = files.write("actgate.yaml", &text);
    let mut gate = Process::start(&["run", "--config", &path]);
    gate.address("listening on");
    gate.wait_for_line(&["WARN", "no request with `TRACE` reaches"]);
}

#[test]
fn warnings_are_bounded_in_number_and_length() {
    let mut requirements = String::new();
    for number in 0..103 {
        requirements += &format!("  unused-{number}: {{ scopes: [a] }}\n");
    }
    let text = CONFIGURATION.replace("routes:\n", &format!("{requirements}routes:\n"));
    let (code, printed, _) = check(&text);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(printed.matches("warning: ").count(), 100);
    assert!(printed.ends_with("and 3 more warnings\n"), "{printed}");

    let long = "a".repeat(5000);
    let text = CONFIGURATION.replace(
        "routes:\n",
        &format!("routes:\n  - {{ match: TRACE /{long}, public: true }}\n"),
    );
    let (_, printed, _) = check(&text);
    let route = format!("`TRACE /{}…`", "a".repeat(200 - "TRACE /".len()));
    assert!(printed.contains(&route) && !printed.contains(&long), "{printed}");
}

#[test]
fn what_has_no_effect_is_logged_at_start() {
    let files = Files::new();
    let path = files.write("actgate.yaml", &CONFIGURATION.replace("routes:\n", WITH_WARNINGS));
    let mut gate = Process::start(&["run", "--config", &path]);
    gate.address("listening on");
    gate.wait_for_line(&["WARN", "17:10: no route requires `fresh`"]);
}

/// An issuer whose tokens are in a header, in place of the issuer of the configuration.
const PROXIED: &str = "  - issuer: https://team.cloudflareaccess.com
    jwks_uri: https://team.cloudflareaccess.com/cdn-cgi/access/certs
    audience: [aud-1, aud-2]
    profile: cloudflare-access
    header: Cf-Access-Jwt-Assertion
    claims: { type: [app, 7], flag: true }
    agent_clients: [robot-1, robot-2]
    kinds: { service: [{ claims: { common_name: { present: true } } }] }
  - issuer: https://idp.example.com
";

#[test]
fn each_issuer_is_shown_with_what_its_tokens_must_have() {
    let files = Files::new();
    let path = files.write(
        "actgate.yaml",
        &CONFIGURATION
            .replace("  - issuer: https://idp.example.com\n", PROXIED)
            .replace("    chain: { max_depth: 2 }\n", ""),
    );
    let printed = output_text(&run_to_end(&["check", "--config", &path], ""));
    let expected =
        "  issuer    https://team.cloudflareaccess.com (keys: https://team.cloudflareaccess.com/cdn-cgi/access/certs; \
                    audience: aud-1, aud-2)
            profile: cloudflare-access
            header: cf-access-jwt-assertion
            claims: flag is true
            claims: type is \"app\" or 7
            agent_clients: robot-1, robot-2
            kinds: added to those of the profile
  issuer    https://idp.example.com (keys: by discovery)
            profile: rfc9068
  policy ";
    assert!(printed.contains(expected), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
    let output = run_to_end(&["check", "--json", "--config", &path], "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    assert_eq!(
        report["issuers"],
        serde_json::json!([
            {
                "issuer": "https://team.cloudflareaccess.com",
                "jwks_uri": "https://team.cloudflareaccess.com/cdn-cgi/access/certs",
                "audience": ["aud-1", "aud-2"],
                "profile": "cloudflare-access",
                "header": "cf-access-jwt-assertion",
                "claims": { "flag": [true], "type": ["app", 7] },
                "agent_clients": ["robot-1", "robot-2"],
                "kinds": "added"
            },
            { "issuer": "https://idp.example.com", "profile": "rfc9068" }
        ])
    );
}

#[test]
fn a_preset_without_its_header_is_a_warning_of_check_and_of_the_start() {
    let files = Files::new();
    let path = files.write("actgate.yaml", &CONFIGURATION.replace("rfc9068", "cloudflare-access"));
    let message = format!(
        "{path}:9:14: tokens of this issuer are read from `Authorization`, where Cloudflare Access writes none"
    );
    let help = "write `header: Cf-Access-Jwt-Assertion` in this entry";
    let printed = output_text(&run_to_end(&["check", "--config", &path], ""));
    assert!(
        printed.contains(&format!("warning: {message}\n  help: {help}\n")),
        "{printed}"
    );
    let mut gate = Process::start(&["run", "--config", &path]);
    gate.address("listening on");
    gate.wait_for_line(&["WARN", &format!("{message}; {help}")]);
}
