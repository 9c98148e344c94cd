//! Alternatives of `any_of` that no request meets beside the other rules: all of them are a mistake, and one is a warning. So is one
//! that allows nothing more than another one.

use std::cmp::Ordering;

use actgate_yaml::Span;

use super::conjunction::{Part, after};
use super::rules::{AnyOf, CoreCondition, CoreRule, RequirementDocument};
use super::syntax::Context;

/// Two rules that exclude each other, by their names after the owner.
struct Conflict<'p> {
    inner: &'p str,
    other: &'p str,
    /// Whether the other rule is of another part of the conjunction.
    is_across: bool,
}

impl Conflict<'_> {
    /// Reports that no request meets the alternative at this place, which is within a part.
    fn report(&self, alternative: Span, part: &Part<'_>, context: &mut Context<'_>) {
        let span = match part.required {
            None => alternative,
            // What is within one requirement is reported there.
            Some(_) if !self.is_across => return,
            Some(required) => required.span,
        };
        let message = format!(
            "no request meets this alternative: `{}` and `{}` exclude each other",
            self.inner, self.other
        );
        context
            .warnings
            .push_coded("unmet_alternative", span, message, "change it, or remove it");
    }
}

/// Reports the alternatives of these parts that exclude another rule of them.
///
/// An `any_of` of which every alternative excludes one and the same rule is not reported here: the two exclude each other.
pub(super) fn check(parts: &[Part<'_>], owner: &str, context: &mut Context<'_>) {
    for part in parts {
        let any_of = part.rules.core.iter().find_map(|rule| match &rule.condition {
            CoreCondition::AnyOf(AnyOf(alternatives)) => Some((rule, alternatives)),
            _ => None,
        });
        let (Some((rule, alternatives)), Some(written)) = (any_of, &part.document.any_of) else {
            continue;
        };
        let others = || parts.iter().flat_map(|part| &part.rules.core);
        if others().any(|other| !std::ptr::eq(rule, other) && rule.excludes(other)) {
            continue;
        }
        let conflicts: Vec<Option<Conflict<'_>>> = alternatives
            .iter()
            .map(|alternative| conflict(alternative, part, parts, owner))
            .collect();
        if !conflicts.is_empty() && conflicts.iter().all(Option::is_some) {
            if conflicts.iter().flatten().any(|conflict| conflict.is_across) || part.required.is_none() {
                let name = after(owner, &rule.name);
                let each = conflicts.iter().flatten();
                let each: Vec<String> = each
                    .map(|conflict| format!("`{}` excludes `{}`", conflict.inner, conflict.other))
                    .collect();
                let message = format!("no request meets `{name}` beside the other rules: {}", each.join(", "));
                let help = "change one of the alternatives, or the rules that they exclude";
                context.mistake_if_whole(part.span_of(name), message, help);
            }
            continue;
        }
        for (index, (alternative, conflict)) in written.value.iter().zip(&conflicts).enumerate() {
            let Some(conflict) = conflict else {
                // What is within one requirement is reported there.
                if let (None, Some(within)) = (part.required, absorbing(index, alternatives)) {
                    let message = match is_within(&alternatives[within], &alternatives[index]) {
                        true => format!("this alternative is the same as `any_of[{within}]`"),
                        false => {
                            format!("whatever meets this alternative meets `any_of[{within}]`, which requires less")
                        }
                    };
                    let help = "remove it: it allows nothing more; or change one of the two";
                    context
                        .warnings
                        .push_coded("absorbed_alternative", alternative.span(), message, help);
                }
                if let Some(rules) = alternatives.get(index) {
                    let path = format!("{}any_of[{index}].", part.path);
                    let inner: Vec<&CoreRule> = rules.iter().collect();
                    check_within(&alternative.value, (&path, &inner), (part, parts), owner, context);
                }
                continue;
            };
            conflict.report(alternative.span(), part, context);
        }
    }
}

/// Reports the alternatives within this one, at any depth, that exclude a rule of these parts. The rules are those of this one and of
/// those that it is within; the names of its own begin with `path` after the owner.
fn check_within(
    document: &RequirementDocument,
    (path, rules): (&str, &[&CoreRule]),
    (part, parts): (&Part<'_>, &[Part<'_>]),
    owner: &str,
    context: &mut Context<'_>,
) {
    let name = format!("{path}any_of");
    let any_of = rules.iter().find(|rule| *after(owner, &rule.name) == *name);
    let (Some(CoreCondition::AnyOf(AnyOf(compiled))), Some(written)) =
        (any_of.map(|rule| &rule.condition), &document.any_of)
    else {
        return;
    };
    for (index, (alternative, inner)) in written.value.iter().zip(&**compiled).enumerate() {
        // What is within one alternative is reported there.
        if inner
            .iter()
            .any(|inner| rules.iter().any(|other| inner.excludes(other)))
        {
            continue;
        }
        match conflict(inner, part, parts, owner) {
            Some(conflict) => conflict.report(alternative.span(), part, context),
            None => {
                let path = format!("{path}any_of[{index}].");
                let rules: Vec<&CoreRule> = rules.iter().copied().chain(inner).collect();
                check_within(&alternative.value, (&path, &rules), (part, parts), owner, context);
            }
        }
    }
}

