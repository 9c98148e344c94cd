//! Tests on the actors of a chain or of a part of it: what each of them is, or at least one.

use crate::chain::{Actor, Party};
use crate::policy::parties::{self, Parties, PartyName, shown};
use crate::policy::syntax::{Name, joined};
use crate::profile::Kind;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum MembersTest {
    /// Every actor is one of these.
    AllOf(Parties),
    /// No actor is one of these.
    NoneOf(Parties),
    /// At least one actor is one of these.
    AnyOf(Parties),
    /// Every actor is of one of these kinds.
    Kinds(Box<[Kind]>),
    /// Every actor is of one of these issuers; `same` is the token's.
    Issuers(Box<[Name]>),
}

/// The actors that are tested, as messages name one, and the codes of the denials.
pub(super) struct Members {
    pub(super) one: &'static str,
    pub(super) not_allowed: &'static str,
    pub(super) missing: &'static str,
    pub(super) kind_unknown: &'static str,
    pub(super) kind_not_allowed: &'static str,
}

impl MembersTest {
    /// The code of the denial, unless the actors meet the test.
    pub(super) fn evaluate<'f>(
        &self,
        mut actors: impl Iterator<Item = &'f Actor>,
        initiator: &Party,
        members: &Members,
    ) -> Option<&'static str> {
        let is_listed = |listed: &[PartyName], actor: &Actor| parties::contains(listed, actor.party(), initiator);
        match self {
            MembersTest::AllOf(listed) => {
                let met = actors.all(|actor| is_listed(listed, actor));
                (!met).then_some(members.not_allowed)
            }
            MembersTest::NoneOf(listed) => {
                let met = !actors.any(|actor| is_listed(listed, actor));
                (!met).then_some(members.not_allowed)
            }
            MembersTest::AnyOf(listed) => {
                let met = actors.any(|actor| is_listed(listed, actor));
                (!met).then_some(members.missing)
            }
            MembersTest::Kinds(kinds) => {
                let other = actors.find(|actor| !kinds.contains(&actor.kind()))?;
                Some(match other.kind() {
                    Kind::Unknown => members.kind_unknown,
                    _ => members.kind_not_allowed,
                })
            }
            MembersTest::Issuers(issuers) => {
                let met = actors.all(|actor| parties::is_of_issuer(issuers, actor.party(), initiator));
                (!met).then_some("actor_issuer_not_allowed")
            }
        }
    }

    pub(super) fn expected(&self, members: &Members) -> String {
        let one = members.one;
        match self {
            MembersTest::AllOf(listed) => format!("every {one} one of {}", joined(listed.iter(), ", ")),
            MembersTest::NoneOf(listed) => format!("no {one} of {}", joined(listed.iter(), ", ")),
            MembersTest::AnyOf(listed) => format!("at least one {one} of {}", joined(listed.iter(), ", ")),
            MembersTest::Kinds(kinds) => format!("every {one} of kind {}", joined(kinds, " or ")),
            MembersTest::Issuers(issuers) => format!("every {one} of issuer {}", joined(issuers, " or ")),
        }
    }

    /// The actors, with their kinds where the test reads these.
    pub(super) fn got<'f>(
        &self,
        actors: impl Iterator<Item = &'f Actor>,
        initiator: &Party,
        members: &Members,
    ) -> String {
        let shown = |actor: &Actor| match self {
            MembersTest::Kinds(_) => format!("{} ({})", shown(actor.party(), initiator), actor.kind()),
            _ => shown(actor.party(), initiator),
        };
        listing(actors.map(shown).collect(), members.one)
    }
}

/// The names of actors with their number, the newest first.
pub(super) fn listing(names: Vec<String>, one: &str) -> String {
    match names.len() {
        0 => format!("no {one}"),
        count => format!("{count}: {}", names.join(" ← ")),
    }
}
