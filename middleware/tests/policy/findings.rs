//! What is found in a policy before it decides on anything: each flaw once, with its line and a help, and nothing in policies
//! that mean what they say.

use std::fs;
use std::path::Path;

use actgate::profile::{ChainCompleteness, Kinds, PriorActors, Profile};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, AuthorizerBuilder, Policy, TrustedIssuer};
use serde_json::Value;

use super::flawed::FLAWED;
use super::flawed::Found::{Mistake, Warning};
use super::flawed_claims::FLAWED_CLAIMS;
use super::flawed_parties::FLAWED_PARTIES;
use super::flawed_routes::FLAWED_ROUTES;

fn builder(issuers: &[&str], policy: Policy) -> AuthorizerBuilder {
    let trusted = issuers.iter().map(|profile| {
        let issuer = TrustedIssuer::discover(&format!("https://{profile}.example")).expect("an issuer");
        let issuer = issuer.profile(profile.parse::<Profile>().expect("a preset"));
        let issuer = issuer.audience("https://api.example").expect("an audience");
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
    let tables = [FLAWED, FLAWED_CLAIMS, FLAWED_PARTIES, FLAWED_ROUTES];
    let mut wrong = Vec::new();
    for flawed in tables.into_iter().flatten() {
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
    assert!(tables.iter().map(|table| table.len()).sum::<usize>() >= 60);
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
    let exact = format!("spelling: exact\n{text}");
    assert_eq!(found(&exact, |policy| builder(&["rfc9068"], policy)), []);
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

/// What is found in a policy for the issuers of these presets, as lines.
fn in_words(presets: &[&str], text: &str) -> Vec<String> {
    let found = found(text, |policy| builder(presets, policy).reads_bodies());
    let lines = found.into_iter().map(|(code, _, words)| format!("{code}: {words}"));
    lines.collect()
}

#[test]
fn a_finding_says_why() {
    const ACTORS: &str = "name the clients that are agents with `agent_clients` of the issuer, state its `chain_completeness` if it writes \
                          actors, or change the rule";
    const KINDS: &str = "name what proves it with `kinds` of the issuer, or change the rule";
    let human = "initiator: { kind: human }";
    let no_person = "profile `kubernetes` proves no human";
    for (presets, text, why, help) in [
        (
            &["kubernetes"][..],
            format!("requirements: {{ r: {{ {human} }} }}"),
            format!("`initiator.kind` (`https://kubernetes.example`: {no_person})"),
            KINDS,
        ),
        (
            &["kubernetes", "github-actions"],
            format!("routes: [{{ match: GET /, {human} }}]"),
            format!(
                "`initiator.kind` (`https://kubernetes.example`: {no_person}; `https://github-actions.example`: profile \
                 `github-actions` proves no human)"
            ),
            KINDS,
        ),
        (
            &["kubernetes", "github-actions"],
            "routes: [{ match: GET /, actor: { required: true } }]".to_owned(),
            "`actor.required` (each of them: its tokens have no actor)".to_owned(),
            ACTORS,
        ),
        (
            &["kubernetes"],
            "routes: [{ match: GET /, chain: { path: [a] } }]".to_owned(),
            "`chain.path` (`https://kubernetes.example`: its tokens have no actor)".to_owned(),
            ACTORS,
        ),
        (
            &["kubernetes"],
            "routes: [{ match: GET /, initiator: { amr: [mfa] } }]".to_owned(),
            "`initiator.amr` (`https://kubernetes.example`: profile `kubernetes` has no logins)".to_owned(),
            "add the issuer of the people who call the API, or change the rule",
        ),
    ] {
        let expected = format!("unprovable_rule: no configured issuer can meet {why}; {help}");
        assert_eq!(in_words(presets, &text), [expected], "{text}");
    }
    for (preset, rule) in [
        ("kubernetes", "chain: { max_depth: 1 }"),
        ("keycloak", "initiator: { amr: [mfa] }"),
    ] {
        let text = format!("routes: [{{ match: GET /, {rule} }}]");
        assert_eq!(in_words(&[preset], &text), [""; 0], "{text}");
    }
}

#[test]
fn a_rule_of_a_route_that_the_defaults_imply_has_no_effect() {
    let chain = r#"expression: 'chain.exists(a, a.subject == "x")'"#;
    let amount = |test: &str| format!("operation: {{ json: {{ /a: {test} }} }}");
    for (defaults, rule, is_implied) in [
        (
            "expression: claims.a == 1",
            "expression: claims.a == 1".to_owned(),
            true,
        ),
        (
            "expression: claims.a == 1",
            "expression: claims.a == 2".to_owned(),
            false,
        ),
        (chain, chain.to_owned(), true),
        (chain, chain.replace("\"x\"", "\"y\""), false),
        (&amount("{ min: 1, max: 5 }"), amount("{ min: 1, max: 5 }"), true),
        (&amount("{ min: 1, max: 5 }"), amount("{ min: 0, max: 6 }"), true),
        (&amount("{ min: 1, max: 5 }"), amount("{ min: 2, max: 4 }"), false),
        (&amount("{ min: 1, max: 5 }"), amount("{ min: 1, max: 4 }"), false),
        (&amount("{ min: 1, max: 5 }"), amount("{ min: 2, max: 5 }"), false),
        (&amount("3"), amount("{ min: 1, max: 5 }"), true),
        (&amount("7"), amount("{ one_of: [7, x] }"), true),
        (&amount("x1"), amount("{ matches: 'x*' }"), true),
    ] {
        let text = format!("defaults: {{ {defaults} }}\nroutes: [{{ match: POST /, {rule} }}]");
        let found = in_words(&["rfc9068"], &text);
        let has_no_effect = found.iter().any(|line| line.contains("has no effect"));
        assert_eq!(has_no_effect, is_implied, "{text}: {found:?}");
    }
}

#[test]
fn the_clients_of_agents_are_read_by_is_presenter() {
    let found = |agent: &str| {
        let text = format!("agents: [{{ {agent} }}]\nroutes: [{{ match: GET /, actor: {{ is_presenter: true }} }}]");
        in_words(&["rfc9068"], &text)
            .iter()
            .filter(|line| line.contains("unused_agents"))
            .count()
    };
    assert_eq!((found("subject: a"), found("subject: a, clients: [web]")), (1, 0));
}

#[test]
fn a_route_that_takes_requests_of_a_stricter_one_is_named_with_what_it_lacks() {
    let weaker = |routes: &str| in_words(&["rfc9068"], &format!("routes: [{routes}]"));
    let strict = "{ match: 'GET /a/{x}', client: { one_of: [a] } }";
    let expected = "weaker_route: `GET /a/b` takes requests of `GET /a/{x}` (line 1), and has no rule on `client`; require it here as \
                    well, or state that it is meant: `weaker_than: 'GET /a/{x}'` beside its `match`";
    assert_eq!(
        weaker(&format!("{strict}, {{ match: GET /a/b }}, {{ match: GET /b }}")),
        [expected]
    );
    let other_path = "{ match: 'GET /{x}/{y}/c', client: { one_of: [a] } }, { match: GET /a/b/d }";
    assert_eq!(weaker(other_path), [""; 0]);
    // An expression may require anything.
    for expression in ["claims.a == 2", "'chain.exists(a, a.subject == \"x\")'"] {
        let found = weaker(&format!("{strict}, {{ match: GET /a/b, expression: {expression} }}"));
        assert!(
            found.iter().all(|line| line.starts_with("other_spellings: ")),
            "{found:?}"
        );
    }
}

#[test]
fn each_pair_of_routes_is_reported_once() {
    let weaker = "weaker_route: `GET /a/b` takes requests of `GET /a/{x}` (line 1)";
    let spelled = "other_spellings: `GET /d/{x}` also matches other spellings of `GET /d/e`";
    let first = "{ match: 'GET /a/{x}', client: { one_of: [a] } }, { match: GET /a/b }, { match: GET /a/c, weaker_than: 'GET /a/{x}' }";
    let second = "{ match: 'GET /d/{x}', client: { one_of: [a] } }, { match: GET /d/e, client: { one_of: [b] } }";
    for (routes, expected) in [
        (format!("{first}, {second}"), &[weaker, spelled][..]),
        (first.to_owned(), &[weaker]),
        (second.to_owned(), &[spelled]),
    ] {
        let found = in_words(&["rfc9068"], &format!("routes: [{routes}]"));
        let begins = found.iter().zip(expected).all(|(line, begin)| line.starts_with(begin));
        assert!(begins && found.len() == expected.len(), "{found:?}");
    }
}

#[test]
fn people_are_proven_by_the_profile_or_by_the_kinds_of_an_issuer() {
    let found = |kinds: &str| {
        let issuer = TrustedIssuer::discover("https://kubernetes.example").expect("an issuer");
        let issuer = issuer.profile("kubernetes".parse::<Profile>().expect("a preset"));
        let issuer = issuer.kinds(Kinds::from_yaml(kinds).expect("kinds"));
        let text = "routes: [{ match: GET /, initiator: { amr: [mfa] } }]";
        found(text, |policy| {
            Authorizer::builder().policy(policy).issuer(issuer.clone())
        })
        .len()
    };
    assert_eq!(found("human: [{ claims: { person: yes } }]"), 0);
    assert_eq!(found("service: [{ claims: { person: no } }]"), 1);
}
