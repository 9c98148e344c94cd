//! How two rules on the chain relate: which one implies the other, and which exclude each other.

use super::chain::{ChainCondition, ChainTest, Repeats};
use std::slice;

use super::actor::ActorCondition;
use super::initiator::InitiatorCondition;
use super::list::{all_in, are_of_issuers, are_of_other_issuers, no_issuer_in, no_party_in, none_in};
use super::members::MembersTest;
use super::prior::PriorTest;
use crate::policy::parties::{Parties, PartyName};
use crate::policy::syntax::Name;

/// How many actors a chain has.
#[derive(Clone, Copy, Debug)]
pub(in crate::policy) struct Depth {
    pub(in crate::policy) least: usize,
    pub(in crate::policy) most: usize,
}

impl ChainCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &ChainCondition) -> bool {
        match (&self.test, &other.test) {
            (ChainTest::MaxDepth(one), ChainTest::MaxDepth(other)) => one <= other,
            (ChainTest::Path(path), ChainTest::MaxDepth(most)) => path.len() <= *most,
            (ChainTest::Path(path), ChainTest::StartsWith(start)) => path.starts_with(start),
            (ChainTest::StartsWith(one), ChainTest::StartsWith(other)) => one.starts_with(other),
            (ChainTest::Via(one) | ChainTest::Path(one) | ChainTest::StartsWith(one), ChainTest::Via(other)) => {
                all_in(other, one)
            }
            (ChainTest::CalledBy(one), ChainTest::CalledBy(other)) => all_in(one, other),
            (ChainTest::NoneOf(one), ChainTest::NoneOf(other)) => all_in(other, one),
            (ChainTest::Repeats(one), ChainTest::Repeats(other)) => one == other || *one == Repeats::None,
            (ChainTest::Members(one), ChainTest::Members(other)) => one.implies(other),
            (ChainTest::Prior(PriorTest::Members(one)), ChainTest::Prior(PriorTest::Members(other))) => {
                one.implies(other)
            }
            (ChainTest::Prior(PriorTest::First(one)), ChainTest::Prior(PriorTest::First(other))) => all_in(one, other),
            (one, other) => one == other,
        }
    }

    /// Whether no chain meets both conditions, as far as that is known.
    pub(in crate::policy) fn excludes(&self, other: &ChainCondition) -> bool {
        let (one, other) = (&self.test, &other.test);
        let (deep, shallow) = (self.depth(), Depth::of(other));
        if deep.least > shallow.most || shallow.least > deep.most {
            return true;
        }
        match (one, other) {
            (
                ChainTest::StartsWith(one) | ChainTest::Path(one),
                ChainTest::StartsWith(other) | ChainTest::Path(other),
            ) => one.iter().zip(other.iter()).any(|(one, other)| !one.may_be(other)),
            (ChainTest::CalledBy(one), ChainTest::CalledBy(other))
            | (ChainTest::Prior(PriorTest::First(one)), ChainTest::Prior(PriorTest::First(other))) => {
                no_party_in(one, other)
            }
            (one, other) => {
                is_without_needed(one, other)
                    || is_without_needed(other, one)
                    || is_without_prior(one, other)
                    || is_without_prior(other, one)
                    || is_of_other_order(one, other)
                    || is_of_other_order(other, one)
            }
        }
    }

    /// Whether no chain that meets the condition has a current actor that meets the other one, as far as that is known.
    pub(in crate::policy) fn excludes_actor(&self, actor: &ActorCondition) -> bool {
        match (&self.test, actor) {
            (ChainTest::Path(path), actor) => path.last().is_some_and(|last| actor.refuses(last)),
            (test, ActorCondition::OneOf(listed)) => listed.iter().all(|name| refuses(test, name)),
            (ChainTest::Members(MembersTest::AllOf(listed)), actor) => {
                actor.needs_actor() && listed.iter().all(|name| actor.refuses(name))
            }
            (ChainTest::Members(MembersTest::Kinds(one)), ActorCondition::Kind(other)) => none_in(one, other),
            (ChainTest::Members(MembersTest::Issuers(one)), ActorCondition::Issuer(other)) => no_issuer_in(one, other),
            _ => false,
        }
    }

    /// Whether the condition refuses every initiator that meets the other one.
    pub(in crate::policy) fn excludes_initiator(&self, initiator: &InitiatorCondition) -> bool {
        match (&self.test, initiator) {
            (ChainTest::NoneOf(excluded), InitiatorCondition::OneOf(listed)) => all_in(listed, excluded),
            _ => false,
        }
    }

    /// How many actors a chain has that meets the condition.
    pub(in crate::policy) fn depth(&self) -> Depth {
        Depth::of(&self.test)
    }
}

