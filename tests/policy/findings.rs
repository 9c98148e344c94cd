//! What is found in a policy before it decides on anything: each flaw once, with its line and a help, and nothing in policies
//! that mean what they say.

use std::fs;
use std::path::{Path, PathBuf};

use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, AuthorizerBuilder, Policy, TrustedIssuer};
use serde_json::Value;

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::policy::flawed::FLAWED;
use crate::policy::flawed::Found::{Mistake, Warning};

fn builder(issuers: &[&str], policy: Policy) -> AuthorizerBuilder {
    let trusted = issuers.iter().map(|profile| {
        let issuer = TrustedIssuer::discover(&format!("https://{profile}.example")).expect("an issuer");
        let issuer = issuer.profile(profile.parse::<Profile>().expect("a preset"));
        issuer.prior_actors(PriorActors::Enforce)
    });
    let builder = Authorizer::builder().policy(policy).without_client_certificates();
    trusted.fold(builder, AuthorizerBuilder::issuer)
}

/// What is found in a policy: code or message, line, help.
fn found(text: &str, builder: impl Fn(Policy) -> AuthorizerBuilder) -> Vec<(String, u64, String)> {
    let policy = match Policy::from_yaml(text) {
        Ok(policy) => policy,
        Err(error) => {
            let mistakes = error.iter().map(|mistake| {
                let help = mistake.help().unwrap_or_default();
                (mistake.message().to_owned(), mistake.line(), help.to_owned())
            });
            return mistakes.collect();
        }
    };
    let own = policy.warnings().chain(policy.unforwarded_methods());
    let own = own.chain(policy.covered_spellings());
    let row = |warning: actgate::policy::PolicyDiagnostic<'_>| {
        let code = warning.code().unwrap_or("none").to_owned();
        (
            code,
            warning.line(),
            format!("{}; {}", warning.message(), warning.help().unwrap_or_default()),
        )
    };
    let mut found: Vec<_> = own.map(row).collect();
    found.extend(builder(policy).warnings().iter().map(row));
    found
}

#[test]
fn each_flaw_is_found_once_with_its_line_and_a_help() {
    let mut wrong = Vec::new();
    for flawed in FLAWED {
        let found = found(flawed.policy, |policy| builder(flawed.issuers, policy));
        let is_expected = match (&found[..], &flawed.found) {
            ([(code, line, help)], Warning(expected)) => {
                code == expected && *line == flawed.line && !help.ends_with("; ")
            }
            ([(message, line, help)], Mistake(part)) => {
                message.contains(part) && *line == flawed.line && !help.is_empty()
            }
            _ => false,
        };
        if !is_expected {
            wrong.push(format!(
                "{}\nexpected line {}, found {found:#?}\n",
                flawed.policy, flawed.line
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(FLAWED.len() >= 30);
}

#[test]
fn nothing_is_found_where_a_weaker_route_states_that_it_is_meant() {
    let text = "routes:
  - match: GET /orders/{id}
    initiator: { kind: human }
  - match: GET /orders/export
    scopes: [orders:export]
    weaker_than: GET /orders/{id}
";
    assert_eq!(found(text, |policy| builder(&["rfc9068"], policy)), []);
}

/// What the cases of an example say of its issuers.
#[derive(Default, serde::Deserialize)]
struct CasesFile {
    #[serde(default)]
    issuers: Vec<Value>,
    profile: Option<String>,
}

impl CasesFile {
    fn issuers(&self) -> impl Iterator<Item = TrustedIssuer> {
        let named = self.issuers.iter().map(|issuer| {
            let name = issuer.as_str().or(issuer["issuer"].as_str());
            name.expect("the name of an issuer").to_owned()
        });
        let profile = self.profile.as_deref().unwrap_or("rfc9068");
        named.chain([TestIssuer::ISSUER.to_owned()]).map(move |name| {
            let issuer = TrustedIssuer::discover(&name).expect("an issuer");
            let issuer = issuer.profile(profile.parse::<Profile>().expect("a preset"));
            issuer
                .prior_actors(PriorActors::Enforce)
                .chain_completeness(ChainCompleteness::Complete)
        })
    }
}

#[test]
fn nothing_is_found_in_the_policy_examples() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples");
    let mut count = 0;
    for folder in fs::read_dir(examples).expect("the examples") {
        let folder = folder.expect("a folder").path();
        let Ok(text) = fs::read_to_string(folder.join("policy.yaml")) else {
            continue;
        };
        let cases = fs::read_to_string(folder.join("cases.yaml")).expect("cases");
        let cases = actgate_yaml::read::<CasesFile>(&cases).value.unwrap_or_default();
        let found = found(&text, |policy| {
            cases
                .issuers()
                .fold(Authorizer::builder().policy(policy), AuthorizerBuilder::issuer)
        });
        assert_eq!(found, [], "{}", folder.display());
        count += 1;
    }
    assert!(count >= 60, "{count}");
}

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
