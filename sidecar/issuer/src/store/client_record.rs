//! Clients and resources that are not in the registry file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::registry::Credential;

/// A client that is not in the registry file, or what the administration changed of one that is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClientRecord {
    /// An entry of `clients` without a secret. None for a client of the registry file.
    pub(crate) entry: Option<Map<String, Value>>,
    pub(crate) state: ClientState,
    /// None for a public client.
    pub(crate) credentials: Option<Vec<Credential>>,
    #[serde(default)]
    pub(crate) is_self_registered: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientState {
    #[default]
    Enabled,
    Disabled,
    /// Disabled for good. The record stays, so that its identifier is not used again.
    Deleted,
}

/// A resource that is not in the registry file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResourceRecord {
    /// An entry of `resources`.
    pub(crate) entry: Map<String, Value>,
    /// What its scopes allow, in plain words.
    pub(crate) descriptions: BTreeMap<String, String>,
}
