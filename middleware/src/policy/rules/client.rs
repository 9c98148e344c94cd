//! `client`: the presenter of the token, by its `client_id`.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::finding::Finding;
use super::list::{all_in, none_in};
use crate::chain::Core;
use crate::policy::change::{Fact, OTHER_CLIENT, Remedies, Value};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::syntax::{Collector, Conditions, Context, Name, joined};

/// The presenter of the token, by its `client_id` or `azp`. A token without a client meets neither list.
/// Example: `{ one_of: [web-app] }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `client: { one_of: [VALUE] }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct ClientDocument {
    /// The client is one of these. Denied with `client_not_allowed`.
    /// Example: `[web-app, mobile-app]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    one_of: Option<Vec<Name>>,
    /// The client is none of these. Denied with `client_not_allowed`.
    /// Example: `[legacy-app]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    none_of: Option<Vec<Name>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum ClientCondition {
    OneOf(Box<[Name]>),
    NoneOf(Box<[Name]>),
}

pub(super) fn compile(document: &Spanned<ClientDocument>, context: &mut Context<'_>) -> Conditions<ClientCondition> {
    context.contradiction(
        document.span(),
        "one_of",
        document.value.one_of.as_deref(),
        document.value.none_of.as_deref(),
    );
    let mut conditions = Collector::new("client", document.span(), context);
    conditions.list("one_of", document.value.one_of.as_deref(), ClientCondition::OneOf);
    conditions.list("none_of", document.value.none_of.as_deref(), ClientCondition::NoneOf);
    conditions.finish()
}

impl ClientCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &ClientCondition) -> bool {
        match (self, other) {
            (ClientCondition::OneOf(one), ClientCondition::OneOf(other)) => all_in(one, other),
            (ClientCondition::OneOf(one), ClientCondition::NoneOf(other)) => none_in(one, other),
            (ClientCondition::NoneOf(one), ClientCondition::NoneOf(other)) => all_in(other, one),
            (ClientCondition::NoneOf(_), ClientCondition::OneOf(_)) => false,
        }
    }

    /// Whether nothing meets both conditions.
    pub(in crate::policy) fn excludes(&self, other: &ClientCondition) -> bool {
        match (self, other) {
            (ClientCondition::OneOf(one), ClientCondition::OneOf(other)) => none_in(one, other),
            (ClientCondition::OneOf(listed), ClientCondition::NoneOf(excluded))
            | (ClientCondition::NoneOf(excluded), ClientCondition::OneOf(listed)) => all_in(listed, excluded),
            (ClientCondition::NoneOf(_), ClientCondition::NoneOf(_)) => false,
        }
    }

    /// Whether a token with this client meets the condition.
    pub(in crate::policy) fn accepts(&self, client: &str) -> bool {
        let is_in = |listed: &[Name]| listed.iter().any(|name| **name == *client);
        match self {
            ClientCondition::OneOf(listed) => is_in(listed),
            ClientCondition::NoneOf(listed) => !is_in(listed),
        }
    }

    /// The clients one of which the token has to have.
    pub(in crate::policy) fn listed(&self) -> Option<&[Name]> {
        match self {
            ClientCondition::OneOf(listed) => Some(listed),
            ClientCondition::NoneOf(_) => None,
        }
    }

    /// A client that is not known could be any: it meets neither list.
    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let client = core.claims.client();
        Finding::met_if(client.is_some_and(|client| self.accepts(client)), "client_not_allowed")
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let expected = match self {
            ClientCondition::OneOf(listed) => format!("client one of {}", joined(listed, ", ")),
            ClientCondition::NoneOf(listed) => format!("client none of {}", joined(listed, ", ")),
        };
        let got = core.claims.client().unwrap_or("no client");
        (expected, got.to_owned())
    }
}

impl ClientCondition {
    /// Other clients.
    pub(super) fn remedies(&self, remedies: &mut Remedies<'_>) {
        match self {
            ClientCondition::OneOf(listed) => {
                for name in listed {
                    remedies.add(Fact::Client, Value::Text((**name).into()), format!("client {name}"));
                }
            }
            ClientCondition::NoneOf(listed) => {
                let words = format!("a client that is none of {}", joined(listed, ", "));
                remedies.add(Fact::Client, Value::Text(OTHER_CLIENT.into()), words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::testing::code;

    #[test]
    fn a_client_is_compared_exactly() {
        let web = || json!({"client_id": "web"});
        for body in ["client: { one_of: [web] }", "client: { none_of: [app] }"] {
            assert_eq!(code(body, web()), "allow", "{body}");
        }
        for body in ["client: { one_of: [Web] }", "client: { none_of: [web] }"] {
            assert_eq!(code(body, web()), "client_not_allowed", "{body}");
            assert_eq!(code(body, json!({})), "client_not_allowed", "{body}");
        }
    }
}
