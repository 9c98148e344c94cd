//! What one upstream receives with a request in place of the access token of the caller.

use actgate::Identity;
use actgate::clock::Clock;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::gate::NoCredential;
use crate::headers::carriers::Carriers;
use crate::headers::internal_jwt::InternalTokens;
use crate::headers::token_digest::TokenDigest;

/// The credentials for one upstream. Without any, a request costs nothing more.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// The tokens of this gate for the upstream.
    pub(crate) internal: Option<InternalTokens>,
}

/// The credentials for one request.
#[derive(Debug, Default)]
pub(crate) struct Obtained {
    internal: Option<HeaderValue>,
}

impl Credentials {
    /// Obtains the credentials for an allowed request. A public route has no identity, and so none of the caller.
    pub(crate) fn obtain(
        &self,
        headers: &HeaderMap,
        carriers: &Carriers,
        identity: Option<&Identity>,
    ) -> Result<Obtained, NoCredential> {
        let (Some(internal), Some(identity)) = (&self.internal, identity) else {
            return Ok(Obtained::default());
        };
        let token = carriers.access_token(headers).ok_or(NO_TOKEN)?;
        let value = internal.token(identity, TokenDigest::of(token), Clock::system().now());
        let value = value.map_err(|_| UNSIGNED)?;
        Ok(Obtained { internal: Some(value) })
    }

    /// Sets the headers of the credentials. Those of the client with these names are deleted before.
    pub(crate) fn set(&self, headers: &mut HeaderMap, obtained: Obtained) {
        if let (Some(internal), Some(value)) = (&self.internal, obtained.internal) {
            headers.insert(internal.header(), value);
        }
    }
}

const NO_TOKEN: NoCredential = unsigned("the access token of the request is not found");
const UNSIGNED: NoCredential = unsigned("the internal token could not be signed");

const fn unsigned(reason: &'static str) -> NoCredential {
    NoCredential {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "internal_token_unavailable",
        title: "the identity cannot be forwarded now",
        reason,
    }
}
