//! Parties: the pair (issuer, subject), compared byte for byte.

use std::fmt;
use std::sync::Arc;

use crate::profile::Kind;

/// Somebody, as one issuer names them. The same subject of two issuers is two parties.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Party {
    issuer: Arc<str>,
    subject: Box<str>,
}

impl Party {
    pub(super) fn new(issuer: Arc<str>, subject: Box<str>) -> Self {
        Party { issuer, subject }
    }

    /// The issuer that names the party: `iss` of the token, or of the `act` object where it has its own.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `sub` that the issuer gave the party.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// Says nothing of whom it is about: debug output ends up in logs.
impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party(..)")
    }
}

/// One party that acts, or acted, for the initiator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    party: Party,
    kind: Kind,
}

impl Actor {
    pub(super) fn new(party: Party, kind: Kind) -> Self {
        Actor { party, kind }
    }

    /// Who it is.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// What kind of party the issuer says it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
