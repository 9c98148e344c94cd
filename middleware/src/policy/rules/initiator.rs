//! `initiator`: the subject of the token, its kind, and the login behind it.

use std::sync::Arc;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::finding::{Finding, StepUp};
use crate::chain::Core;
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::parties::{self, PartyName};
use crate::policy::syntax::{Collector, Conditions, Context, Name, Seconds, Word, joined};
use crate::profile::Kind;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::policy) struct InitiatorDocument {
    kind: Option<OneOrMany<Kind>>,
    one_of: Option<Vec<PartyName>>,
    none_of: Option<Vec<PartyName>>,
    amr: Option<OneOrMany<Name>>,
    acr: Option<OneOrMany<Word>>,
    max_auth_age: Option<Seconds>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum InitiatorCondition {
    Kind(Box<[Kind]>),
    OneOf(Box<[PartyName]>),
    NoneOf(Box<[PartyName]>),
    /// Every one of these methods is in `amr`.
    Methods(Box<[Name]>),
    /// `acr` is one of these; the text is for the challenge.
    Contexts(Box<[Word]>, Arc<str>),
    /// `auth_time` is at most so many seconds ago.
    MaxAuthAge(u64),
}

pub(super) fn compile(
    document: &Spanned<InitiatorDocument>,
    context: &mut Context<'_>,
) -> Conditions<InitiatorCondition> {
    let InitiatorDocument {
        kind,
        one_of,
        none_of,
        amr,
        acr,
        max_auth_age,
    } = &document.value;
    let mut conditions = Collector::new("initiator", document.span(), context);
    conditions.list("kind", kind.as_ref().map(|kinds| &*kinds.0), InitiatorCondition::Kind);
    conditions.list("one_of", one_of.as_deref(), InitiatorCondition::OneOf);
    conditions.list("none_of", none_of.as_deref(), InitiatorCondition::NoneOf);
    conditions.list(
        "amr",
        amr.as_ref().map(|methods| &*methods.0),
        InitiatorCondition::Methods,
    );
    conditions.list("acr", acr.as_ref().map(|contexts| &*contexts.0), |contexts| {
        let acr_values = joined(&contexts, " ").into();
        InitiatorCondition::Contexts(contexts, acr_values)
    });
    if let Some(Seconds(seconds)) = max_auth_age {
        conditions.add("max_auth_age", InitiatorCondition::MaxAuthAge(*seconds));
    }
    conditions.finish()
}

impl InitiatorCondition {
    pub(super) fn evaluate(&self, core: &Core<'_>, time: &EvaluationTime) -> Finding {
        let authentication = &core.claims.authentication;
        let is_listed = |listed: &[PartyName]| parties::contains(listed, core.initiator, core.initiator);
        match self {
            InitiatorCondition::Kind(kinds) => Finding::met_if(
                kinds.contains(&core.kind),
                match core.kind {
                    Kind::Unknown => "initiator_kind_unknown",
                    _ if **kinds == [Kind::Human] => "initiator_not_human",
                    _ => "initiator_kind_not_allowed",
                },
            ),
            InitiatorCondition::OneOf(listed) => Finding::met_if(is_listed(listed), "initiator_not_allowed"),
            InitiatorCondition::NoneOf(listed) => Finding::met_if(!is_listed(listed), "initiator_not_allowed"),
            InitiatorCondition::Methods(methods) => {
                let used = |method: &Name| authentication.methods.iter().any(|used| **used == **method);
                Finding::met_if(methods.iter().all(used), "amr_not_met")
            }
            InitiatorCondition::Contexts(contexts, acr_values) => {
                let reached = authentication.context.as_deref();
                if reached.is_some_and(|reached| contexts.iter().any(|context| **context == *reached)) {
                    return Finding::Met;
                }
                let needed = StepUp {
                    code: "acr_not_met",
                    max_age: None,
                    acr_values: Some(Arc::clone(acr_values)),
                };
                Finding::login(core, needed)
            }
            InitiatorCondition::MaxAuthAge(seconds) => {
                let login = authentication.time;
                if login.is_some_and(|login| time.is_within(login, *seconds)) {
                    return Finding::Met;
                }
                let needed = StepUp {
                    code: "auth_too_old",
                    max_age: Some(*seconds),
                    acr_values: None,
                };
                Finding::login(core, needed)
            }
        }
    }

    pub(super) fn expected(&self) -> String {
        match self {
            InitiatorCondition::Kind(kinds) => joined(kinds, " or "),
            InitiatorCondition::OneOf(listed) => format!("one of {}", joined(listed, ", ")),
            InitiatorCondition::NoneOf(listed) => format!("none of {}", joined(listed, ", ")),
            InitiatorCondition::Methods(methods) => format!("login with {}", joined(methods, " and ")),
            InitiatorCondition::Contexts(contexts, _) => format!("login at {}", joined(contexts, " or ")),
            InitiatorCondition::MaxAuthAge(seconds) => format!("login at most {seconds} s ago"),
        }
    }

    pub(super) fn got(&self, core: &Core<'_>, time: &EvaluationTime) -> String {
        let authentication = &core.claims.authentication;
        match self {
            InitiatorCondition::Kind(_) => core.kind.to_string(),
            InitiatorCondition::OneOf(_) | InitiatorCondition::NoneOf(_) => core.initiator.subject().to_owned(),
            InitiatorCondition::Methods(_) if authentication.methods.is_empty() => "no amr".to_owned(),
            InitiatorCondition::Methods(_) => authentication.methods.join(", "),
            InitiatorCondition::Contexts(..) => authentication.context.as_deref().unwrap_or("no acr").to_owned(),
            InitiatorCondition::MaxAuthAge(_) => match authentication.time {
                None => "no auth_time".to_owned(),
                Some(login) if login > time.now => format!("{} s in the future", login - time.now),
                Some(login) => format!("{} s ago", time.now - login),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::testing::{NOW, agent, code, human};

    #[test]
    fn the_kind_of_the_initiator_is_positive_evidence() {
        let body = "initiator: { kind: human }";
        assert_eq!(code(body, human(Value::Null)), "allow");
        assert_eq!(code(body, human(agent("a"))), "allow");
        assert_eq!(code(body, json!({"sub_profile": "ai_agent"})), "initiator_not_human");
        assert_eq!(code(body, json!({})), "initiator_kind_unknown");
        assert_eq!(
            code("initiator: { kind: [agent, service] }", human(Value::Null)),
            "initiator_kind_not_allowed"
        );
    }

    #[test]
    fn a_login_is_fresh_to_the_second_and_never_from_the_future() {
        let body = "initiator: { max_auth_age: 5m }";
        let at = |time: u64| code(body, json!({"sub_profile": "user", "auth_time": time}));
        assert_eq!(at(NOW - 300), "allow");
        assert_eq!(at(NOW - 301), "auth_too_old");
        assert_eq!(at(NOW + 30), "allow");
        assert_eq!(at(NOW + 31), "auth_too_old");
        assert_eq!(code(body, human(Value::Null)), "auth_too_old");
    }
}