/// Another alternative that this one implies; an equal one only where it is an earlier one.
fn absorbing(index: usize, alternatives: &[Vec<CoreRule>]) -> Option<usize> {
    let alternative = alternatives.get(index)?;
    alternatives
        .iter()
        .enumerate()
        .position(|(other, rules)| match other.cmp(&index) {
            Ordering::Less => is_within(alternative, rules),
            Ordering::Equal => false,
            Ordering::Greater => is_within(alternative, rules) && !is_within(rules, alternative),
        })
}

/// Whether whatever meets the one rules is known to meet the other ones.
fn is_within(rules: &[CoreRule], others: &[CoreRule]) -> bool {
    others.iter().all(|other| rules.iter().any(|rule| rule.implies(other)))
}

/// A rule of an alternative that excludes another rule of the conjunction.
fn conflict<'p>(
    alternative: &'p [CoreRule],
    part: &Part<'_>,
    parts: &'p [Part<'_>],
    owner: &str,
) -> Option<Conflict<'p>> {
    alternative.iter().find_map(|inner| {
        parts.iter().find_map(|other_part| {
            let core = other_part.rules.core.iter();
            let core = core.filter(|other| inner.excludes(other)).map(|other| &other.name);
            let history = other_part.rules.history.iter();
            let history = history
                .filter(|other| other.excludes_core(inner))
                .map(|other| &other.name);
            Some(Conflict {
                inner: after(owner, &inner.name),
                other: after(owner, core.chain(history).next()?),
                is_across: !std::ptr::eq(part, other_part),
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn found(text: &str) -> Vec<String> {
        match Policy::from_yaml(text) {
            Ok(policy) => policy
                .warnings()
                .map(|warning| format!("{:?} {warning}", warning.code()))
                .collect(),
            Err(error) => error.iter().map(|mistake| mistake.to_string()).collect(),
        }
    }

    fn route(body: &str) -> Vec<String> {
        found(&format!("routes:\n  - match: GET /\n{body}"))
    }

    #[test]
    fn alternatives_that_all_exclude_other_rules_are_a_mistake() {
        let body = "    initiator: { kind: human }\n    client: { one_of: [a] }\n    any_of:\n      - initiator: { kind: agent }\n      - client: { one_of: [b] }\n";
        assert_eq!(
            route(body),
            [
                "5:13: no request meets `any_of` beside the other rules: `any_of[0].initiator.kind` excludes `initiator.kind`, \
                 `any_of[1].client.one_of` excludes `client.one_of`\n  help: change one of the alternatives, or the rules that they exclude"
            ]
            .map(|text| text.replace("5:13", "6:7"))
        );
        let depth = "    chain: { max_depth: 0 }\n    client: { one_of: [a] }\n    any_of: [{ actor: { required: true } }, { client: { one_of: [b] } }]\n";
        assert_eq!(route(depth).len(), 1);
    }

    #[test]
    fn one_alternative_that_excludes_another_rule_is_a_warning() {
        let body = "    initiator: { kind: human }\n    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [b] } }]\n";
        assert_eq!(
            route(body),
            [
                "Some(\"unmet_alternative\") 4:14: no request meets this alternative: `any_of[0].initiator.kind` and \
              `initiator.kind` exclude each other\n  help: change it, or remove it"
            ]
        );
        assert_eq!(
            route("    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [b] } }]\n"),
            [""; 0]
        );
    }

    #[test]
    fn an_alternative_that_allows_nothing_more_is_a_warning() {
        let body =
            "    any_of: [{ client: { one_of: [a, b] } }, { client: { one_of: [a] }, initiator: { kind: human } }]\n";
        let warning = |place: &str, message: &str| {
            let help = "remove it: it allows nothing more; or change one of the two";
            format!("Some(\"absorbed_alternative\") {place}: {message}\n  help: {help}")
        };
        let message = "whatever meets this alternative meets `any_of[0]`, which requires less";
        assert_eq!(route(body), [warning("3:46", message)]);
        let body = "    any_of: [{ client: { one_of: [a] } }, { client: { one_of: [a] } }]\n";
        assert_eq!(
            route(body),
            [warning("3:43", "this alternative is the same as `any_of[0]`")]
        );
        for both in [
            "{ client: { one_of: [a] } }, { client: { one_of: [b] } }",
            "{ scopes: [a] }, { scopes: [b], client: { one_of: [c] } }",
            "{ initiator: { kind: human } }, { actor: { required: true } }",
        ] {
            assert_eq!(route(&format!("    any_of: [{both}]\n")), [""; 0], "{both}");
        }
        let text = "requirements:\n  shared:\n    any_of: [{ scopes: [a] }, { scopes: [a, b] }]\n\
                    defaults: { any_of: [{ scopes: [c] }, { scopes: [c] }] }\n\
                    routes:\n  - { match: GET /a, require: [shared] }\n  - { match: GET /b, require: [shared] }\n";
        let found = found(text);
        assert!(found.len() == 2, "{found:?}");
    }

    #[test]
    fn an_alternative_of_a_requirement_is_found_where_the_rules_come_together() {
        let text = "requirements:\n  shared:\n    initiator: { kind: human }\n    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [b] } }]\n\
                    routes:\n  - { match: GET /a, require: [shared] }\n  - { match: GET /b, require: [shared] }\n";
        assert_eq!(found(text).len(), 1);
        let text = "requirements:\n  shared:\n    any_of: [{ initiator: { kind: agent } }, { client: { one_of: [b] } }]\n\
                    routes:\n  - { match: GET /a, require: [shared], initiator: { kind: human } }\n  - { match: GET /b, require: [shared] }\n";
        let found = found(text);
        assert!(found.len() == 1 && found[0].contains("5:31: "), "{found:?}");
    }

    #[test]
    fn an_alternative_within_another_one_is_found_with_what_is_beside_both() {
        let amounts = |least: &str, most: &str| {
            let nested = format!("{{ any_of: [{{ {most} }}, {{ scopes: [b] }}] }}");
            format!("    {least}\n    any_of: [{nested}, {{ scopes: [a] }}]\n")
        };
        let json = |test: &str| format!("operation: {{ json: {{ /n: {{ {test} }} }} }}");
        let found = route(&amounts(&json("min: 10"), &json("min: 0, max: 5")));
        let expected = "Some(\"unmet_alternative\") 4:25: no request meets this alternative: `any_of[0].any_of[0].operation.json./n` and \
                        `operation.json./n` exclude each other";
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
        assert_eq!(route(&amounts(&json("min: 5"), &json("min: 0, max: 5"))), [""; 0]);
        // At three levels, and once where two rules exclude it.
        let three = |beside: &str| {
            format!(
                "    {}\n    any_of: [{{ any_of: [{{ {beside}any_of: [{{ {} }}, {{ scopes: [c] }}] }}, {{ scopes: [b] }}] }}, {{ scopes: [a] }}]\n",
                json("min: 10"),
                json("min: 0, max: 5")
            )
        };
        for beside in ["", "operation: { json: { /n: { min: 8 } } }, "] {
            let found = route(&three(beside));
            assert!(found.len() == 1 && found[0].contains("unmet_alternative"), "{found:?}");
        }
        let required = format!(
            "requirements:\n  q: {{ any_of: [{{ any_of: [{{ {} }}, {{ scopes: [b] }}] }}, {{ scopes: [a] }}] }}\n\
             routes:\n  - {{ match: GET /, require: [q], {} }}\n",
            json("min: 0, max: 5"),
            json("min: 10")
        );
        let found = super::tests::found(&required);
        assert!(
            found.len() == 1 && found[0].contains("4:30: no request meets"),
            "{found:?}"
        );
    }
}
