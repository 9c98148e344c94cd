//! Findings about rules of one conjunction that stand in different places: a requirement, those that it requires, the defaults, and
//! what is beside an alternative.

use super::conjunction::{Part, after};
use super::require::View;
use super::rules::{AnyOf, CoreCondition, CoreRule, InitiatorCondition, RequirementDocument};
use super::syntax::Context;
use crate::profile::Kind;

/// Reports what is written in place beside what these parts require elsewhere.
pub(super) fn report(parts: &[Part<'_>], view: View, owner: &str, context: &mut Context<'_>) {
    if view != View::Written {
        return;
    }
    let beside: Vec<&CoreRule> = parts.iter().flat_map(|part| &part.rules.core).collect();
    for part in parts.iter().filter(|part| part.required.is_none()) {
        // Those of an alternative are reported with what is beside it.
        if !part.is_alternative {
            open_amounts(part.document, (&part.path, &part.rules.core), &beside, owner, context);
        }
        logins_of_machines(part, parts, owner, context);
    }
}

/// A `max` without a `min`, unless another rule bounds the same value; also within the alternatives. The rules are those of the
/// document, whose names begin with `path` after the owner.
fn open_amounts(
    document: &RequirementDocument,
    (path, rules): (&str, &[CoreRule]),
    beside: &[&CoreRule],
    owner: &str,
    context: &mut Context<'_>,
) {
    let rule = |word: &str| {
        let name = format!("{path}{word}");
        rules.iter().find(|rule| *after(owner, &rule.name) == *name)
    };
    for (index, alternative) in document.any_of.iter().flat_map(|any_of| &any_of.value).enumerate() {
        if let Some(CoreCondition::AnyOf(AnyOf(compiled))) = rule("any_of").map(|rule| &rule.condition)
            && let Some(rules) = compiled.get(index)
        {
            let path = format!("{path}any_of[{index}].");
            let beside: Vec<&CoreRule> = beside.iter().copied().chain(rules).collect();
            open_amounts(&alternative.value, (&path, rules), &beside, owner, context);
        }
    }
    let Some(operation) = &document.operation else {
        return;
    };
    for amount in operation.value.open_amounts() {
        let Some(rule) = rule(&format!("operation.{}", amount.word)) else {
            continue;
        };
        if beside.iter().any(|other| other.bounds_from_below(rule)) {
            continue;
        }
        let message = format!("`{}` has a `max` and no `min`: a negative number meets it", amount.name);
        let help = format!(
            "write the least that is meant as well: `{{ min: 0, max: {} }}`",
            amount.most
        );
        context.warnings.push_coded("open_amount", amount.span, message, help);
    }
}

/// A rule on a login beside kinds of machines. Within one place both are reported where they are compiled.
fn logins_of_machines(part: &Part<'_>, parts: &[Part<'_>], owner: &str, context: &mut Context<'_>) {
    let others = parts.iter().filter(|other| !std::ptr::eq(*other, part));
    for other in others {
        let of_machines = |part: &Part<'_>| part.rules.core.iter().any(accepts_machines_alone);
        let (Some(login), with_login) = (match of_machines(part) {
            true => (other.rules.core.iter().find(|rule| is_login(rule)), other),
            false if of_machines(other) => (part.rules.core.iter().find(|rule| is_login(rule)), part),
            false => (None, part),
        }) else {
            continue;
        };
        // Within the defaults it is reported with them.
        if part.is_default && !owner.is_empty() {
            continue;
        }
        let name = after(owner, &login.name);
        let span = match std::ptr::eq(with_login, part) {
            true => part.span_of(name),
            false => part
                .document
                .initiator
                .as_ref()
                .map_or_else(|| other.span_of(name), |written| written.span()),
        };
        let message = format!(
            "`{name}` is about a login, and people alone log in: a machine does not meet it, unless its issuer writes claims of a login"
        );
        let help = format!("add `human` to the kinds of the initiator, or remove `{name}`");
        context.warnings.push_coded("login_of_machine", span, message, help);
        return;
    }
}

fn accepts_machines_alone(rule: &CoreRule) -> bool {
    match &rule.condition {
        CoreCondition::Initiator(InitiatorCondition::Kind(kinds)) => !kinds.is_empty() && !kinds.contains(&Kind::Human),
        _ => false,
    }
}

