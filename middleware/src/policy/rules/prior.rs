//! `chain: { prior }`: the prior actors alone, which are all but the current one.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::list::no_party_in;
use super::members::{Members, MembersTest, listing};
use crate::chain::History;
use crate::policy::parties::{self, Parties, PartyList, shown};
use crate::policy::syntax::{Collector, Conditions, Context, Name, joined};
use crate::profile::Kind;

/// The help for a wildcard in a list.
#[derive(Clone, Debug)]
struct PriorBlock;

impl parties::Block for PriorBlock {
    const ANY: &'static str = "leave the list out for any prior actor, or write `chain: { max_depth: 1 }` for none";
}

/// The actors before the current one, alone.
/// Example: `{ all_of: [planner, reviewer] }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `prior: { all_of: [VALUE] }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(super) struct PriorDocument {
    /// Every prior actor is one of these parties. Denied with `prior_actor_not_allowed`.
    /// Example: `[planner, reviewer]`
    #[serde(default, deserialize_with = "parties::listed::<PriorBlock, _>")]
    all_of: Option<PartyList>,
    /// At least one prior actor is one of these parties. Denied with `prior_actor_missing`.
    /// Example: `[reviewer]`
    #[serde(default, deserialize_with = "parties::listed::<PriorBlock, _>")]
    any_of: Option<PartyList>,
    /// No prior actor is one of these parties. Denied with `prior_actor_not_allowed`.
    /// Example: `[revoked-agent]`
    #[serde(default, deserialize_with = "parties::listed::<PriorBlock, _>")]
    none_of: Option<PartyList>,
    /// The oldest actor before the current one is one of these parties. Denied with `prior_actor_missing` or
    /// `prior_actor_not_allowed`.
    /// Example: `[orchestrator]`
    #[serde(default, deserialize_with = "parties::listed::<PriorBlock, _>")]
    first: Option<PartyList>,
    /// Every prior actor is of this kind, or of one of a list. Denied with `prior_actor_kind_unknown` or
    /// `prior_actor_kind_not_allowed`.
    /// Example: `agent`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    kinds: Option<OneOrMany<Kind>>,
    /// Every prior actor is of this issuer, or of one of a list; `same` is that of the token. Denied with
    /// `actor_issuer_not_allowed`.
    /// Example: `same`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    issuers: Option<OneOrMany<Name>>,
}

impl PriorDocument {
    pub(super) fn party_lists(&mut self) -> impl Iterator<Item = &mut PartyList> {
        let lists = [&mut self.all_of, &mut self.any_of, &mut self.none_of, &mut self.first];
        lists.into_iter().flatten()
    }

