//! Access tokens: issuing them, and reading them back.

use serde::Serialize;

use crate::authorization_server::AuthorizationServer;
use crate::claims::{ACCESS_TOKEN, AccessClaims, Act, Authentication, SubjectProfile};
use crate::error::OAuthError;
use crate::registry::Client;
use crate::scope::ScopeSet;
use crate::secret::random_id;

/// The result of a grant: an access token except for its issuer, times and identifier.
pub(crate) struct Granted<'a> {
    pub(crate) subject: String,
    pub(crate) subject_profile: SubjectProfile,
    pub(crate) audience: String,
    pub(crate) client: &'a Client,
    pub(crate) scope: ScopeSet,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) act: Option<Box<Act>>,
    /// The latest expiry, in seconds since the epoch.
    pub(crate) not_after: Option<u64>,
}

/// The response of the token endpoint, RFC 6749 section 5.1 and RFC 8693 section 2.2.1.
#[derive(Debug, Serialize)]
pub(crate) struct TokenResponse {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u64,
    pub(crate) scope: ScopeSet,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<String>,
}

impl AuthorizationServer {
    /// Issues the access token of a grant.
    pub(crate) fn issue(&self, granted: Granted<'_>) -> Result<TokenResponse, OAuthError> {
        let now = self.clock.now();
        let lifetime = now.saturating_add(self.token_lifetime.as_secs());
        let expires = granted.not_after.map_or(lifetime, |limit| limit.min(lifetime));
        let claims = AccessClaims {
            iss: self.issuer_url.clone(),
            sub: granted.subject,
            sub_profile: granted.subject_profile,
            aud: granted.audience,
            client_id: granted.client.id.clone(),
            client_profile: granted.client.profile,
            scope: granted.scope,
            iat: now,
            nbf: now,
            exp: expires,
            jti: random_id()?,
            authentication: granted.authentication,
            act: granted.act,
        };
        let access_token = self.keys.active().sign(ACCESS_TOKEN, &claims)?;
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: expires.saturating_sub(now),
            scope: claims.scope,
            issued_token_type: None,
            id_token: None,
        })
    }

    /// The client as the current actor, with the prior actors of a token.
    pub(crate) fn actor(&self, client: &Client, prior: Option<Box<Act>>) -> Option<Box<Act>> {
        Some(Box::new(Act {
            iss: self.issuer_url.clone(),
            sub: client.id.clone(),
            sub_profile: client.profile,
            act: prior,
        }))
    }

    /// The claims of an access token of this issuer that is valid now. The caller checks its audience.
    pub(crate) fn read(&self, token: &str) -> Option<AccessClaims> {
        let payload = self.keys.verify(token, ACCESS_TOKEN)?;
        let claims: AccessClaims = serde_json::from_slice(&payload).ok()?;
        let now = self.clock.now();
        let valid = claims.iss == self.issuer_url && claims.nbf <= now && now < claims.exp;
        valid.then_some(claims)
    }
}
