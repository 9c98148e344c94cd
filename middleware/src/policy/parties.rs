//! The parties that a rule lists.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::exact::{self, quoted};
use super::syntax::Name;
use crate::chain::Party;
use crate::look::Look;

/// A party in a list: a bare name is one of the token's own issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyName {
    issuer: Option<Name>,
    subject: Name,
}

/// A block of a rule with lists of parties.
pub(super) trait Block {
    /// The help for a wildcard.
    const ANY: &'static str;
}

/// Reads the parties of a list in a block.
pub(super) fn listed<'de, B: Block, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<PartyName>>, D::Error> {
    let listed = Vec::<Listed<B>>::deserialize(deserializer)?;
    Ok(Some(listed.into_iter().map(|listed| listed.party).collect()))
}

/// A party that is listed in a block.
struct Listed<B> {
    party: PartyName,
    block: PhantomData<B>,
}

impl<'de, B: Block> Deserialize<'de> for Listed<B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Party<B>(PhantomData<B>);
        impl<'de, B: Block> Visitor<'de> for Party<B> {
            type Value = PartyName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<PartyName, E> {
                let subject = Name::try_from(Box::from(text)).map_err(E::custom)?;
                check::<B, E>(text)?;
                Ok(PartyName { issuer: None, subject })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PartyName, A::Error> {
                let Pair { issuer, subject } = Pair::deserialize(MapAccessDeserializer::new(map))?;
                let subject = Name::try_from(subject).map_err(A::Error::custom)?;
                Ok(PartyName { issuer, subject })
            }
        }
        let party = deserializer.deserialize_any(Party::<B>(PhantomData))?;
        Ok(Listed {
            party,
            block: PhantomData,
        })
    }
}

/// A party with its issuer, or a subject that looks like a pattern.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    issuer: Option<Name>,
    subject: Box<str>,
}

/// Rejects the name of a party that looks like a pattern.
fn check<B: Block, E: Error>(text: &str) -> Result<(), E> {
    let shown = exact::shown(text);
    let literal = format!("`{{ subject: {} }}`", quoted(text));
    Err(E::custom(match Look::of(text) {
        None => return Ok(()),
        Some(Look::Any) => format!(
            "`{shown}` is a wildcard, and parties are compared as they are\n{}; {literal} is the party of this very name",
            B::ANY
        ),
        Some(Look::Several) => format!(
            "`{shown}` is one party that looks like several\nwrite each as an item of its own, or {literal} if the token has this very text"
        ),
        Some(Look::Blank) => format!(
            "`{shown}` begins or ends with a blank\nwrite `{}`, or {literal} if the token has this very text",
            shown.trim()
        ),
        Some(Look::Pattern) => format!(
            "`{shown}` is a pattern, and parties are compared as they are\nwrite each party in full, or {literal} if the token has this very text"
        ),
        Some(Look::Template) => format!(
            "`{shown}` is a template, and variables are not replaced\nwrite the party itself, or {literal} if the token has this very text"
        ),
    }))
}

impl PartyName {
    /// Whether it names `party`; a bare name means the issuer of the token, which is the initiator's.
    pub(super) fn is(&self, party: &Party, initiator: &Party) -> bool {
        let issuer = self.issuer.as_deref().unwrap_or(initiator.issuer());
        *self.subject == *party.subject() && *issuer == *party.issuer()
    }

    /// The issuer, where it is written.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Whether both name one party in some token.
    pub(super) fn may_be(&self, other: &PartyName) -> bool {
        let is_one_issuer = match (&self.issuer, &other.issuer) {
            (Some(one), Some(other)) => one == other,
            // That of the token.
            _ => true,
        };
        is_one_issuer && self.subject == other.subject
    }
}

/// Whether `party` is listed.
pub(super) fn contains(listed: &[PartyName], party: &Party, initiator: &Party) -> bool {
    listed.iter().any(|name| name.is(party, initiator))
}

/// Whether `party` is of one of these issuers; `same` is that of the token.
pub(super) fn is_of_issuer(issuers: &[Name], party: &Party, initiator: &Party) -> bool {
    issuers.iter().any(|name| match &**name {
        "same" => *party.issuer() == *initiator.issuer(),
        name => *name == *party.issuer(),
    })
}

impl fmt::Display for PartyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issuer {
            Some(issuer) => write!(f, "{} of {issuer}", self.subject),
            None => self.subject.fmt(f),
        }
    }
}

/// A party as `explain` shows it: its issuer only where that is not the token's.
pub(super) fn shown(party: &Party, initiator: &Party) -> String {
    if party.issuer() == initiator.issuer() {
        party.subject().to_owned()
    } else {
        format!("{} of {}", party.subject(), party.issuer())
    }
}