    /// The word that asks for a prior actor.
    pub(super) fn requires_one(&self) -> Option<&'static str> {
        match (&self.any_of, &self.first) {
            (Some(_), _) => Some("prior.any_of"),
            (None, Some(_)) => Some("prior.first"),
            (None, None) => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PriorTest {
    Members(MembersTest),
    /// The oldest one is one of these.
    First(Parties),
}

const MEMBERS: Members = Members {
    one: "prior actor",
    not_allowed: "prior_actor_not_allowed",
    missing: "prior_actor_missing",
    kind_unknown: "prior_actor_kind_unknown",
    kind_not_allowed: "prior_actor_kind_not_allowed",
};

pub(super) fn compile(document: &Spanned<PriorDocument>, context: &mut Context<'_>) -> Conditions<PriorTest> {
    let (span, written) = (document.span(), &document.value);
    for (key, accepted) in [
        ("all_of", &written.all_of),
        ("any_of", &written.any_of),
        ("first", &written.first),
    ] {
        parties::contradiction(context, span, key, accepted.as_ref(), written.none_of.as_ref());
    }
    for (key, needed) in [("any_of", &written.any_of), ("first", &written.first)] {
        if let (Some(needed), Some(all_of)) = (needed, &written.all_of)
            && !needed.is_empty()
            && no_party_in(needed, all_of)
        {
            let message = format!("no party of `prior.{key}` is in `prior.all_of`, and so no chain meets both");
            context.mistake(span, message, "add one of them to `all_of`, or remove one of the two");
        }
    }
    let members = |test: fn(Parties) -> MembersTest| move |listed| PriorTest::Members(test(listed));
    let mut conditions = Collector::new("prior", span, context);
    conditions.parties("all_of", written.all_of.as_ref(), members(MembersTest::AllOf));
    conditions.parties("any_of", written.any_of.as_ref(), members(MembersTest::AnyOf));
    conditions.parties("none_of", written.none_of.as_ref(), members(MembersTest::NoneOf));
    conditions.parties("first", written.first.as_ref(), PriorTest::First);
    conditions.list("kinds", written.kinds.as_deref(), |kinds| {
        PriorTest::Members(MembersTest::Kinds(kinds))
    });
    conditions.list("issuers", written.issuers.as_deref(), |issuers| {
        PriorTest::Members(MembersTest::Issuers(issuers))
    });
    conditions.finish()
}

impl PriorTest {
    /// The code of the denial, unless the prior actors meet the test.
    pub(super) fn evaluate(&self, history: &History<'_>) -> Option<&'static str> {
        match self {
            PriorTest::Members(test) => test.evaluate(history.prior.iter(), history.initiator, &MEMBERS),
            PriorTest::First(listed) => match history.prior.last() {
                None => Some(MEMBERS.missing),
                Some(oldest) => {
                    let met = parties::contains(listed, oldest.party(), history.initiator);
                    (!met).then_some(MEMBERS.not_allowed)
                }
            },
        }
    }

    pub(super) fn expected(&self) -> String {
        match self {
            PriorTest::Members(test) => test.expected(&MEMBERS),
            PriorTest::First(listed) => format!("the first prior actor one of {}", joined(listed.iter(), ", ")),
        }
    }

    pub(super) fn got(&self, history: &History<'_>) -> String {
        match self {
            PriorTest::Members(test) => test.got(history.prior.iter(), history.initiator, &MEMBERS),
            PriorTest::First(_) => {
                let names = history
                    .prior
                    .iter()
                    .map(|actor| shown(actor.party(), history.initiator));
                listing(names.collect(), MEMBERS.one)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::testing::{agent, chain, checks, code, human};

    #[test]
    fn the_current_actor_and_the_initiator_are_no_prior_actors() {
        let of = |body: &str, names: &[&str]| code(body, human(chain(names)));
        let all = "chain: { prior: { all_of: [a, b] } }";
        assert_eq!(of(all, &["x", "b", "a"]), "allow");
        assert_eq!(of(all, &["x"]), "allow", "each of no prior actor");
        assert_eq!(code(all, human(Value::Null)), "allow");
        assert_eq!(of(all, &["a", "b", "x"]), "prior_actor_not_allowed");
        let none = "chain: { prior: { none_of: [x, u1] } }";
        assert_eq!(of(none, &["x", "a"]), "allow");
        assert_eq!(of(none, &["a", "x"]), "prior_actor_not_allowed");
        let any = "chain: { prior: { any_of: [a, b] } }";
        assert_eq!(of(any, &["x", "y", "a"]), "allow");
        assert_eq!(of(any, &["a", "x"]), "prior_actor_missing");
        assert_eq!(of(any, &["a"]), "prior_actor_missing");
        let first = "chain: { prior: { first: [orch] } }";
        assert_eq!(of(first, &["tool", "orch"]), "allow");
        assert_eq!(of(first, &["tool", "plan", "orch"]), "allow");
        assert_eq!(of(first, &["tool", "orch", "x"]), "prior_actor_not_allowed");
        assert_eq!(of(first, &["orch"]), "prior_actor_missing");
    }

    #[test]
    fn kinds_and_issuers_of_prior_actors_are_positive_evidence() {
        let with_prior = |prior: Value| {
            let mut act = json!({"sub": "x", "iss": "https://partner.example"});
            act["act"] = prior;
            human(act)
        };
        let kinds = "chain: { prior: { kinds: agent } }";
        assert_eq!(code(kinds, with_prior(agent("a"))), "allow");
        assert_eq!(code(kinds, with_prior(json!({"sub": "a"}))), "prior_actor_kind_unknown");
        let person = json!({"sub": "adm7", "sub_profile": "user"});
        assert_eq!(code(kinds, with_prior(person)), "prior_actor_kind_not_allowed");
        let issuers = "chain: { prior: { issuers: same } }";
        assert_eq!(code(issuers, with_prior(agent("a"))), "allow");
        let partner = json!({"sub": "a", "iss": "https://partner.example"});
        assert_eq!(code(issuers, with_prior(partner)), "actor_issuer_not_allowed");
    }

    #[test]
    fn explain_shows_the_prior_actors_alone() {
        let got = |body: &str, names: &[&str]| {
            let check = checks(body, human(chain(names))).pop().unwrap();
            (check.rule, check.expected, check.got)
        };
        assert_eq!(
            got("chain: { prior: { none_of: [a] } }", &["c", "b", "a"]),
            (
                "GET /: chain.prior.none_of".to_owned(),
                "no prior actor of a".to_owned(),
                "2: b ← a".to_owned()
            )
        );
        assert_eq!(
            got("chain: { prior: { first: [a] } }", &["c"]),
            (
                "GET /: chain.prior.first".to_owned(),
                "the first prior actor one of a".to_owned(),
                "no prior actor".to_owned()
            )
        );
    }
}
