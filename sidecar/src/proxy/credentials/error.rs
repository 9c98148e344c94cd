//! Why an allowed request is not forwarded.

use http::StatusCode;

use crate::log::event::Event;

/// Why an allowed request is not forwarded: a credential that its upstream requires could not be obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CredentialError {
    pub(crate) status: StatusCode,
    /// The stable code, for the caller and for the decision log.
    pub(crate) code: &'static str,
    /// What the caller learns.
    pub(crate) title: &'static str,
    /// What the decision log contains.
    pub(crate) reason: &'static str,
    /// The seconds after which the caller may try again.
    pub(crate) retry_after: Option<u16>,
}

impl CredentialError {
    /// Writes to the line of the request that it is denied.
    pub(crate) fn describe(&self, event: &mut Event<'_>) {
        event.deny();
        event.status = Some(self.status.as_u16());
        (event.code, event.reason) = (Some(self.code), Some(self.reason.to_owned()));
    }
}
