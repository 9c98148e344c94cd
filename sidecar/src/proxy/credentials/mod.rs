//! What one upstream receives with a request in place of the access token of the caller.

pub(crate) mod api_key;
pub(crate) mod error;
pub(crate) mod token_endpoint;
pub(crate) mod token_exchange;

use std::sync::Arc;
use std::time::Duration;

use actgate::clock::Clock;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};

use self::api_key::ApiKey;
use self::error::CredentialError;
use self::token_exchange::TokenExchange;
use crate::gate::Decided;
use crate::headers::carriers::Carriers;
use crate::headers::internal_token::jwt::InternalTokens;
use crate::headers::internal_token::token_digest::TokenDigest;

/// The credentials for one upstream. Without any, a request costs nothing more.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    /// The tokens of this gate for the upstream.
    pub(crate) internal: Option<InternalTokens>,
    /// Tokens of an authorization server for the upstream.
    pub(crate) exchange: Option<Arc<TokenExchange>>,
    pub(crate) api_key: Option<ApiKey>,
}

/// The credentials for one request.
#[derive(Debug, Default)]
pub(crate) struct Obtained {
    internal: Option<HeaderValue>,
    authorization: Option<HeaderValue>,
}

impl Credentials {
    /// Obtains the credentials for a request that is allowed now, by `clock`. A public route has no identity, and so none of the caller.
    pub(crate) async fn obtain(
        &self,
        headers: &HeaderMap,
        carriers: &Carriers,
        decided: &Decided,
        clock: &Clock,
    ) -> Result<Obtained, CredentialError> {
        let mut obtained = Obtained::default();
        let (Some(identity), true) = (decided.identity(), self.internal.is_some() || self.exchange.is_some()) else {
            return Ok(obtained);
        };
        let token = carriers.access_token(headers).ok_or(NO_TOKEN)?;
        let (digest, now) = (TokenDigest::of(token), clock.now());
        if let Some(internal) = &self.internal {
            let value = internal.token(identity, digest, now).map_err(|_| UNSIGNED)?;
            obtained.internal = Some(value);
        }
        if let Some(exchange) = &self.exchange {
            let remaining = Duration::from_secs(identity.expires_at().saturating_sub(now));
            // Boxed, so that requests without an exchange are no larger.
            let authorization = Box::pin(exchange.authorization(token, digest, remaining, decided.id)).await?;
            obtained.authorization = Some(authorization);
        }
        Ok(obtained)
    }

    /// Sets the headers of the credentials. Those of the client with these names are deleted before.
    pub(crate) fn set(&self, headers: &mut HeaderMap, obtained: &Obtained) {
        if let (Some(internal), Some(value)) = (&self.internal, &obtained.internal) {
            headers.insert(internal.header(), value.clone());
        }
        if let Some(authorization) = &obtained.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(api_key) = &self.api_key {
            api_key.set(headers);
        }
    }
}

const NO_TOKEN: CredentialError = unsigned("the access token of the request is not found");
const UNSIGNED: CredentialError = unsigned("the internal token could not be signed");

const fn unsigned(reason: &'static str) -> CredentialError {
    CredentialError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "internal_token_unavailable",
        title: "the identity cannot be forwarded now",
        reason,
        retry_after: None,
    }
}
