//! Client authentication by a signed JWT: `private_key_jwt` (RFC 7523 section 2.2, OpenID Connect Core section 9).

use std::sync::Arc;

use jsonwebtoken::decode_header;
use serde::Deserialize;

use crate::authorization_server::AuthorizationServer;
use crate::error::{AuthScheme, ErrorCode, OAuthError, Result, UNREGISTERED_METHOD};
use crate::registry::Client;

/// The only type of a client assertion.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The maximum time until a client assertion expires, in seconds.
const MAX_LIFETIME: u64 = 3600;
/// The maximum difference between the clocks of client and issuer, in seconds.
const SKEW: u64 = 60;
/// The maximum length of a `jti`.
const MAX_JTI: usize = 256;

/// Each known member of an object is there once: serde denies a second one.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

/// One audience, which can be in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    Text(String),
    List([String; 1]),
}

/// Authenticates a client by an assertion that one of its keys signed, and that it did not use before.
pub(crate) fn authenticate(server: &AuthorizationServer, assertion: &str) -> Result<Arc<Client>> {
    let header = decode_header(assertion).map_err(|_| AuthScheme::None.failed())?;
    AuthScheme::None.failed().when(
        !matches!(header.typ.as_deref(), None | Some("JWT" | "client-authentication+jwt")) || header.crit.is_some(),
    )?;
    let client = subject(assertion).and_then(|id| server.client(&id));
    let client = client.ok_or(AuthScheme::None.failed())?;
    UNREGISTERED_METHOD.when(client.keys.is_empty())?;
    let mut keys = client.keys.iter().filter(|key| key.fits(&header));
    let payload = keys.find_map(|key| key.verify(assertion, header.alg));
    let payload = payload.ok_or(AuthScheme::None.failed())?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| invalid("the client assertion lacks a claim, or has a malformed one"))?;
    let now = server.clock.now();
    claims.check(server, &client, now)?;
    let expires = claims.exp.ceil() as u64;
    let id = format!("{} {}", client.id, claims.jti);
    let is_first = server.used_ids.is_first_use(id, expires, now);
    invalid("the client assertion was already used").when(!is_first)?;
    Ok(client)
}

impl Claims {
    fn check(&self, server: &AuthorizationServer, client: &Client, now: u64) -> Result<()> {
        let (Audience::Text(audience) | Audience::List([audience])) = &self.aud;
        let issuer = &server.issuer_url;
        let until = |seconds: u64| now.saturating_add(seconds) as f64;
        invalid("iss and sub of the client assertion must be the client")
            .when(self.iss != client.id || self.sub != client.id)?;
        invalid("aud of the client assertion must be the issuer")
            .when(audience != issuer && audience.strip_prefix(&*server.origin) != Some("/token"))?;
        invalid("the client assertion has expired, or expires in more than an hour")
            .when(!((now as f64) < self.exp && self.exp <= until(MAX_LIFETIME + SKEW)))?;
        invalid("the client assertion is not valid yet").when(self.nbf.is_some_and(|nbf| nbf > until(SKEW)))?;
        let has_jti = (1..=MAX_JTI).contains(&self.jti.len());
        invalid("jti of the client assertion must have 1 to 256 bytes").when(!has_jti)
    }
}

/// The client that an assertion is of, before its signature is verified.
fn subject(assertion: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Subject {
        sub: String,
    }
    let claims: Subject = jsonwebtoken::dangerous::insecure_decode_claims(assertion).ok()?;
    Some(claims.sub)
}

/// The client has proven its key, so it learns what is wrong.
fn invalid(description: &'static str) -> OAuthError {
    ErrorCode::InvalidClient(AuthScheme::None).because(description)
}
