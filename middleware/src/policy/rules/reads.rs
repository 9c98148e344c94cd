//! What the rules of a requirement read that is no normalised fact.

use super::any_of::AnyOf;
use super::history::HistoryCondition;
use super::{ActorCondition, CoreCondition, CoreRule, HistoryRule};
use crate::policy::claim_sources::TokenFact;
use crate::policy::read::{Reader, Reads};

impl<'p> Reads<'p> {
    /// What the rules of one conjunction read.
    pub(in crate::policy) fn of(core: &'p [CoreRule], history: &'p [HistoryRule]) -> Reads<'p> {
        let mut reads = Reads::default();
        for rule in core {
            let mut reader = Reader {
                reads: &mut reads,
                rule: &rule.name,
            };
            read(rule, &mut reader);
        }
        for rule in history {
            let mut reader = Reader {
                reads: &mut reads,
                rule: &rule.name,
            };
            match &rule.condition {
                HistoryCondition::Expression(condition) => condition.read(&mut reader),
                HistoryCondition::Chain(_) => {}
            }
        }
        reads
    }
}

impl CoreRule {
    /// Whether the rule, or one within it, may read a fact of the token.
    pub(in crate::policy) fn reads(&self, fact: TokenFact) -> bool {
        match &self.condition {
            CoreCondition::Initiator(_) => fact == TokenFact::Initiator,
            CoreCondition::Client(_) => fact == TokenFact::Client,
            CoreCondition::Actor(_) | CoreCondition::MayAct(_) | CoreCondition::Expression(_) => true,
            CoreCondition::AnyOf(AnyOf(alternatives)) => alternatives.iter().flatten().any(|rule| rule.reads(fact)),
            CoreCondition::Ceiling(_) => fact != TokenFact::Client,
            CoreCondition::Scopes(_)
            | CoreCondition::Claims(_)
            | CoreCondition::Details(_)
            | CoreCondition::Operation(_)
            | CoreCondition::Token(_)
            | CoreCondition::Time(_) => false,
        }
    }
}

/// A rule within another one adds what it reads to that one.
fn read<'p>(rule: &'p CoreRule, reader: &mut Reader<'_, 'p>) {
    match &rule.condition {
        CoreCondition::Claims(condition) => condition.read(reader),
        CoreCondition::MayAct(condition) => condition.read(reader),
        CoreCondition::Details(condition) => condition.read(reader),
        CoreCondition::Operation(condition) => condition.read(reader),
        CoreCondition::Expression(condition) => condition.read(reader),
        CoreCondition::Actor(ActorCondition::Agent(condition)) => condition.read(reader),
        CoreCondition::AnyOf(AnyOf(alternatives)) => {
            alternatives.iter().flatten().for_each(|rule| read(rule, reader));
        }
        CoreCondition::Ceiling(condition) => condition.scoped().for_each(|rule| read(rule, reader)),
        CoreCondition::Scopes(_)
        | CoreCondition::Initiator(_)
        | CoreCondition::Actor(_)
        | CoreCondition::Client(_)
        | CoreCondition::Token(_)
        | CoreCondition::Time(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::read::{Need, Place, Read};
    use crate::policy::testing::requirement;

    fn read(body: &str) -> Vec<String> {
        let requirement = requirement(body);
        let reads = requirement.reads();
        let of_one = |read: &Read<'_>| match (&read.place, read.need) {
            (Place::Claim(claim), Need::Comparison) => format!("claim {claim}"),
            (Place::Claim(claim), Need::Value) => format!("value of claim {claim}"),
            (place, Need::Comparison) => place.of_request().unwrap_or_default(),
            (place, Need::Value) => format!("value of {}", place.of_request().unwrap_or_default()),
        };
        reads.all.iter().map(of_one).collect()
    }

    #[test]
    fn claims_and_the_request_are_read_also_within_alternatives() {
        for (body, expected) in [
            (
                "claims: { tid: T1, /a/b: { contains: x } }",
                &["claim /a/b", "claim tid"][..],
            ),
            ("may_act: honored", &["claim may_act"]),
            (
                "authorization_details: { type: a, members: { b: c } }",
                &["claim authorization_details"],
            ),
            (
                "authorization_details: { type: a, members: { b: { max: 5 } } }",
                &["value of claim authorization_details"],
            ),
            (
                "any_of: [{ claims: { a: 1 } }, { any_of: [{ operation: { query: { q: x } } }] }]",
                &["claim a", "query.q"],
            ),
            (
                "any_of: [{ operation: { json: { /a: 1, /b~1: { min: 1 } } } }, { scopes: [a] }]",
                &["json./a", "value of json./b~1"],
            ),
            ("operation: { query: { q: { matches: a* } } }", &["value of query.q"]),
            ("scopes: [a]\n    initiator: { kind: human, acr: x }", &[]),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }

    #[cfg(feature = "cel")]
    #[test]
    fn an_expression_needs_the_values() {
        let body = r#"expression: 'claims.a == "x" && claims["/b~"] == 1 && request.headers["x-a"] == "y"'"#;
        assert_eq!(
            read(body),
            ["value of claim /~1b~0", "value of claim a", "value of headers.x-a"]
        );
    }
}
