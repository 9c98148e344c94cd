//! The parts of a conjunction: a requirement, those that it requires, and the defaults. Rules that exclude each other are mistakes.

use actgate_yaml::{Span, Spanned};

use super::mode::Mode;
use super::rules::{CoreRule, RequirementDocument, Rules};
use super::syntax::Context;

/// The key of the defaults, and what the names of their rules begin with.
pub(super) const DEFAULTS: &str = "defaults";

/// A requirement that is part of a conjunction.
pub(super) struct Part<'d> {
    pub(super) document: &'d RequirementDocument,
    /// What the names of its rules begin with, after the owner.
    pub(super) path: String,
    /// The requirements that lead to it, outermost first.
    pub(super) within: Vec<&'d str>,
    /// How it is required; [`None`] for what is written in place.
    pub(super) required: Option<Required<'d>>,
    /// Whether it is a part of the defaults.
    pub(super) is_default: bool,
    /// Whether its rules are in shadow, also where the route is not.
    pub(super) mode: Mode,
    /// Whether it is within an alternative of `any_of`.
    pub(super) is_alternative: bool,
    /// Its own rules, when it is compiled.
    pub(super) rules: Rules,
}

/// How a part is required.
#[derive(Clone, Copy)]
pub(super) struct Required<'d> {
    pub(super) name: &'d str,
    /// The place of the `require` that leads to it.
    pub(super) span: Span,
}

impl Rules {
    /// The rules of all parts, in shadow where the part or the whole is. Those that ask for a scope come first.
    pub(super) fn of(parts: Vec<Part<'_>>, whole: Mode) -> Rules {
        let mut all = Rules::default();
        for part in parts {
            all.extend(part.rules, whole.and(part.mode));
        }
        all.core.sort_by_key(|rule| !rule.asks_for_scope());
        all
    }
}

impl<'d> Part<'d> {
    pub(super) fn new(document: &'d RequirementDocument, path: String, within: Vec<&'d str>) -> Self {
        Part {
            document,
            path,
            within,
            required: None,
            is_default: false,
            mode: Mode::Enforce,
            is_alternative: false,
            rules: Rules::default(),
        }
    }

    pub(super) fn of_defaults(defaults: &'d Spanned<RequirementDocument>) -> Self {
        Part {
            is_default: true,
            mode: defaults.value.mode(),
            ..Part::new(&defaults.value, format!("{DEFAULTS}."), Vec::new())
        }
    }

    /// The place of a rule, by its name after the owner.
    pub(super) fn span_of(&self, rule: &str) -> Span {
        let word = rule.strip_prefix(&*self.path).unwrap_or(rule);
        let key = word.split_once('.').map_or(word, |(key, _)| key);
        let written = || self.document.span_of(key).unwrap_or_default();
        self.required.map_or_else(written, |required| required.span)
    }
}

