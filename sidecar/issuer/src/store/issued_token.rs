//! Access tokens that are live.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tables::StoreError;

use crate::audit::{Entry, Event};
use crate::claims::AccessClaims;

/// An access token from its issue until it expires or is revoked. One without a record is not live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IssuedToken {
    /// What the token means. A refresh-token family has one transaction, and so have the tokens that its tokens were
    /// exchanged for.
    pub(crate) claims: AccessClaims,
    /// The subject token of an exchange.
    pub(crate) parent_jti: Option<String>,
    /// The payload that was signed, where a dialect gave the claims another form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shaped: Option<Value>,
}

impl IssuedToken {
    /// An event about the token.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        let claims = &self.claims;
        Entry {
            txn: Some(claims.txn.clone()),
            jti: Some(claims.jti.clone()),
            parent_jti: self.parent_jti.clone(),
            sub: Some(claims.sub.clone()),
            actors: claims.actors().map(str::to_owned).collect(),
            client_id: Some(claims.client_id.clone()),
            scope: Some(claims.scope.clone()),
            aud: Some(claims.aud.clone()),
            ..Entry::new(event)
        }
    }

    /// The payload that was signed.
    pub(crate) fn payload(&self) -> Result<Value, StoreError> {
        match &self.shaped {
            Some(shaped) => Ok(shaped.clone()),
            None => serde_json::to_value(&self.claims).map_err(StoreError::of),
        }
    }

    /// Whether the party is the subject or any actor.
    pub(crate) fn names(&self, party: &str) -> bool {
        self.claims.sub == party || self.claims.actors().any(|actor| actor == party)
    }
}
