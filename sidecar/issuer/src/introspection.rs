//! Token introspection: RFC 7662, and RFC 9701 for a signed response.

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::client_authentication::authenticate;
use crate::{AccessClaims, Client, Entry, Event, INVALID_CLIENT, INVALID_REQUEST, Issuer, Parameters, Result};

/// The media type of a signed response; without the prefix it is also its `typ` (RFC 9701 section 5).
const SIGNED: &str = "application/token-introspection+jwt";
const SIGNED_TYP: &str = "token-introspection+jwt";

/// `POST /introspect`, of a client with a credential. An access token is active for the client that it was issued to, and
/// for one that is registered for its audience. Everything else is inactive, without a reason: a token that is expired,
/// revoked or of another audience, a refresh token, any other text.
pub(crate) fn introspect(server: &Issuer, headers: &HeaderMap, request: &Parameters) -> Result<Response> {
    let client = authenticate(server, headers, request).inspect_err(|error| server.note_refusal(None, *error))?;
    if client.is_public() {
        // RFC 7662 section 2.1: the endpoint requires authorization, and a public client proves nothing.
        return Err(INVALID_CLIENT.because("a public client cannot introspect tokens"));
    }
    let token = request.required("token", "token is required")?;
    let issued = server.read(token)?;
    let issued = issued.filter(|issued| may_introspect(&client, &issued.claims));
    server.note(entry(&client, issued.as_ref().map(|issued| &issued.claims)));
    let mut introspection = match &issued {
        Some(issued) => issued.payload()?,
        None => json!({}),
    };
    introspection["active"] = issued.is_some().into();
    if issued.is_some() {
        introspection["token_type"] = "Bearer".into();
        // Whether no actor is left out of the claims.
        introspection["chain_complete"] = server.settings.dialect.keeps_chain().into();
    }
    if !accepts_signed(headers) {
        return Ok(Json(introspection).into_response());
    }
    let (issuer, now) = (&server.issuer_url, server.clock.now());
    let signed = json!({ "iss": issuer, "aud": client.id, "iat": now, "token_introspection": introspection });
    let jwt = server.keys.active().sign(Some(SIGNED_TYP), &signed)?;
    Ok(([(CONTENT_TYPE, SIGNED)], jwt).into_response())
}

/// `GET …/tokeninfo` of Ping: the claims of a live token, for its holder.
pub(crate) fn tokeninfo(server: &Issuer, request: &Parameters) -> Result<Value> {
    let token = request.one("access_token")?.unwrap_or_default();
    let issued = server.read(token)?;
    let issued = issued.ok_or(INVALID_REQUEST.because("the token is not an access token that is live"))?;
    Ok(issued.payload()?)
}

fn may_introspect(client: &Client, claims: &AccessClaims) -> bool {
    let exchange = client.exchange.as_ref();
    let serves = exchange.is_some_and(|exchange| exchange.audiences.contains(&claims.aud));
    serves || client.introspects.contains(&claims.aud) || claims.client_id == client.id
}

fn accepts_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let types = accepted.flat_map(|value| value.split(','));
    let mut types = types.filter_map(|part| part.split(';').next());
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
