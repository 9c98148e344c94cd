//! `actor_token` and `actor_token_type`, RFC 8693 section 2.1.

use crate::authorization_server::AuthorizationServer;
use crate::error::{ErrorCode, Result};
use crate::parameters::Parameters;

pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(super) const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The subject of the actor token, if there is one. A token that is not valid, not of this issuer, or has an `act` is an
/// error with the code `invalid`.
pub(super) fn actor(server: &AuthorizationServer, request: &Parameters, invalid: ErrorCode) -> Result<Option<String>> {
    let (token, kind) = match (request.one("actor_token")?, request.one("actor_token_type")?) {
        (None, None) => return Ok(None),
        (Some(token), Some(kind)) => (token, kind),
        _ => {
            let description = "actor_token and actor_token_type must be sent together";
            return Err(ErrorCode::InvalidRequest.because(description));
        }
    };
    let is_supported = matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE);
    ErrorCode::InvalidRequest.when(!is_supported, "this actor_token_type is not supported")?;
    match server.read(token)? {
        None => Err(invalid.because("the actor token is not a valid access token of this issuer")),
        // RFC 8693 has a place for the chain of the subject token only.
        Some(issued) if issued.claims.act.is_some() => Err(invalid.because("the actor token has an actor")),
        Some(issued) => Ok(Some(issued.claims.sub)),
    }
}
