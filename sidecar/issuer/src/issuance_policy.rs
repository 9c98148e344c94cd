//! A policy that decides which tokens are issued. The issuer does not know in which language it is written.

use std::fmt;

use serde_json::Value;

/// A token before it is signed.
#[derive(Debug)]
#[non_exhaustive]
pub struct IssuanceRequest<'r> {
    /// The grant type of the request, such as `client_credentials`.
    pub grant: &'r str,
    /// The claims of the access token by RFC 9068, whatever dialect it is written in.
    pub claims: &'r Value,
}

impl<'r> IssuanceRequest<'r> {
    /// A token of a grant.
    pub fn new(grant: &'r str, claims: &'r Value) -> IssuanceRequest<'r> {
        IssuanceRequest { grant, claims }
    }
}

/// Decides on each access token, after every check of the issuer: it can deny what they allow, and allow nothing that they
/// deny.
pub trait IssuancePolicy: fmt::Debug + Send + Sync {
    /// Allows the token, or returns a stable code for the reason, which the client and the audit trail get.
    ///
    /// # Errors
    /// The code, for a token that is not to be issued, and where the policy cannot decide.
    fn decide(&self, request: &IssuanceRequest<'_>) -> Result<(), &'static str>;
}
