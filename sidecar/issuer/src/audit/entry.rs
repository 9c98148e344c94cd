//! What a line of the trail says.

use serde::Serialize;

use crate::ScopeSet;

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A user signed in, or failed to.
    Authentication,
    /// A client asked a user who is elsewhere.
    Request,
    /// A user allowed or denied access of a client, or withdrew it.
    Consent,
    /// A token that begins a transaction.
    Issue,
    Exchange,
    Refresh,
    /// A request without a result.
    #[default]
    Refuse,
    Introspect,
    Revoke,
    /// The signing keys changed.
    Rotate,
    /// An agent, a credential or a resource changed.
    Administer,
    /// The trail was continued after a line that a crash had cut.
    Recover,
}

/// One line, except for its place in the chain, its time and the issuer. The names are those of the claims.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// What ties the tokens of one login, or of one autonomous start, together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) txn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    /// The token that this one was exchanged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<String>,
    /// The subjects of `act`, the current actor first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) actors: Vec<String>,
    /// A client that is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// What was requested, or what the token or the grant before had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope_before: Option<ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<String>,
    /// The OAuth error code that was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    /// The decision of a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

impl Entry {
    /// An event with its reason.
    pub(crate) fn because(event: Event, reason: &'static str) -> Entry {
        let reason = Some(reason);
        Entry {
            reason,
            ..Entry::new(event)
        }
    }

    pub(crate) fn of_client(self, client: &str) -> Entry {
        let client_id = Some(client.to_owned());
        Entry { client_id, ..self }
    }

    /// An event without any detail.
    pub(crate) fn new(event: Event) -> Entry {
        Entry {
            event,
            ..Entry::default()
        }
    }
}
