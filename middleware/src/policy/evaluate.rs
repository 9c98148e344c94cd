//! The one evaluator, of enforcement and of `explain` alike. It is total: every input has an answer, without a panic and
//! without an endless loop.

use std::sync::Arc;

use super::check::Recorder;
use super::evaluation_time::EvaluationTime;
use super::requirement::Requirement;
use super::rules::{CoreRule, Finding, StepUp};
use crate::chain::{Core, Facts};
use crate::error::Error;

/// Evaluates a requirement on the facts of a verified token: scopes, core rules, history rules.
///
/// The outcome is that of the first rule that is not met. A step-up challenge is returned only if a new login alone
/// would allow the request.
pub(crate) fn evaluate(
    requirement: &Requirement,
    facts: &Facts,
    time: &EvaluationTime,
    recorder: &mut impl Recorder,
) -> Result<(), Error> {
    let (core, history) = (facts.core(), facts.history());
    let mut denial = None;
    let mut login: Option<(Arc<str>, StepUp)> = None;
    for (index, rule) in requirement.core.iter().enumerate() {
        let finding = rule.condition.evaluate(&core, time);
        if let Finding::Met = finding {
            recorder.met(|| rule.check(&core, time));
            continue;
        }
        let flow = recorder.unmet(|| rule.check(&core, time));
        let name = Arc::clone(&rule.name);
        let error = match finding {
            Finding::LacksScope(required) => Error::InsufficientScope {
                required: all_required(required, &requirement.core[index + 1..], &core, time),
                rule: name,
            },
            Finding::Unmet(code) => Error::Denied { code, rule: name },
            Finding::StepUp(needed) => {
                // Evaluation goes on: another rule may deny what no login changes.
                login = Some(match login {
                    None => (name, needed),
                    Some((first, earlier)) => (first, earlier.and(needed)),
                });
                continue;
            }
            Finding::Met => continue,
        };
        let first = denial.get_or_insert(error);
        if flow.is_break() {
            return Err(first.clone());
        }
    }
    for rule in &requirement.history {
        let Some(code) = rule.condition.evaluate(&history) else {
            recorder.met(|| rule.check(&history));
            continue;
        };
        let flow = recorder.unmet(|| rule.check(&history));
        let rule = Arc::clone(&rule.name);
        let first = denial.get_or_insert(Error::Denied { code, rule });
        if flow.is_break() {
            return Err(first.clone());
        }
    }
    match (denial, login) {
        (Some(denial), _) => Err(denial),
        (None, Some((rule, needed))) => Err(Error::InsufficientUserAuthentication {
            code: needed.code,
            rule,
            max_age: needed.max_age,
            acr_values: needed.acr_values,
        }),
        (None, None) => Ok(()),
    }
}

/// The scopes of a rule that is not met, and those of the next rules that a token with them would still not meet: one
/// challenge names all of them.
fn all_required(first: Arc<str>, next: &[CoreRule], core: &Core<'_>, time: &EvaluationTime) -> Arc<str> {
    let mut required = first;
    for rule in next.iter().take_while(|rule| rule.asks_for_scope()) {
        if let Finding::LacksScope(more) = rule.condition.evaluate(core, time) {
            let is_new = |scope: &&str| !required.split(' ').any(|known| known == *scope);
            let new: Vec<&str> = more.split(' ').filter(is_new).collect();
            if !new.is_empty() {
                required = format!("{required} {}", new.join(" ")).into();
            }
        }
    }
    required
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::error::Error;
    use crate::policy::testing::{agent, code, human, outcome};

    #[test]
    fn one_challenge_names_every_scope_that_is_required() {
        let required = |body: &str, scope: &str| match outcome(body, json!({"scope": scope})) {
            Err(Error::InsufficientScope { required, .. }) => required.to_string(),
            other => panic!("{body}: {other:?}"),
        };
        let body = "scopes: { all_of: [a, b], any_of: [c, d] }";
        assert_eq!(required(body, ""), "a b c d");
        assert_eq!(required(body, "a c"), "a b");
        assert_eq!(required(body, "a b"), "a b c d");
        assert_eq!(required("scopes: [a, b]", "b"), "a b");
    }

    #[test]
    fn a_step_up_is_returned_only_if_a_new_login_alone_would_allow_the_request() {
        let body = "initiator: { max_auth_age: 5m, acr: [phr, phrh] }\n    actor: { one_of: [a] }";
        let Err(Error::InsufficientUserAuthentication {
            max_age, acr_values, ..
        }) = outcome(body, human(agent("a")))
        else {
            panic!("no step-up")
        };
        assert_eq!((max_age, acr_values.as_deref()), (Some(300), Some("phr phrh")));
        assert_eq!(code(body, human(agent("b"))), "actor_not_allowed");
        let two = "initiator: { acr: [a, b] }\n    any_of: [{ initiator: { acr: [b, c] } }]";
        let Err(Error::InsufficientUserAuthentication { acr_values, .. }) = outcome(two, human(Value::Null)) else {
            panic!("no step-up")
        };
        assert_eq!(
            acr_values.as_deref(),
            Some("b"),
            "only a context that every rule accepts helps"
        );
        assert!(matches!(
            outcome("initiator: { max_auth_age: 5m }", json!({"sub_profile": "ai_agent"})),
            Err(Error::Denied {
                code: "auth_too_old",
                ..
            })
        ));
        assert!(matches!(
            outcome("initiator: { amr: [mfa] }", human(Value::Null)),
            Err(Error::Denied {
                code: "amr_not_met",
                ..
            })
        ));
    }
}
