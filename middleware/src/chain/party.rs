//! Parties: the pair (issuer, subject), compared byte for byte.

use std::fmt;
use std::sync::Arc;

use crate::profile::Kind;
use crate::shared_text::SharedText;

/// A party as one issuer names it. The same subject of two issuers is two parties.
///
/// A clone keeps the text of the claims that the party is from in memory: a map that outlives tokens is better keyed by
/// [`issuer`](Self::issuer) and [`subject`](Self::subject).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Party {
    issuer: Arc<str>,
    subject: SharedText,
}

impl Party {
    pub(crate) fn new(issuer: Arc<str>, subject: SharedText) -> Self {
        Party { issuer, subject }
    }

    /// The issuer that names the party: `iss` of the token, or of the `act` object where present.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether both are of one issuer, whose text the parties of a token usually share.
    pub(crate) fn has_issuer_of(&self, other: &Party) -> bool {
        Arc::ptr_eq(&self.issuer, &other.issuer) || *self.issuer == *other.issuer
    }

    pub(crate) fn shared_issuer(&self) -> &Arc<str> {
        &self.issuer
    }

    pub(crate) fn has_subject(&self, subject: &str) -> bool {
        self.subject.is(subject)
    }

    /// The subject identifier (`sub`).
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// Prints no identifier: debug output ends up in logs.
impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party(..)")
    }
}

/// A party that acts, or acted, for the initiator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    party: Party,
    kind: Kind,
}

impl Actor {
    pub(crate) fn new(party: Party, kind: Kind) -> Self {
        Actor { party, kind }
    }

    /// The party.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// The kind of the party, as the issuer states it.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
