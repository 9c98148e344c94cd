//! The parties that a rule lists.

use std::fmt;

use serde::Deserialize;

use super::syntax::Name;
use crate::chain::Party;

/// A party in a list: a bare name is one of the token's own issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename = "shorthand subject", deny_unknown_fields)]
pub(super) struct PartyName {
    issuer: Option<Name>,
    subject: Name,
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
