//! `any_of`: alternatives, of which at least one has to be met in full.

use std::sync::Arc;

use super::finding::{Finding, StepUp};

/// Alternatives, each with its rules.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct AnyOf<R>(pub(in crate::policy) Arc<[Vec<R>]>);

impl<R> AnyOf<R> {
    pub(super) fn evaluate(&self, evaluate: impl Fn(&R) -> Finding) -> Finding {
        let mut finding = Finding::Unmet("any_of_not_met");
        'alternatives: for rules in &*self.0 {
            let (mut step_up, mut needs_body) = (None::<StepUp>, false);
            for rule in rules {
                match evaluate(rule) {
                    Finding::Met => {}
                    Finding::StepUp(needed) => {
                        step_up = Some(match step_up {
                            None => needed,
                            Some(earlier) => earlier.and(needed),
                        });
                    }
                    Finding::NeedsBody => needs_body = true,
                    Finding::Unmet(_)
                    | Finding::LacksScope(_)
                    | Finding::AboveCeiling(_)
                    | Finding::MalformedBody(_)
                    | Finding::McpMismatch(_) => continue 'alternatives,
                }
            }
            match (step_up, needs_body) {
                (None, false) => return Finding::Met,
                // The body may suffice, without a login.
                (None, true) => finding = Finding::NeedsBody,
                // A login suffices, unless another alternative needs none.
                (Some(_), _) if matches!(finding, Finding::NeedsBody) => {}
                (Some(needed), _) => finding = Finding::StepUp(needed),
            }
        }
        finding
    }

    /// Whether one alternative is met, where `is_met` is that of a rule.
    pub(super) fn is_met(&self, is_met: impl Fn(&R) -> bool) -> bool {
        self.0.iter().any(|rules| rules.iter().all(&is_met))
    }

    pub(super) fn explain(&self, is_met: impl Fn(&R) -> bool) -> (String, String) {
        let met = self.0.iter().position(|rules| rules.iter().all(&is_met));
        let got = met.map_or("none of them".to_owned(), |index| format!("any_of[{index}]"));
        (format!("one of {} alternatives", self.0.len()), got)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::error::Error;
    use crate::policy::testing::{NOW, checks, code, human, outcome};

    #[test]
    fn one_alternative_must_be_met_in_full() {
        let body = "any_of: [{ initiator: { kind: human, max_auth_age: 5m } }, { client: { one_of: [batch] }, scopes: [batch] }]";
        assert_eq!(code(body, json!({"sub_profile": "user", "auth_time": NOW})), "allow");
        assert_eq!(code(body, json!({"client_id": "batch", "scope": "batch"})), "allow");
        assert_eq!(code(body, json!({"client_id": "batch"})), "any_of_not_met");
        assert_eq!(code(body, human(Value::Null)), "auth_too_old");
    }

    #[test]
    fn a_challenge_names_all_that_a_login_needs_for_an_alternative() {
        for body in [
            "any_of: [{ initiator: { max_auth_age: 5m, acr: loa3 } }]",
            "any_of: [{ any_of: [{ initiator: { acr: loa3 } }], initiator: { max_auth_age: 5m } }]",
        ] {
            let Err(Error::InsufficientUserAuthentication {
                max_age, acr_values, ..
            }) = outcome(body, human(Value::Null))
            else {
                panic!("no step-up")
            };
            assert_eq!((max_age, acr_values.as_deref()), (Some(300), Some("loa3")), "{body}");
        }
    }

    #[test]
    fn explain_shows_the_inside_of_any_of() {
        let body = "any_of: [{ client: { one_of: [a] } }, { scopes: [b], initiator: { kind: human } }]";
        let checks = checks(body, json!({"scope": "b", "sub_profile": "user"}));
        let any_of = checks.last().unwrap();
        assert_eq!((&*any_of.rule, &*any_of.got), ("GET /: any_of", "any_of[1]"));
        let inner: Vec<Vec<(&str, bool)>> = any_of
            .alternatives
            .iter()
            .map(|checks| {
                checks
                    .iter()
                    .map(|check| (&*check.rule, check.code.is_none()))
                    .collect()
            })
            .collect();
        assert_eq!(
            inner,
            [
                vec![("GET /: any_of[0].client.one_of", false)],
                vec![
                    ("GET /: any_of[1].scopes", true),
                    ("GET /: any_of[1].initiator.kind", true)
                ]
            ]
        );
    }
}
