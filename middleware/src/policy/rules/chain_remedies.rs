//! What could meet a rule on the chain: other actors, and other prior actors for all such rules at once.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::chain::{ChainCondition, ChainTest};
use super::history::{HistoryCondition, HistoryRule};
use super::members::MembersTest;
use super::prior::PriorTest;
use crate::chain::{Actor, Core, History, Party};
use crate::policy::change::{Fact, OTHER_PRIOR_ACTOR, Remedies, Value};
use crate::policy::parties::{self, PartyName};
use crate::profile::Kind;

/// How many lists of prior actors are tried beside the first ones.
const MAX_TRIED: usize = 500;

/// The most prior actors of a list that is tried: with the current actor as many as a token has by default.
const MAX_PRIOR: usize = 15;

impl ChainCondition {
    pub(super) fn remedies(&self, history: &History<'_>, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let initiator = history.initiator;
        let current = history.delegation.actor();
        let kind = current.map_or(Kind::Agent, Actor::kind);
        if current.is_some() {
            remedies.add(Fact::PriorActors, Value::Fitting, String::new());
        }
        // Another current actor changes more than the chain before it.
        remedies.wide(|remedies| {
            for name in self.test.listed() {
                remedies.actor(name.party(initiator), kind);
            }
            remedies.other_actor(core);
            if let Some(actor) = current {
                for kind in self.test.kinds() {
                    remedies.actor(actor.party().clone(), *kind);
                }
                for issuer in self.test.issuers() {
                    let issuer = match issuer {
                        "same" => initiator.to_issuer(),
                        issuer => Arc::from(issuer),
                    };
                    remedies.actor(Party::new(issuer, actor.party().subject().into()), kind);
                }
                remedies.no_actor();
            }
        });
        if let ChainTest::NoneOf(listed) = &self.test
            && parties::contains(listed, initiator, initiator)
        {
            remedies.other_initiator(core);
        }
    }
}

impl ChainTest {
    /// The parties that the test names.
    fn listed(&self) -> &[PartyName] {
        match self {
            ChainTest::Via(listed)
            | ChainTest::StartsWith(listed)
            | ChainTest::Path(listed)
            | ChainTest::CalledBy(listed)
            | ChainTest::Members(MembersTest::AllOf(listed) | MembersTest::AnyOf(listed))
            | ChainTest::Prior(
                PriorTest::First(listed) | PriorTest::Members(MembersTest::AllOf(listed) | MembersTest::AnyOf(listed)),
            ) => listed,
            _ => &[],
        }
    }

    fn kinds(&self) -> &[Kind] {
        match self {
            ChainTest::Members(MembersTest::Kinds(kinds))
            | ChainTest::Prior(PriorTest::Members(MembersTest::Kinds(kinds))) => kinds,
            _ => &[],
        }
    }

    fn issuers(&self) -> impl Iterator<Item = &str> {
        let issuers = match self {
            ChainTest::Members(MembersTest::Issuers(issuers))
            | ChainTest::Prior(PriorTest::Members(MembersTest::Issuers(issuers))) => &**issuers,
            _ => &[],
        };
        issuers.iter().map(|issuer| &**issuer)
    }
}

/// Prior actors with which every rule on the chain is met that has the form of `chain`; [`None`] where none are found.
///
/// `history` has the other facts. The lists that are tried are the present one, its ends, those that the rules name, and what is one or
/// more actors different from these.
pub(in crate::policy) fn fitting_prior(rules: &[HistoryRule], history: &History<'_>) -> Option<Box<[Actor]>> {
    let tests: Vec<&ChainTest> = rules
        .iter()
        .filter_map(|rule| match &rule.condition {
            HistoryCondition::Chain(condition) => Some(&condition.test),
            HistoryCondition::Expression(_) => None,
        })
        .collect();
    let is_met = |prior: &[Actor]| {
        let history = History { prior, ..*history };
        rules.iter().all(|rule| match &rule.condition {
            HistoryCondition::Chain(condition) => condition.evaluate(&history).is_none(),
            HistoryCondition::Expression(_) => true,
        })
    };
    let kinds: Vec<Kind> = tests.iter().flat_map(|test| test.kinds()).copied().collect();
    let candidates = candidates(&tests, history, &kinds);
    let mut seen: HashSet<Vec<Actor>> = HashSet::new();
    let mut waiting: VecDeque<Vec<Actor>> = starts(&tests, history, &kinds).into();
    while let Some(prior) = waiting.pop_front() {
        if is_met(&prior) {
            return Some(prior.into());
        }
        let mut push = |next: Vec<Actor>| {
            if seen.len() >= MAX_TRIED {
                return;
            }
            if seen.insert(next.clone()) {
                waiting.push_back(next);
            }
        };
        for place in 0..=prior.len() {
            let with = |replaced: usize, actor: Option<&Actor>| {
                let mut next = prior.clone();
                next.splice(place..place + replaced, actor.cloned());
                next
            };
            if place < prior.len() {
                push(with(1, None));
                candidates.iter().for_each(|actor| push(with(1, Some(actor))));
            }
            if prior.len() < MAX_PRIOR {
                candidates.iter().for_each(|actor| push(with(0, Some(actor))));
            }
        }
    }
    None
}

/// The lists that are tried first.
fn starts(tests: &[&ChainTest], history: &History<'_>, kinds: &[Kind]) -> Vec<Vec<Actor>> {
    let prior = history.prior;
    let newest = (0..=prior.len()).rev().map(|length| prior[..length].to_vec());
    let oldest = (0..prior.len()).map(|length| prior[length..].to_vec());
    let mut starts: Vec<Vec<Actor>> = newest.chain(oldest).collect();
    for test in tests {
        if let ChainTest::Path(listed) | ChainTest::StartsWith(listed) = test {
            // The newest of a path is the current actor, and that of a beginning need not be.
            for length in [listed.len().saturating_sub(1), listed.len()] {
                let named = listed.iter().take(length).rev();
                let kind = kinds.first().copied().unwrap_or(Kind::Agent);
                starts.push(
                    named
                        .map(|name| Actor::new(name.party(history.initiator), kind))
                        .collect(),
                );
            }
        }
    }
    starts
}

/// The actors that may take a place in a list.
fn candidates(tests: &[&ChainTest], history: &History<'_>, kinds: &[Kind]) -> Vec<Actor> {
    let own = history.initiator.to_issuer();
    let other = Party::new(Arc::clone(&own), OTHER_PRIOR_ACTOR.into());
    let listed = tests
        .iter()
        .flat_map(|test| test.listed())
        .map(|name| name.party(history.initiator));
    let present = history.actors().map(|actor| actor.party().clone());
    let mut found: Vec<Actor> = Vec::new();
    for party in listed.chain(present).chain([other]) {
        let same_kind = history
            .actors()
            .filter(|actor| *actor.party() == party)
            .map(Actor::kind);
        let kinds = same_kind.chain(kinds.iter().copied()).chain([Kind::Agent]);
        for kind in kinds {
            let actor = Actor::new(party.clone(), kind);
            if !found.contains(&actor) {
                found.push(actor);
            }
        }
    }
    found
}
