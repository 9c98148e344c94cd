//! What users allowed clients.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scope::ScopeSet;

/// The decision of a user on a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) state: ConsentState,
    /// In seconds since the epoch.
    pub(crate) decided: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsentState {
    /// The scopes by resource identifier, of every consent since the last withdrawal.
    Granted(BTreeMap<String, ScopeSet>),
    /// The client gets no token for the user until the next consent.
    Withdrawn,
}

impl Consent {
    /// Whether the user allows this much at a resource.
    pub(crate) fn covers(&self, audience: &str, scope: &ScopeSet) -> bool {
        match &self.state {
            ConsentState::Granted(granted) => granted.get(audience).is_some_and(|granted| scope.is_within(granted)),
            ConsentState::Withdrawn => false,
        }
    }
}
