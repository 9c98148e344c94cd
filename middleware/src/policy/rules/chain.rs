//! `chain`: every actor of the token, prior ones included. Local policy beyond RFC 8693 section 4.1, which only denies.

use actgate_yaml::Spanned;
use serde::Deserialize;

use crate::chain::{Actor, History};
use crate::policy::parties::{self, PartyName, shown};
use crate::policy::syntax::{Collector, Conditions, Context, joined};

/// The help for a wildcard in a list.
#[derive(Clone, Debug)]
struct ChainBlock;

impl parties::Block for ChainBlock {
    const ANY: &'static str = "leave the list out for any chain, or write `chain: { max_depth: 0 }` for no actor";
}

#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `chain: { max_depth: 2 }` or `chain: { all_of: [VALUE] }`"
)]
pub(in crate::policy) struct ChainDocument {
    pub(in crate::policy) max_depth: Option<u32>,
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    all_of: Option<Vec<PartyName>>,
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    none_of: Option<Vec<PartyName>>,
    #[serde(default)]
    accept_truncation: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct ChainCondition {
    pub(in crate::policy) truncation: Truncation,
    test: ChainTest,
}

/// Whether the policy accepts that an incomplete chain evades the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// The issuer's chain must be complete.
    Refused,
    /// `accept_truncation: true`.
    Accepted,
}

#[derive(Debug, PartialEq, Eq)]
enum ChainTest {
    /// At most so many `act` objects.
    MaxDepth(usize),
    /// Every actor is one of these.
    AllOf(Box<[PartyName]>),
    /// No party, the initiator included, is one of these.
    NoneOf(Box<[PartyName]>),
}

pub(super) fn compile(document: &Spanned<ChainDocument>, context: &mut Context<'_>) -> Conditions<ChainCondition> {
    let written = &document.value;
    let truncation = match written.accept_truncation {
        true => Truncation::Accepted,
        false => Truncation::Refused,
    };
    let condition = |test| ChainCondition { truncation, test };
    context.contradiction(
        document.span(),
        "all_of",
        document.value.all_of.as_deref(),
        document.value.none_of.as_deref(),
    );
    let mut conditions = Collector::new("chain", document.span(), context);
    if let Some(depth) = written.max_depth {
        conditions.add("max_depth", condition(ChainTest::MaxDepth(depth as usize)));
    }
    conditions.list("all_of", written.all_of.as_deref(), |listed| {
        condition(ChainTest::AllOf(listed))
    });
    conditions.list("none_of", written.none_of.as_deref(), |listed| {
        condition(ChainTest::NoneOf(listed))
    });
    conditions.finish()
}

impl ChainCondition {
    /// The code of the denial, unless the chain meets the condition.
    pub(in crate::policy) fn evaluate(&self, history: &History<'_>) -> Option<&'static str> {
        // The issuer states that hops are missing: no condition on them can be evaluated.
        if history.complete == Some(false) {
            return Some("chain_incomplete");
        }
        let initiator = history.initiator;
        let (met, code) = match &self.test {
            ChainTest::MaxDepth(most) => (history.depth() <= *most, "chain_too_deep"),
            ChainTest::AllOf(listed) => (
                history
                    .actors()
                    .all(|actor| parties::contains(listed, actor.party(), initiator)),
                "chain_actor_not_allowed",
            ),
            ChainTest::NoneOf(listed) => {
                let mut parties = history.actors().map(|actor| actor.party()).chain([initiator]);
                let is_listed = parties.any(|party| parties::contains(listed, party, initiator));
                (!is_listed, "chain_actor_not_allowed")
            }
        };
        (!met).then_some(code)
    }

    pub(super) fn explain(&self, history: &History<'_>) -> (String, String) {
        let expected = match &self.test {
            ChainTest::MaxDepth(1) => "at most 1 actor".to_owned(),
            ChainTest::MaxDepth(most) => format!("at most {most} actors"),
            ChainTest::AllOf(listed) => format!("every actor one of {}", joined(listed, ", ")),
            ChainTest::NoneOf(listed) => format!("no party of {}", joined(listed, ", ")),
        };
        let shown = |actor: &Actor| shown(actor.party(), history.initiator);
        let names: Vec<String> = history.actors().map(shown).collect();
        let got = match names.len() {
            _ if history.complete == Some(false) => "a chain that its issuer declares incomplete".to_owned(),
            0 => "no actor".to_owned(),
            depth => format!("{depth}: {}", names.join(" ← ")),
        };
        (expected, got)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::testing::{chain, code, human};

    #[test]
    fn rules_on_the_chain_read_every_party_in_it() {
        let depth = "chain: { max_depth: 2 }";
        assert_eq!(code(depth, human(chain(&["b", "a"]))), "allow");
        assert_eq!(code(depth, human(chain(&["c", "b", "a"]))), "chain_too_deep");
        assert_eq!(code("chain: { all_of: [a, b] }", human(chain(&["b", "a"]))), "allow");
        assert_eq!(
            code("chain: { all_of: [a, b] }", human(chain(&["b", "x"]))),
            "chain_actor_not_allowed"
        );
        assert_eq!(
            code("chain: { none_of: [x] }", human(chain(&["b", "a", "x"]))),
            "chain_actor_not_allowed"
        );
        assert_eq!(
            code("chain: { none_of: [u1] }", human(chain(&["a"]))),
            "chain_actor_not_allowed"
        );
        let mut incomplete = human(chain(&["a"]));
        incomplete["chain_complete"] = json!(false);
        assert_eq!(code(depth, incomplete), "chain_incomplete");
    }
}
