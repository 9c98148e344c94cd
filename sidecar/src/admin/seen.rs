//! What the admin listener sees of the gate.

use actgate::Authorizer;

use super::health::{ConnectionCount, Draining};
use super::reach::Reach;
use super::reload::Reloads;
use super::revocation_list::RevocationList;
use crate::headers::internal_token::signing_keys::SigningKeys;
use crate::log::decision_log::DecisionLog;

/// What the admin listener sees of the gate when a request arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) reach: Reach,
    pub(crate) authorizer: &'a Authorizer,
    pub(crate) draining: &'a Draining,
    pub(crate) connections: ConnectionCount,
    pub(crate) log: &'a DecisionLog,
    /// The keys of internal tokens.
    pub(crate) keys: Option<&'a SigningKeys>,
    /// None where the configuration is in no file.
    pub(crate) reloads: Option<&'a Reloads>,
    /// None where no list of revoked tokens is configured.
    pub(crate) revocations: Option<&'a RevocationList>,
}

impl Seen<'_> {
    /// Whether it can serve requests.
    pub(super) fn is_ready(&self) -> bool {
        self.authorizer.is_ready() && !self.draining.has_begun()
    }
}