/// Reports every two rules that exclude each other.
pub(super) fn check(parts: &[Part<'_>], owner: &str, context: &mut Context<'_>) {
    for (index, part) in parts.iter().enumerate() {
        for earlier in &parts[..index] {
            check_rules(earlier, part, owner, context, |_, _| true);
        }
        if part.required.is_none() {
            check_rules(part, part, owner, context, |one, other| {
                let word = |name| str::strip_prefix(name, &*part.path).unwrap_or(name);
                !is_reported(word(one), word(other))
            });
        }
    }
}

/// Whether two words of one requirement that exclude each other are reported where the key is compiled that both are within.
fn is_reported(one: &str, other: &str) -> bool {
    if one.split('.').next() != other.split('.').next() {
        return false;
    }
    let has = |words: &[&str]| words.contains(&one) || words.contains(&other);
    one.ends_with("none_of")
        || other.ends_with("none_of")
        || has(&["actor.absent", "chain.path", "chain.max_depth"])
        || has(&["chain.all_of"]) && has(&["chain.via", "chain.starts_with"])
        || has(&["chain.prior.all_of"]) && has(&["chain.prior.any_of", "chain.prior.first"])
}

fn check_rules(
    earlier: &Part<'_>,
    later: &Part<'_>,
    owner: &str,
    context: &mut Context<'_>,
    is_checked: impl Fn(&str, &str) -> bool,
) {
    let is_one_part = std::ptr::eq(earlier, later);
    let mut report = |one: &str, other: &str| {
        let (one, other) = (after(owner, one), after(owner, other));
        if is_checked(one, other) {
            let message = format!("`{other}` and `{one}` exclude each other: no request meets both");
            let help = match earlier.is_default && !later.is_default {
                true => "a route can only narrow the defaults: change one of the two",
                false => "change one of the two, or remove it",
            };
            context.mistake_if_whole(later.span_of(other), message, help);
        }
    };
    for (index, rule) in later.rules.core.iter().enumerate() {
        let others = match is_one_part {
            true => &earlier.rules.core[..index],
            false => &earlier.rules.core[..],
        };
        for other in others.iter().filter(|other| rule.excludes(other)) {
            report(&other.name, &rule.name);
        }
    }
    for (index, rule) in later.rules.history.iter().enumerate() {
        let others = match is_one_part {
            true => &earlier.rules.history[..index],
            false => &earlier.rules.history[..],
        };
        for other in others.iter().filter(|other| rule.excludes(other)) {
            report(&other.name, &rule.name);
        }
        let is_excluded = |other: &&CoreRule| match is_one_part {
            // Their depths are compared where both are written.
            true => rule.excludes_parties(other),
            false => rule.excludes_core(other),
        };
        for other in earlier.rules.core.iter().filter(is_excluded) {
            report(&other.name, &rule.name);
        }
    }
    if is_one_part {
        return;
    }
    for rule in &earlier.rules.history {
        let is_excluded = |other: &&CoreRule| rule.excludes_core(other);
        for other in later.rules.core.iter().filter(is_excluded) {
            report(&rule.name, &other.name);
        }
    }
}

/// Reports rules on the actor and on the chain of one requirement that no chain meets.
pub(super) fn check_depth(document: &RequirementDocument, context: &mut Context<'_>) {
    let (Some(chain), Some(actor)) = (&document.chain, &document.actor) else {
        return;
    };
    if chain.value.max_depth == Some(0) && actor.value.needs_actor() {
        let message = "no token has an actor and a chain of depth 0";
        context.mistake(chain.span(), message, "remove `actor`, or raise `max_depth`");
    }
    if let Some((word, _)) = chain.value.least_depth()
        && actor.value.is_absent()
    {
        let message = format!("no token without an actor meets `{word}`");
        let help = format!("remove `absent: true`, or `{word}`");
        context.mistake(chain.span(), message, help);
    }
}

/// The name of a rule without the owner that it begins with.
pub(super) fn after<'n>(owner: &str, name: &'n str) -> &'n str {
    let rest = name.strip_prefix(owner).and_then(|rest| rest.strip_prefix(": "));
    rest.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = Policy::from_yaml(text).map(|_| ()).unwrap_err();
        mistakes
            .iter()
            .map(|one| one.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    /// The mistakes of a route with `one` that requires `other`.
    fn together(one: &str, other: &str) -> Result<(), Vec<String>> {
        let text = format!(
            "requirements:\n  shared: {{ {other} }}\nroutes:\n  - match: GET /\n    require: [shared]\n    {one}\n"
        );
        match Policy::from_yaml(&text) {
            Ok(_) => Ok(()),
            Err(_) => Err(mistakes(&text)),
        }
    }

    #[test]
    fn rules_that_exclude_each_other_are_mistakes() {
        for (one, other) in [
            ("initiator: { kind: human }", "initiator: { kind: [agent, service] }"),
            ("initiator: { one_of: [a] }", "initiator: { one_of: [b, c] }"),
            ("initiator: { one_of: [a] }", "initiator: { none_of: [a, b] }"),
            (
                "initiator: { issuer: 'https://a.example' }",
                "initiator: { issuer: ['https://b.example'] }",
            ),
            (
                "initiator: { issuer: 'https://a.example' }",
                "initiator: { one_of: [{ issuer: 'https://b.example', subject: x }] }",
            ),
            ("initiator: { acr: low }", "initiator: { acr: [high, higher] }"),
            ("actor: { absent: true }", "actor: { kind: agent }"),
            ("actor: { is_presenter: true }", "actor: { absent: true }"),
            ("actor: { kind: agent }", "actor: { kind: service }"),
            ("actor: { one_of: [a, b] }", "actor: { one_of: [c] }"),
            ("actor: { one_of: [a, b] }", "actor: { none_of: [b, a] }"),
            (
                "actor: { issuer: 'https://a.example' }",
                "actor: { issuer: 'https://b.example' }",
            ),
            ("actor: { required: true }", "chain: { max_depth: 0 }"),
            ("actor: { absent: true }", "chain: { via: [a] }"),
            ("chain: { called_by: [a] }", "actor: { absent: true }"),
            ("actor: { one_of: [a] }", "chain: { all_of: [b] }"),
            ("actor: { one_of: [a] }", "chain: { none_of: [a, b] }"),
            ("chain: { max_depth: 1 }", "chain: { called_by: [a] }"),
            ("chain: { path: [a, b] }", "chain: { path: [a] }"),
            ("chain: { path: [a, b] }", "chain: { starts_with: [b] }"),
            ("chain: { via: [a, b] }", "chain: { none_of: [b] }"),
            ("chain: { any_of: [a, b] }", "chain: { all_of: [c] }"),
            ("chain: { called_by: [a] }", "chain: { called_by: [b] }"),
            ("chain: { prior: { all_of: [a] } }", "chain: { prior: { first: [b] } }"),
            ("chain: { prior: { all_of: [a] } }", "chain: { called_by: [b] }"),
            (
                "chain: { prior: { none_of: [a] } }",
                "chain: { prior: { any_of: [a] } }",
            ),
            ("initiator: { kind: [agent, service] }", "actor: { kind: human }"),
            ("initiator: { one_of: [a] }", "actor: { one_of: [a] }"),
            (
                "initiator: { one_of: [{ issuer: 'https://a.example', subject: a }] }",
                "actor: { one_of: [a, { issuer: 'https://a.example', subject: a }] }",
            ),
            ("actor: { kind: human }", "chain: { kinds: [agent, service] }"),
            ("actor: { one_of: [a] }", "chain: { path: [a, b] }"),
            ("actor: { none_of: [b] }", "chain: { path: [a, b] }"),
            (
                "actor: { issuer: 'https://a.example' }",
                "chain: { path: [{ issuer: 'https://b.example', subject: a }] }",
            ),
            (
                "actor: { issuer: 'https://a.example' }",
                "chain: { issuers: 'https://b.example' }",
            ),
            (
                "chain: { via: [{ issuer: 'https://a.example', subject: a }] }",
                "chain: { issuers: 'https://b.example' }",
            ),
            (
                "actor: { issuer: 'https://a.example' }",
                "chain: { all_of: [{ issuer: 'https://b.example', subject: a }] }",
            ),
            ("initiator: { one_of: [a] }", "chain: { none_of: [a, b] }"),
            ("chain: { path: [a, b, c] }", "chain: { called_by: [a] }"),
            ("chain: { path: [a, b, c] }", "chain: { prior: { first: [b] } }"),
            ("chain: { path: [a, b, c] }", "chain: { prior: { all_of: [a, c] } }"),
            ("chain: { path: [a, b, c] }", "chain: { prior: { any_of: [c] } }"),
            ("chain: { starts_with: [a, b] }", "chain: { prior: { first: [b] } }"),
            ("chain: { starts_with: [a, b] }", "chain: { prior: { all_of: [b] } }"),
            ("chain: { starts_with: [a, b] }", "chain: { prior: { none_of: [a] } }"),
            ("client: { one_of: [a] }", "client: { one_of: [b] }"),
            ("client: { one_of: [a] }", "client: { none_of: [a] }"),
            ("claims: { tid: T1 }", "claims: { tid: { one_of: [T2, T3] } }"),
            ("claims: { tid: T1 }", "claims: { tid: { contains: T1 } }"),
            ("scopes: [a]", "scopes: { none_of: [a] }"),
            ("scopes: { any_of: [a, b] }", "scopes: { none_of: [a, b] }"),
            (
                "time: { zone: UTC, days: mon-fri }",
                "time: { zone: UTC, days: [sat, sun] }",
            ),
            (
                "time: { zone: UTC, hours: 08:00-12:00 }",
                "time: { zone: UTC, hours: 12:00-18:00 }",
            ),
            (
                "time: { zone: Europe/Berlin, hours: 08:00-12:00 }",
                "time: { zone: America/New_York, hours: 08:00-12:00 }",
            ),
            (
                "time: { zone: UTC, days: mon }",
                "time: { zone: Pacific/Kiritimati, days: sun }",
            ),
            (
                "operation: { json: { /a: { max: 1 } } }",
                "operation: { json: { /a: { min: 2 } } }",
            ),
            (
                "operation: { json: { /a: x } }",
                "operation: { json: { /a: { one_of: [y, 1] } } }",
            ),
            (
                "operation: { json: { /a: x } }",
                "operation: { json: { /a: { max: 1 } } }",
            ),
            (
                "operation: { query: { a: '5' } }",
                "operation: { query: { a: { max: 4 } } }",
            ),
            (
                "initiator: { kind: human }",
                "any_of: [{ initiator: { kind: agent } }, { initiator: { kind: service } }]",
            ),
        ] {
            for (one, other) in [(one, other), (other, one)] {
                let found = together(one, other).expect_err(one);
                let [found] = &found[..] else { panic!("{found:?}") };
                assert!(
                    found.starts_with("6:") && found.contains("exclude each other"),
                    "{found}"
                );
            }
        }
    }

    #[test]
    fn rules_that_some_request_meets_are_none() {
        for (one, other) in [
            (
                "initiator: { kind: [human, agent] }",
                "initiator: { kind: [agent, service] }",
            ),
            (
                "initiator: { one_of: [a] }",
                "initiator: { one_of: [{ issuer: 'https://a.example', subject: a }] }",
            ),
            (
                "initiator: { one_of: [a] }",
                "initiator: { none_of: [{ issuer: 'https://a.example', subject: a }] }",
            ),
            (
                "initiator: { one_of: [a] }",
                "initiator: { issuer: 'https://a.example' }",
            ),
            ("actor: { issuer: same }", "actor: { issuer: 'https://b.example' }"),
            ("actor: { absent: true }", "actor: { none_of: [a] }"),
            ("actor: { absent: true }", "chain: { max_depth: 0 }"),
            ("actor: { one_of: [a, c] }", "chain: { all_of: [b, c] }"),
            ("chain: { via: [a] }", "chain: { path: [b, a] }"),
            (
                "chain: { prior: { all_of: [a] } }",
                "chain: { prior: { first: [a, b] } }",
            ),
            ("chain: { prior: { all_of: [a] } }", "chain: { via: [b] }"),
            ("chain: { starts_with: [a] }", "chain: { path: [a, b] }"),
            ("chain: { all_of: [a] }", "chain: { all_of: [b] }"),
            ("initiator: { kind: [agent, human] }", "actor: { kind: human }"),
            ("initiator: { kind: agent }", "actor: { kind: [human, service] }"),
            ("initiator: { one_of: [a, b] }", "actor: { one_of: [a] }"),
            (
                "initiator: { one_of: [a] }",
                "actor: { one_of: [{ issuer: 'https://a.example', subject: a }] }",
            ),
            ("initiator: { kind: agent }", "chain: { kinds: human }"),
            ("initiator: { one_of: [a] }", "chain: { none_of: [b] }"),
            ("actor: { one_of: [a, b] }", "chain: { path: [a, b] }"),
            ("actor: { issuer: same }", "chain: { issuers: 'https://a.example' }"),
            ("actor: { none_of: [a] }", "chain: { all_of: [a] }"),
            ("chain: { kinds: human }", "chain: { kinds: agent }"),
            (
                "chain: { path: [a, b, c] }",
                "chain: { called_by: [b], prior: { first: [a] } }",
            ),
            ("chain: { path: [a, b, c] }", "chain: { prior: { all_of: [a, b] } }"),
            ("chain: { starts_with: [a, b] }", "chain: { called_by: [a] }"),
            ("chain: { starts_with: [a, b] }", "chain: { prior: { any_of: [c] } }"),
            ("chain: { starts_with: [a, b] }", "chain: { prior: { all_of: [a, c] } }"),
            ("claims: { tid: T1 }", "claims: { aid: T2 }"),
            (
                "claims: { roles: { contains: a } }",
                "claims: { roles: { contains: b } }",
            ),
            ("scopes: { any_of: [a, b] }", "scopes: { none_of: [a] }"),
            (
                "time: { zone: UTC, days: fri, hours: 22:00-06:00 }",
                "time: { zone: UTC, days: sat }",
            ),
            (
                "time: { zone: UTC, days: mon }",
                "time: { zone: Asia/Tokyo, days: tue }",
            ),
            // In the weeks in which one of the two has changed its clock alone, they differ by five hours.
            (
                "time: { zone: Europe/Berlin, hours: 12:00-13:30 }",
                "time: { zone: America/New_York, hours: 08:00-12:00 }",
            ),
            (
                "time: { zone: UTC, days: sun, hours: 23:00-24:00 }",
                "time: { zone: Asia/Kathmandu, days: mon, hours: 05:00-06:00 }",
            ),
            (
                "operation: { json: { /a: { max: 1 } } }",
                "operation: { json: { /a: { min: 1 } } }",
            ),
            (
                "operation: { query: { a: '5' } }",
                "operation: { query: { a: { max: 5 } } }",
            ),
            (
                "authorization_details: { type: a }",
                "authorization_details: { type: b }",
            ),
            (
                "initiator: { kind: human }",
                "any_of: [{ initiator: { kind: agent } }, { client: { one_of: [c] } }]",
            ),
        ] {
            assert_eq!(together(one, other), Ok(()), "{one}: {other}");
            assert_eq!(together(other, one), Ok(()), "{one}: {other}");
        }
    }

    #[test]
    fn each_two_rules_are_reported_where_they_come_together() {
        let text = "requirements:
  human: { initiator: { kind: human } }
  machine: { initiator: { kind: agent } }
routes:
  - match: GET /a
    require: [human, machine]
  - match: GET /b
    require: [human]
    initiator: { kind: service }
  - match: GET /c
    initiator: { kind: human }
    any_of: [{ require: [machine] }]
  - match: GET /d
    any_of: [{ client: { one_of: [c] } }, { require: [human], initiator: { kind: agent } }]
";
        let together =
            |one: &str, other: &str| format!("`{one}` and `{other}` exclude each other: no request meets both");
        let help = "; change one of the two, or remove it";
        assert_eq!(
            mistakes(text),
            [
                ("6:14", together("machine.initiator.kind", "human.initiator.kind")),
                ("9:16", together("initiator.kind", "human.initiator.kind")),
                ("12:13", together("any_of", "initiator.kind")),
                (
                    "14:74",
                    together("any_of[1].initiator.kind", "any_of[1].human.initiator.kind")
                ),
            ]
            .map(|(place, message)| format!("{place}: {message}{help}"))
        );
    }
}
