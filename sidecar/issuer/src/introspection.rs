//! Token introspection: RFC 7662, and RFC 9701 for a signed response.

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::audit::{Entry, Event};
use crate::authorization_server::AuthorizationServer;
use crate::claims::AccessClaims;
use crate::client_authentication::authenticate;
use crate::error::{AuthScheme, ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::Client;

/// The media type of a signed response; without the prefix it is also its `typ` (RFC 9701 section 5).
const SIGNED: &str = "application/token-introspection+jwt";
const SIGNED_TYP: &str = "token-introspection+jwt";

/// What the response says of a token.
#[derive(Serialize)]
#[serde(untagged)]
enum Introspection {
    Active {
        active: bool,
        token_type: &'static str,
        /// Whether no actor is left out of the claims.
        chain_complete: bool,
        #[serde(flatten)]
        claims: Value,
    },
    Inactive {
        active: bool,
    },
}

#[derive(Serialize)]
struct SignedIntrospection<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: u64,
    token_introspection: Introspection,
}

/// `POST /introspect`, of a client with a credential. An access token is active for the client that it was issued to, and
/// for one that is registered for its audience. Everything else is inactive, without a reason: a token that is expired,
/// revoked or of another audience, a refresh token, any other text.
pub(crate) fn introspect(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
) -> Result<Response, OAuthError> {
    let client = authenticate(server, headers, request).inspect_err(|error| server.note_refusal(None, *error))?;
    if client.is_public() {
        // RFC 7662 section 2.1: the endpoint requires authorization, and a public client proves nothing.
        return Err(ErrorCode::InvalidClient(AuthScheme::None).because("a public client cannot introspect tokens"));
    }
    let Some(token) = request.one("token")? else {
        return Err(ErrorCode::InvalidRequest.because("token is required"));
    };
    let issued = server
        .read(token)?
        .filter(|issued| may_introspect(&client, &issued.claims));
    server.note(entry(&client, issued.as_ref().map(|issued| &issued.claims)));
    let introspection = match issued {
        Some(issued) => Introspection::Active {
            active: true,
            token_type: "Bearer",
            chain_complete: server.dialect.keeps_chain(),
            claims: issued.payload()?,
        },
        None => Introspection::Inactive { active: false },
    };
    if !accepts_signed(headers) {
        return Ok(Json(introspection).into_response());
    }
    let signed = SignedIntrospection {
        iss: &server.issuer_url,
        aud: &client.id,
        iat: server.clock.now(),
        token_introspection: introspection,
    };
    let jwt = server.keys.active().sign(Some(SIGNED_TYP), &signed)?;
    Ok(([(CONTENT_TYPE, SIGNED)], jwt).into_response())
}

/// `GET …/tokeninfo` of Ping: the claims of a live token, for its holder.
pub(crate) fn tokeninfo(server: &AuthorizationServer, request: &Parameters) -> Result<Value, OAuthError> {
    let token = request.one("access_token")?.unwrap_or_default();
    let issued = server.read(token)?;
    let issued = issued.ok_or(ErrorCode::InvalidRequest.because("the token is not an access token that is live"))?;
    Ok(issued.payload()?)
}

fn may_introspect(client: &Client, claims: &AccessClaims) -> bool {
    let serves = client
        .exchange
        .as_ref()
        .is_some_and(|exchange| exchange.audiences.contains(&claims.aud));
    serves || client.introspects.contains(&claims.aud) || claims.client_id == client.id
}

fn accepts_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split(';').next());
    types.any(|media_type| media_type.trim().eq_ignore_ascii_case(SIGNED))
}

fn entry(client: &Client, claims: Option<&AccessClaims>) -> Entry {
    Entry {
        txn: claims.map(|claims| claims.txn.clone()),
        jti: claims.map(|claims| claims.jti.clone()),
        sub: claims.map(|claims| claims.sub.clone()),
        aud: claims.map(|claims| claims.aud.clone()),
        client_id: Some(client.id.clone()),
        reason: claims.is_none().then_some("inactive"),
        ..Entry::new(Event::Introspect)
    }
}
