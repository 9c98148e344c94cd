//! Access tokens that are live.

use serde::{Deserialize, Serialize};

use crate::audit::{Entry, Event};
use crate::claims::AccessClaims;
use crate::scope::ScopeSet;

/// An access token from its issue until it expires or is revoked. One without a record is not live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IssuedToken {
    pub(crate) jti: String,
    /// The transaction. A refresh-token family has one transaction, and so have the tokens that its tokens were
    /// exchanged for.
    pub(crate) txn: String,
    /// The subject token of an exchange.
    pub(crate) parent_jti: Option<String>,
    pub(crate) subject: String,
    /// The subjects of `act`, the current actor first.
    pub(crate) actors: Vec<String>,
    pub(crate) client: String,
    pub(crate) audience: String,
    pub(crate) scope: ScopeSet,
    /// In seconds since the epoch.
    pub(crate) expires: u64,
}

impl IssuedToken {
    pub(crate) fn of(claims: &AccessClaims, parent_jti: Option<String>) -> IssuedToken {
        IssuedToken {
            jti: claims.jti.clone(),
            txn: claims.txn.clone(),
            parent_jti,
            subject: claims.sub.clone(),
            actors: claims.actors().map(str::to_owned).collect(),
            client: claims.client_id.clone(),
            audience: claims.aud.clone(),
            scope: claims.scope.clone(),
            expires: claims.exp,
        }
    }

    /// An event about the token.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        Entry {
            txn: Some(self.txn.clone()),
            jti: Some(self.jti.clone()),
            parent_jti: self.parent_jti.clone(),
            sub: Some(self.subject.clone()),
            actors: self.actors.clone(),
            client_id: Some(self.client.clone()),
            scope: Some(self.scope.clone()),
            aud: Some(self.audience.clone()),
            ..Entry::new(event)
        }
    }

    /// Whether the party is the subject or any actor.
    pub(crate) fn names(&self, party: &str) -> bool {
        self.subject == party || self.actors.iter().any(|actor| actor == party)
    }
}
