//! The parties that a rule lists.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::exact::{self, Look, quoted};
use super::syntax::Name;
use crate::chain::Party;

/// A party in a list: a bare name is one of the token's own issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyName {
    issuer: Option<Name>,
    subject: Name,
}

impl<'de> Deserialize<'de> for PartyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Party;
        impl<'de> Visitor<'de> for Party {
            type Value = PartyName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<PartyName, E> {
                let subject = Name::try_from(Box::from(text)).map_err(E::custom)?;
                check(text)?;
                Ok(PartyName { issuer: None, subject })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PartyName, A::Error> {
                let Pair { issuer, subject } = Pair::deserialize(MapAccessDeserializer::new(map))?;
                let subject = Name::try_from(subject).map_err(A::Error::custom)?;
                Ok(PartyName { issuer, subject })
            }
        }
        deserializer.deserialize_any(Party)
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
fn check<E: Error>(text: &str) -> Result<(), E> {
    let shown = exact::shown(text);
    let literal = format!("`{{ subject: {} }}`", quoted(text));
    Err(E::custom(match Look::of(text) {
        None => return Ok(()),
        Some(Look::Any) => format!(
            "`{shown}` is a wildcard, and parties are compared as they are\nwrite `actor: {{ required: true }}` for any actor, `actor: {{ absent: true }}` \
             for none, and no list for any party; {literal} is the party of this very name"
        ),
        Some(Look::Pattern) => format!(
            "`{shown}` is a pattern, and parties are compared as they are\nwrite each party in full, or {literal} if the token has this very text"
        ),
        Some(Look::Template) => format!(
            "`{shown}` is a template, and variables are not replaced\nwrite the party itself, or {literal} if the token has this very text"
        ),
    }))
}

/// Whether `party` is listed; a bare name means the issuer of the token, which is the initiator's.
pub(super) fn contains(listed: &[PartyName], party: &Party, initiator: &Party) -> bool {
    listed.iter().any(|name| {
        let issuer = name.issuer.as_deref().unwrap_or(initiator.issuer());
        *name.subject == *party.subject() && *issuer == *party.issuer()
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
