//! Access tokens: issuing them, and reading them back.

use serde::Serialize;

use crate::audit::{Entry, Event};
use crate::authorization_server::AuthorizationServer;
use crate::claims::{ACCESS_TOKEN, AccessClaims, Act, Authentication, SubjectProfile};
use crate::error::{AuthScheme, ErrorCode, OAuthError};
use crate::registry::Client;
use crate::scope::ScopeSet;
use crate::secret::random_id;
use crate::store::{Change, ConsentState, IssuedToken};

/// The result of a grant: an access token except for its issuer, times and identifier.
pub(crate) struct Granted<'a> {
    pub(crate) origin: Origin,
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

/// Where a token comes from, for the store and the audit trail.
pub(crate) struct Origin {
    pub(crate) event: Event,
    pub(crate) txn: String,
    /// The subject token of an exchange, which must be live when the new token is stored.
    pub(crate) parent_jti: Option<String>,
    /// What was requested, or what the grant or the token before had.
    pub(crate) scope_before: Option<ScopeSet>,
}

/// A signed token that is not stored yet. Its client does not get it before.
pub(crate) struct Minted {
    response: TokenResponse,
    token: IssuedToken,
    entry: Entry,
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
    pub(crate) refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id_token: Option<String>,
}

impl AuthorizationServer {
    /// Issues the access token of a grant that changes nothing else.
    pub(crate) fn issue(&self, granted: Granted<'_>) -> Result<TokenResponse, OAuthError> {
        let minted = self.mint(granted)?;
        let mut change = self.change()?;
        let response = minted.store(&mut change)?;
        change.commit()?;
        Ok(response)
    }

    /// Signs the access token of a grant, outside of any change of the store.
    pub(crate) fn mint(&self, granted: Granted<'_>) -> Result<Minted, OAuthError> {
        let now = self.clock.now();
        let lifetime = granted.client.token_lifetime.unwrap_or(self.token_lifetime);
        let lifetime = now.saturating_add(lifetime.as_secs());
        let expires = granted.not_after.map_or(lifetime, |limit| limit.min(lifetime));
        let origin = granted.origin;
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
            txn: origin.txn,
            authentication: granted.authentication,
            act: granted.act,
        };
        let access_token = self.keys.active().sign(ACCESS_TOKEN, &claims)?;
        let token = IssuedToken::of(&claims, origin.parent_jti);
        Ok(Minted {
            entry: Entry {
                scope_before: origin.scope_before,
                ..token.entry(origin.event)
            },
            token,
            response: TokenResponse {
                access_token,
                token_type: "Bearer",
                expires_in: expires.saturating_sub(now),
                scope: claims.scope,
                issued_token_type: None,
                refresh_token: None,
                id_token: None,
            },
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

    /// The claims of an access token of this issuer that is valid now and not revoked. The caller checks its audience.
    pub(crate) fn read(&self, token: &str) -> Result<Option<AccessClaims>, OAuthError> {
        let Some(claims) = self.read_signed(token) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let is_current = claims.nbf <= now && now < claims.exp;
        let is_valid = is_current && self.store.is_live(&claims.txn, &claims.jti)?;
        Ok(is_valid.then_some(claims))
    }

    /// The claims of an access token that this issuer signed, which may have expired or be revoked.
    pub(crate) fn read_signed(&self, token: &str) -> Option<AccessClaims> {
        let payload = self.keys.verify(token, ACCESS_TOKEN)?;
        let claims: AccessClaims = serde_json::from_slice(&payload).ok()?;
        (claims.iss == self.issuer_url).then_some(claims)
    }
}

impl Minted {
    pub(crate) fn response(&self) -> &TokenResponse {
        &self.response
    }

    /// Adds the token to a change. A subject token that was revoked since it was read gives none, and neither does a
    /// client that was disabled, or from which the user withdrew the consent.
    pub(crate) fn store(self, change: &mut Change<'_>) -> Result<TokenResponse, OAuthError> {
        let ended = |description| match self.entry.event {
            Event::Exchange => ErrorCode::InvalidRequest.because(description),
            _ => ErrorCode::InvalidGrant.because(description),
        };
        let token = &self.token;
        if let Some(parent) = &token.parent_jti
            && !change.is_live(&token.txn, parent)?
        {
            return Err(ended("the subject token was revoked"));
        }
        if !change.is_enabled(&token.client)? {
            return Err(ErrorCode::InvalidClient(AuthScheme::None).because("client authentication failed"));
        }
        let consent = change.consent(&token.subject, &token.client)?;
        if consent.is_some_and(|consent| consent.state == ConsentState::Withdrawn) {
            return Err(ended("the user withdrew the consent for this client"));
        }
        change.add_token(token)?;
        change.audit(self.entry);
        Ok(self.response)
    }
}