fn is_login(rule: &CoreRule) -> bool {
    use InitiatorCondition::{Contexts, MaxAuthAge, Methods};
    matches!(
        &rule.condition,
        CoreCondition::Initiator(Methods(_) | Contexts(..) | MaxAuthAge(_))
    )
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    /// The codes of the warnings, each with its line.
    fn found(text: &str) -> Vec<String> {
        let policy = Policy::from_yaml(text).unwrap();
        let warnings = policy.warnings();
        warnings
            .map(|warning| format!("{}:{}", warning.code().unwrap_or_default(), warning.line()))
            .collect()
    }

    #[test]
    fn a_max_is_open_only_where_no_other_rule_bounds_the_same_value() {
        let max = "operation: { json: { /n: { max: 5 } } }";
        for (other, expected) in [
            ("operation: { json: { /n: { min: 0 } } }", 0),
            ("operation: { json: { /n: { one_of: [1, 2] } } }", 0),
            ("operation: { json: { /m: { min: 0 } } }", 1),
            ("operation: { query: { n: { min: 0 } } }", 1),
            ("scopes: [a]", 1),
        ] {
            let by_defaults = format!("defaults: {{ {other} }}\nroutes:\n  - {{ match: POST /a, {max} }}\n");
            let required = format!(
                "requirements: {{ q: {{ {other} }} }}\nroutes:\n  - {{ match: POST /a, require: [q], {max} }}\n"
            );
            // What lists values requires more than a bound: beside it the bound has no effect.
            let texts = [Some(required), (!other.contains("one_of")).then_some(by_defaults)];
            for text in texts.into_iter().flatten() {
                assert_eq!(found(&text), vec!["open_amount:3"; expected], "{text}");
            }
        }
    }

    #[test]
    fn a_parameter_of_the_query_is_bounded_by_rules_on_that_parameter() {
        for (other, expected) in [("n: { min: 0 }", 0), ("n: { max: 3 }", 1), ("m: { min: 0 }", 1)] {
            let text = format!(
                "requirements: {{ q: {{ operation: {{ query: {{ {other} }} }} }} }}\nroutes:\n  \
                 - {{ match: GET /a, require: [q], operation: {{ query: {{ n: {{ max: 5 }} }} }} }}\n"
            );
            let of_route = found(&text).into_iter().filter(|warning| warning == "open_amount:3");
            assert_eq!(of_route.count(), expected, "{text}");
        }
    }

    #[test]
    fn a_max_is_open_only_where_no_rule_beside_its_alternative_bounds_the_same_value() {
        let (max, min) = (
            "operation: { json: { /n: { max: 5 } } }",
            "operation: { json: { /n: { min: 0 } } }",
        );
        for (rules, open) in [
            (format!("any_of: [{{ {max} }}, {{ scopes: [a] }}]"), 1),
            (format!("{min}, any_of: [{{ {max} }}, {{ scopes: [a] }}]"), 0),
            (format!("{max}, any_of: [{{ {min} }}, {{ scopes: [a] }}]"), 1),
            (
                format!("{max}, any_of: [{{ {min} }}, {{ operation: {{ json: {{ /n: 3 }} }} }}]"),
                0,
            ),
            (
                format!("{min}, any_of: [{{ any_of: [{{ {max} }}, {{ scopes: [b] }}] }}, {{ scopes: [a] }}]"),
                0,
            ),
            (
                format!("any_of: [{{ any_of: [{{ {max} }}, {{ scopes: [b] }}] }}, {{ {min} }}]"),
                1,
            ),
            (
                format!("any_of: [{{ {min}, any_of: [{{ {max} }}, {{ scopes: [b] }}] }}, {{ scopes: [a] }}]"),
                0,
            ),
        ] {
            let text = format!("routes:\n  - {{ match: POST /a, {rules} }}\n");
            let of_amounts = found(&text).into_iter().filter(|warning| warning == "open_amount:2");
            assert_eq!(of_amounts.count(), open, "{text}");
        }
    }

    #[test]
    fn a_login_beside_machines_is_found_across_places() {
        for (one, other, expected) in [
            ("kind: service", "max_auth_age: 5m", 1),
            ("kind: [agent, service]", "acr: loa3", 1),
            ("acr: loa3", "kind: service", 1),
            ("kind: [human, service]", "acr: loa3", 0),
            ("kind: service", "one_of: [a]", 0),
        ] {
            let route = format!("initiator: {{ {other} }}");
            let by_defaults =
                format!("defaults: {{ initiator: {{ {one} }} }}\nroutes:\n  - {{ match: GET /a, {route} }}\n");
            let required = format!(
                "requirements: {{ q: {{ initiator: {{ {one} }} }} }}\nroutes:\n  - {{ match: GET /a, require: [q], {route} }}\n"
            );
            for text in [by_defaults, required] {
                assert_eq!(found(&text), vec!["login_of_machine:3"; expected], "{text}");
            }
        }
    }
}
