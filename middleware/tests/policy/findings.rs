//! What is found in a policy before it decides on anything: each flaw once, with its line and a help, and nothing in policies
//! that mean what they say.

use std::fs;
use std::path::Path;

use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, AuthorizerBuilder, Policy, TrustedIssuer};
use serde_json::Value;

use super::flawed::FLAWED;
use super::flawed::Found::{Mistake, Warning};

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
