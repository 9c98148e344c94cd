//! `defaults`: the requirement of every route that is not public. A route can only narrow it.

use std::sync::Arc;

use super::conjunction::{DEFAULTS, Part, after};
use super::document::Document;
use super::mode::Mode;
use super::rules::CoreRule;
use super::syntax::Context;

const HELP: &str = "a route can only narrow the defaults: write a stricter rule, or remove it";

/// Reports defaults without a rule, and a requirement with their name.
pub(super) fn check(document: &Document, context: &mut Context<'_>) {
    let Some(defaults) = &document.defaults else {
        return;
    };
    if defaults.value.is_empty() {
        let help = "write what every route requires, or remove it";
        context.mistake_if_whole(defaults.span(), "`defaults` is empty", help);
    }
    defaults.value.check_mode("of `defaults`", context);
    if let Some(named) = document.requirements.get(DEFAULTS) {
        let message = "a requirement with the name `defaults` is not the defaults of the policy";
        context.mistake(
            named.span(),
            message,
            "write it as `defaults` beside `requirements`, or rename it",
        );
    }
}

/// The names of the rules of these parts of the defaults, within the defaults.
pub(super) fn names(parts: &[Part<'_>]) -> Vec<Box<str>> {
    let rules = parts.iter().map(|part| &part.rules);
    let names = rules.flat_map(|rules| {
        let core = rules.core.iter().map(|rule| &rule.name);
        core.chain(rules.history.iter().map(|rule| &rule.name))
    });
    let within = |name: &Arc<str>| {
        let name = after("", name);
        name.strip_prefix(DEFAULTS)
            .map_or(name, |name| name.trim_start_matches('.'))
            .into()
    };
    names.map(within).collect()
}

/// Reports what a route has without effect: the defaults already require it. Defaults in shadow are none of these: a route may
/// enforce what they have.
pub(super) fn check_narrowing(parts: &[Part<'_>], owner: &str, context: &mut Context<'_>) {
    let (mut defaults, others): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.is_default);
    defaults.retain(|part| part.mode == Mode::Enforce);
    let Some(route) = others.iter().find(|part| part.required.is_none()) else {
        return;
    };
    for name in route.document.require.iter().flat_map(|names| &names.value) {
        let is_named = |part: &&Part<'_>| part.required.is_some_and(|required| required.name == name.value);
        if defaults.iter().any(is_named) {
            let message = format!("`require: [{}]` has no effect: the defaults require it", name.value);
            context.mistake(name.span(), message, "remove it");
        }
    }
    let mut report = |rule: &str, stricter: Option<&str>| {
        let rule = after(owner, rule);
        let why = match stricter {
            Some(stricter) => format!("`{}` requires as much", after(owner, stricter)),
            None => "what meets the defaults meets it".to_owned(),
        };
        context.mistake_if_whole(route.span_of(rule), format!("`{rule}` has no effect: {why}"), HELP);
    };
    let core = || defaults.iter().flat_map(|part| &part.rules.core);
    for rule in &route.rules.core {
        if let Some(stricter) = core().find(|stricter| stricter.implies(rule)) {
            report(&rule.name, Some(&stricter.name));
        } else if rule.has_alternative_within(&core().collect::<Vec<&CoreRule>>()) {
            report(&rule.name, None);
        }
    }
    for rule in &route.rules.history {
        let mut history = defaults.iter().flat_map(|part| &part.rules.history);
        if let Some(stricter) = history.find(|stricter| stricter.implies(rule)) {
            report(&rule.name, Some(&stricter.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::testing::{agent, checks_of, code_of, human};
    use crate::policy::{Access, Policy};

    const DEFAULTS: &str = "requirements:
  human: { initiator: { kind: human } }
  fresh: { require: [human], initiator: { max_auth_age: 5m } }
defaults:
  require: [human]
  token: { max_lifetime: 1h }
";

    fn with(routes: &str) -> String {
        format!("{DEFAULTS}routes:\n{routes}")
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = Policy::from_yaml(text).map(|_| ()).unwrap_err();
        mistakes
            .iter()
            .map(|one| one.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    fn names(policy: &Policy, path: &str) -> Vec<String> {
        let Access::Guarded(requirement) = &policy.exact_route("GET", path).unwrap().access else {
            panic!("a public route")
        };
        requirement.core.iter().map(|rule| rule.name.to_string()).collect()
    }

    #[test]
    fn every_guarded_route_has_the_defaults_and_its_own_rules() {
        let text = with(
            "  - { match: GET /, token: { max_lifetime: 5m } }
  - { match: GET /alone }
  - { match: GET /health, public: true }
  - { match: GET /fresh, require: [fresh] }
",
        );
        let policy = Policy::from_yaml(&text).unwrap();
        let implicit = ["self_actor", "chain_inverted"];
        let of = |path: &str, rules: &[&str]| {
            let all = implicit.iter().chain(rules);
            all.map(|rule| format!("GET {path}: {rule}")).collect::<Vec<_>>()
        };
        let defaults = ["defaults.human.initiator.kind", "defaults.token.max_lifetime"];
        assert_eq!(names(&policy, "/alone"), of("/alone", &defaults));
        assert_eq!(
            names(&policy, "/"),
            of("/", &[&defaults[..], &["token.max_lifetime"]].concat())
        );
        let fresh = [&defaults[..], &["fresh.initiator.max_auth_age"]].concat();
        assert_eq!(names(&policy, "/fresh"), of("/fresh", &fresh), "each rule once");
        assert!(matches!(
            policy.exact_route("GET", "/health").unwrap().access,
            Access::Public
        ));
        assert_eq!(policy.warnings().count(), 0);
        assert_eq!(policy.defaults(), ["human.initiator.kind", "token.max_lifetime"]);

        let token = |lifetime: u64| {
            let mut claims = human(Value::Null);
            claims["iat"] = json!(1000);
            claims["exp"] = json!(1000 + lifetime);
            claims
        };
        assert_eq!(code_of(&text, token(300)), "allow");
        assert_eq!(code_of(&text, token(301)), "token_lifetime_too_long");
        let mut agent = token(300);
        agent["sub_profile"] = json!("ai_agent");
        assert_eq!(code_of(&text, agent), "initiator_not_human");
        let check = checks_of(&text, token(4000)).remove(3);
        assert_eq!(
            (&*check.rule, &*check.expected),
            ("GET /: defaults.token.max_lifetime", "a lifetime of at most 3600 s")
        );
    }

    #[test]
    fn a_requirement_that_a_layer_names_has_the_defaults_too() {
        let policy = Policy::from_yaml(&with("")).map(|_| ());
        assert!(policy.is_err(), "`routes` without a value");
        let policy = Policy::from_yaml(DEFAULTS).unwrap();
        let of = |name: &str| {
            let rules = &policy.requirement(name).unwrap().1.core;
            rules.iter().map(|rule| rule.name.to_string()).collect::<Vec<_>>()
        };
        assert!(of("fresh").contains(&"fresh: defaults.token.max_lifetime".to_owned()));
        assert_eq!(
            of("human")
                .iter()
                .filter(|rule| rule.ends_with("initiator.kind"))
                .count(),
            1
        );
    }

    #[test]
    fn the_scopes_of_the_defaults_are_in_the_challenge() {
        let text = "defaults: { scopes: [api] }\nroutes: [{ match: GET /, scopes: [orders:read] }]\n";
        let policy = Policy::from_yaml(text).unwrap();
        let Access::Guarded(requirement) = &policy.exact_route("GET", "/").unwrap().access else {
            panic!()
        };
        assert_eq!(requirement.scope().map(|scope| &**scope), Some("api orders:read"));
        assert_eq!(code_of(text, json!({"scope": "orders:read"})), "insufficient_scope");
        assert_eq!(code_of(text, json!({"scope": "orders:read api"})), "allow");
        let implied = "scopes: { implies: { root: [api] } }\ndefaults: { scopes: [api] }\nroutes: [{ match: GET /, client: { one_of: [c] } }]\n";
        assert_eq!(Policy::from_yaml(implied).unwrap().warnings().count(), 0);
    }

    #[test]
    fn a_rule_of_a_route_that_the_defaults_imply_is_a_mistake() {
        let no_effect = |default: &str, own: &str| {
            let text = format!("defaults: {{ {default} }}\nroutes:\n  - match: GET /\n    {own}\n");
            Policy::from_yaml(&text).is_err_and(|found| found.to_string().contains("has no effect"))
        };
        for (strict, lax) in [
            ("token: { max_lifetime: 5m }", "token: { max_lifetime: 1h }"),
            ("token: { single_audience: true }", "token: { single_audience: true }"),
            ("initiator: { kind: human }", "initiator: { kind: [agent, human] }"),
            ("initiator: { one_of: [a] }", "initiator: { one_of: [a, b] }"),
            ("initiator: { one_of: [a] }", "initiator: { none_of: [b] }"),
            ("initiator: { none_of: [a, b] }", "initiator: { none_of: [a] }"),
            ("initiator: { amr: [pwd, mfa] }", "initiator: { amr: mfa }"),
            ("initiator: { acr: high }", "initiator: { acr: [high, low] }"),
            ("initiator: { max_auth_age: 5m }", "initiator: { max_auth_age: 300s }"),
            (
                "initiator: { issuer: 'https://a.example' }",
                "initiator: { issuer: ['https://a.example', 'https://b.example'] }",
            ),
            ("actor: { one_of: [a] }", "actor: { required: true }"),
            ("actor: { one_of: [a, b] }", "actor: { one_of: [b, a, c] }"),
            ("actor: { is_presenter: true }", "actor: { issuer: same }"),
            ("actor: { absent: true }", "actor: { none_of: [a] }"),
            ("client: { one_of: [a] }", "client: { none_of: [b] }"),
            ("claims: { tid: T1 }", "claims: { tid: { one_of: [T1, T2] } }"),
            ("scopes: [a, b]", "scopes: [b]"),
            ("scopes: [a]", "scopes: { any_of: [a, b] }"),
            ("scopes: { any_of: [a] }", "scopes: { any_of: [b, a] }"),
            ("scopes: { none_of: [a, b] }", "scopes: { none_of: [b] }"),
            (
                "time: { zone: UTC, days: mon, hours: 09:00-10:00 }",
                "time: { zone: UTC, days: mon-fri }",
            ),
            (
                "authorization_details: { type: a, actions: [x, y] }",
                "authorization_details: { type: a, actions: x }",
            ),
            (
                "operation: { json: { /a: { max: 100 } } }",
                "operation: { json: { /a: { max: 500 } } }",
            ),
            (
                "operation: { json: { /a: 5 } }",
                "operation: { json: { /a: { min: 1 } } }",
            ),
            (
                "operation: { query: { a: { one_of: [x, y] } } }",
                "operation: { query: { a: { one_of: [y, x, z] } } }",
            ),
            ("chain: { max_depth: 1 }", "chain: { max_depth: 2 }"),
            ("chain: { path: [a, b] }", "chain: { starts_with: [a] }"),
            ("chain: { path: [a, b] }", "chain: { max_depth: 3 }"),
            ("chain: { starts_with: [a, b] }", "chain: { via: [b] }"),
            ("chain: { all_of: [a] }", "chain: { all_of: [a, b] }"),
            ("chain: { none_of: [a, b] }", "chain: { none_of: [a] }"),
            ("chain: { kinds: agent }", "chain: { kinds: [agent, service] }"),
            ("chain: { repeats: none }", "chain: { repeats: not_adjacent }"),
            (
                "chain: { prior: { all_of: [a] } }",
                "chain: { prior: { none_of: [b] } }",
            ),
            (
                "chain: { prior: { first: [a] } }",
                "chain: { prior: { first: [a, b] } }",
            ),
        ] {
            assert!(no_effect(strict, strict), "{strict}");
            assert!(no_effect(strict, lax), "{strict}: {lax}");
            if !no_effect(lax, strict) {
                continue;
            }
            assert!(
                strict == lax || strict.contains("5m"),
                "a stricter rule is accepted: {lax}: {strict}"
            );
        }
    }

    #[test]
    fn an_alternative_that_the_defaults_imply_is_a_mistake() {
        let default =
            "defaults: { initiator: { kind: human }, client: { one_of: [c] } }\nroutes:\n  - match: GET /\n    any_of:";
        let mistakes = |alternatives: &str| match Policy::from_yaml(&format!("{default} {alternatives}\n")) {
            Ok(_) => Vec::new(),
            Err(_) => mistakes(&format!("{default} {alternatives}\n")),
        };
        let within = "[{ scopes: [s] }, { initiator: { kind: [human, agent] }, client: { none_of: [d] } }]";
        assert_eq!(
            mistakes(within),
            [
                "4:13: `any_of` has no effect: what meets the defaults meets it; a route can only narrow the defaults: write a stricter rule, or remove it"
            ]
        );
        assert!(
            mistakes("[{ scopes: [s] }, { initiator: { kind: human, amr: mfa }, client: { none_of: [d] } }]")
                .is_empty()
        );
    }

    #[test]
    fn each_mistake_has_its_place_and_help() {
        let text = with(
            "  - match: GET /a
    require: [human]
    token: { max_lifetime: 2h }
  - match: [GET /b, GET /c]
    initiator: { kind: [human, service], amr: mfa }
  - match: GET /d
    require: [fresh]
    initiator: { kind: agent }
  - match: GET /e
    any_of: [{ initiator: { kind: agent } }]
",
        );
        let narrow = "a route can only narrow the defaults";
        assert_eq!(
            mistakes(&text),
            [
                "9:15: `require: [human]` has no effect: the defaults require it; remove it".to_owned(),
                format!(
                    "10:12: `token.max_lifetime` has no effect: `defaults.token.max_lifetime` requires as much; {narrow}: write a stricter rule, or remove it"
                ),
                format!(
                    "12:16: `initiator.kind` has no effect: `defaults.human.initiator.kind` requires as much; {narrow}: write a stricter rule, or remove it"
                ),
                format!(
                    "15:16: `initiator.kind` and `defaults.human.initiator.kind` exclude each other: no request meets both; {narrow}: change one of the two"
                ),
                format!(
                    "17:13: `any_of` and `defaults.human.initiator.kind` exclude each other: no request meets both; {narrow}: change one of the two"
                ),
            ]
        );
        for (text, expected) in [
            (
                "defaults: {}\nroutes: [{ match: GET / }]",
                "1:11: `defaults` is empty; write what every route requires, or remove it",
            ),
            ("defaults:\nroutes: [{ match: GET / }]", "1:9: a value is missing here"),
            ("defaults: { require: [] }", "1:22: `require` is empty; "),
            (
                "defaults: { require: [x] }",
                "1:23: no requirement is named `x`; define it under `requirements`",
            ),
            ("defaults: { public: true }", "1:13: unknown key `public`; "),
            ("defaults: { match: GET / }", "1:13: unknown key `match`; "),
            ("defaults: [human]", "1:11: expected a mapping, not a list; "),
            (
                "requirements: { defaults: { scopes: [a] } }\ndefaults: { scopes: [b] }",
                "1:27: a requirement with the name `defaults` is not the defaults of the policy; ",
            ),
            (
                "requirements: { a: { require: [a] } }\ndefaults: { require: [a] }",
                "1:32: requirement `a` requires itself",
            ),
        ] {
            let found = mistakes(text);
            assert!(
                found.iter().any(|found| found.starts_with(expected)),
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn defaults_that_no_route_has_are_reported() {
        let policy = Policy::from_yaml("defaults: { scopes: [a] }\nroutes: [{ match: GET /, public: true }]").unwrap();
        let warnings: Vec<String> = policy.warnings().map(|warning| warning.to_string()).collect();
        assert_eq!(
            warnings,
            ["1:11: every route is public, so that `defaults` has no effect\n  help: remove it"]
        );
        let delegated = "defaults: { actor: { one_of: [a] } }\nroutes: [{ match: GET /, scopes: [s] }]";
        let mut claims = human(agent("b"));
        claims["scope"] = json!("s");
        assert_eq!(code_of(delegated, claims), "actor_not_allowed");
    }
}