impl ChainCondition {
    /// The condition with its parties and its issuers as they are in the tokens of one issuer.
    pub(in crate::policy) fn resolved(
        &self,
        parties: &dyn Fn(&[PartyName]) -> Parties,
        issuers: &dyn Fn(&[Name]) -> Box<[Name]>,
    ) -> ChainCondition {
        let members = |test: &MembersTest| match test {
            MembersTest::AllOf(listed) => MembersTest::AllOf(parties(listed)),
            MembersTest::NoneOf(listed) => MembersTest::NoneOf(parties(listed)),
            MembersTest::AnyOf(listed) => MembersTest::AnyOf(parties(listed)),
            MembersTest::Kinds(kinds) => MembersTest::Kinds(kinds.clone()),
            MembersTest::Issuers(listed) => MembersTest::Issuers(issuers(listed)),
        };
        let test = match &self.test {
            ChainTest::MaxDepth(most) => ChainTest::MaxDepth(*most),
            ChainTest::Members(test) => ChainTest::Members(members(test)),
            ChainTest::NoneOf(listed) => ChainTest::NoneOf(parties(listed)),
            ChainTest::Via(listed) => ChainTest::Via(parties(listed)),
            ChainTest::StartsWith(listed) => ChainTest::StartsWith(parties(listed)),
            ChainTest::Path(listed) => ChainTest::Path(parties(listed)),
            ChainTest::CalledBy(listed) => ChainTest::CalledBy(parties(listed)),
            ChainTest::Repeats(repeats) => ChainTest::Repeats(*repeats),
            ChainTest::Prior(PriorTest::Members(test)) => ChainTest::Prior(PriorTest::Members(members(test))),
            ChainTest::Prior(PriorTest::First(listed)) => ChainTest::Prior(PriorTest::First(parties(listed))),
        };
        let truncation = self.truncation;
        ChainCondition { truncation, test }
    }
}

impl Depth {
    /// Whether all chains have the same number of actors: those of a path, or none.
    pub(in crate::policy) fn is_exact(&self) -> bool {
        self.least == self.most
    }

    fn of(test: &ChainTest) -> Depth {
        let least = match test {
            ChainTest::MaxDepth(most) => return Depth { least: 0, most: *most },
            ChainTest::Path(path) => {
                return Depth {
                    least: path.len(),
                    most: path.len(),
                };
            }
            ChainTest::StartsWith(listed) => listed.len(),
            ChainTest::Members(MembersTest::AnyOf(_)) | ChainTest::Via(_) => 1,
            ChainTest::CalledBy(_)
            | ChainTest::Prior(PriorTest::First(_) | PriorTest::Members(MembersTest::AnyOf(_))) => 2,
            ChainTest::Members(_) | ChainTest::NoneOf(_) | ChainTest::Repeats(_) | ChainTest::Prior(_) => 0,
        };
        Depth {
            least,
            most: usize::MAX,
        }
    }
}

