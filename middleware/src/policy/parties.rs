//! The parties that a rule names.

use super::words::PartyName;
use crate::chain::Party;

/// Parties that a rule names.
#[derive(Debug)]
pub(super) struct Parties(pub(super) Vec<PartyName>);

impl Parties {
    /// Whether `party` is among them; a bare name means the issuer of the token, which is the initiator's.
    pub(super) fn contain(&self, party: &Party, initiator: &Party) -> bool {
        self.0.iter().any(|name| {
            let issuer = name.issuer.as_deref().unwrap_or(initiator.issuer());
            *name.subject == *party.subject() && *issuer == *party.issuer()
        })
    }

    pub(super) fn list(&self) -> String {
        let name = |name: &PartyName| match &name.issuer {
            Some(issuer) => format!("{} of {issuer}", name.subject),
            None => name.subject.to_string(),
        };
        self.0.iter().map(name).collect::<Vec<_>>().join(", ")
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