/// Whether a test refuses a chain that another one needs an actor of.
fn is_without_needed(refusing: &ChainTest, needing: &ChainTest) -> bool {
    match needing {
        ChainTest::Via(listed) | ChainTest::StartsWith(listed) | ChainTest::Path(listed) => {
            listed.iter().any(|name| refuses(refusing, name))
        }
        ChainTest::CalledBy(listed)
        | ChainTest::Members(MembersTest::AnyOf(listed))
        | ChainTest::Prior(PriorTest::First(listed) | PriorTest::Members(MembersTest::AnyOf(listed))) => {
            listed.iter().all(|name| refuses(refusing, name))
        }
        _ => false,
    }
}

/// Whether a test on the prior actors refuses every one that another test needs.
fn is_without_prior(refusing: &ChainTest, needing: &ChainTest) -> bool {
    let needed = match needing {
        ChainTest::CalledBy(listed)
        | ChainTest::Prior(PriorTest::First(listed) | PriorTest::Members(MembersTest::AnyOf(listed))) => listed,
        _ => return false,
    };
    match refusing {
        ChainTest::Prior(PriorTest::Members(MembersTest::AllOf(listed))) => no_party_in(needed, listed),
        ChainTest::Prior(PriorTest::Members(MembersTest::NoneOf(listed))) => all_in(needed, listed),
        _ => false,
    }
}

/// Whether the actors that a chain begins with are others than a test on the order of the prior ones needs.
fn is_of_other_order(ordered: &ChainTest, needing: &ChainTest) -> bool {
    let (ChainTest::StartsWith(oldest) | ChainTest::Path(oldest)) = ordered else {
        return false;
    };
    let Some((last, prior)) = oldest.split_last() else {
        return false;
    };
    let is_whole = matches!(ordered, ChainTest::Path(_));
    let may_be_in = |name: &PartyName, listed: &[PartyName]| listed.iter().any(|listed| listed.may_be(name));
    match needing {
        ChainTest::CalledBy(listed) => is_whole && prior.last().is_some_and(|caller| !may_be_in(caller, listed)),
        ChainTest::Prior(PriorTest::First(listed)) => !may_be_in(prior.first().unwrap_or(last), listed),
        ChainTest::Prior(PriorTest::Members(MembersTest::AllOf(listed))) => {
            !prior.iter().all(|name| may_be_in(name, listed))
        }
        ChainTest::Prior(PriorTest::Members(MembersTest::NoneOf(listed))) => {
            prior.iter().any(|name| listed.contains(name))
        }
        ChainTest::Prior(PriorTest::Members(MembersTest::AnyOf(listed))) => is_whole && no_party_in(prior, listed),
        _ => false,
    }
}

/// Whether no chain with this actor in it meets the test.
fn refuses(test: &ChainTest, name: &PartyName) -> bool {
    match test {
        ChainTest::Members(MembersTest::AllOf(listed)) | ChainTest::Path(listed) => {
            !listed.iter().any(|listed| listed.may_be(name))
        }
        ChainTest::Members(MembersTest::NoneOf(listed)) | ChainTest::NoneOf(listed) => listed.contains(name),
        ChainTest::Members(MembersTest::Issuers(issuers)) => are_of_other_issuers(slice::from_ref(name), issuers),
        _ => false,
    }
}

impl MembersTest {
    /// Whether whatever meets this test meets the other one, about the same actors.
    fn implies(&self, other: &MembersTest) -> bool {
        match (self, other) {
            (MembersTest::AllOf(one), MembersTest::AllOf(other))
            | (MembersTest::AnyOf(one), MembersTest::AnyOf(other)) => all_in(one, other),
            (MembersTest::AllOf(one), MembersTest::NoneOf(other)) => no_party_in(one, other),
            (MembersTest::AllOf(one), MembersTest::Issuers(other)) => are_of_issuers(one, other),
            (MembersTest::NoneOf(one), MembersTest::NoneOf(other)) => all_in(other, one),
            (MembersTest::Kinds(one), MembersTest::Kinds(other)) => all_in(one, other),
            (MembersTest::Issuers(one), MembersTest::Issuers(other)) => all_in(one, other),
            (one, other) => one == other,
        }
    }
}
