//! What clients and users ask about tokens that were issued: introspection (RFC 7662, and RFC 9701 for a signed response),
//! revocation (RFC 7009, and that of an operator or a user), and UserInfo (OpenID Connect Core section 5.3).

use std::sync::Arc;

use axum::Json;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::claims::ID_TOKEN;
use crate::client_authentication::for_client;
use crate::scope::OPENID;
use crate::store::{IssuedToken, PresentedRefreshToken};
use crate::{
    AccessClaims, Client, Entry, Event, INVALID_CLIENT, INVALID_GRANT, INVALID_REQUEST, INVALID_SCOPE, INVALID_TOKEN,
    Issuer, OAuthError, Parameters, Result, SubjectProfile, UNSUPPORTED_TOKEN_TYPE,
};

/// The media type of a signed response; without the prefix it is also its `typ` (RFC 9701 section 5).
const SIGNED: &str = "application/token-introspection+jwt";
const SIGNED_TYP: &str = "token-introspection+jwt";

/// `POST /introspect`, of a client with a credential. An access token is active for the client that it was issued to, and
/// for one that is registered for its audience. Everything else is inactive, without a reason: a token that is expired,
/// revoked or of another audience, a refresh token, any other text.
pub(crate) fn introspect(server: &Issuer, (headers, form): (HeaderMap, Parameters)) -> Result<Response> {
    for_client(server, "introspect", &headers, &form, |server, client, request| {
        // RFC 7662 section 2.1: the endpoint requires authorization, and a public client proves nothing.
        INVALID_CLIENT.when(client.is_public(), "a public client cannot introspect tokens")?;
        let issued = server.read(request.required("token", "token is required")?)?;
        let issued = issued.filter(|issued| may_introspect(client, &issued.claims));
        let inactive = || Entry::because(Event::Introspect, "inactive");
        let entry = issued
            .as_ref()
            .map_or_else(inactive, |issued| issued.entry(Event::Introspect));
        server.note_of(client, entry.of_client(&client.id));
        let mut introspection = issued.as_ref().map_or(Ok(json!({})), IssuedToken::payload)?;
        introspection["active"] = issued.is_some().into();
        if issued.is_some() {
            introspection["token_type"] = "Bearer".into();
            // Whether no actor is left out of the claims.
            introspection["chain_complete"] = server.settings.dialect.keeps_chain().into();
        }
        if !accepts_signed(&headers) {
            return Ok(Json(introspection).into_response());
        }
        let (issuer, now) = (&server.issuer_url, server.clock.now());
        let signed = json!({ "iss": issuer, "aud": client.id, "iat": now, "token_introspection": introspection });
        let jwt = server.keys.active().sign(Some(SIGNED_TYP), &signed)?;
        Ok(([(CONTENT_TYPE, SIGNED)], jwt).into_response())
    })
}

/// `GET …/tokeninfo` of Ping: the claims of a live token, for its holder.
pub(crate) fn tokeninfo(server: &Issuer, request: Parameters) -> Result<Json<Value>> {
    let token = request.one("access_token")?.unwrap_or_default();
    let issued = server.read(token)?;
    let issued = issued.ok_or(INVALID_REQUEST.because("the token is not an access token that is live"))?;
    Ok(Json(issued.payload()?))
}

fn may_introspect(client: &Client, claims: &AccessClaims) -> bool {
    let exchange = client.exchange.as_ref();
    let serves = exchange.is_some_and(|exchange| exchange.audiences.contains(&claims.aud));
    serves || client.introspects.contains(&claims.aud) || claims.client_id == client.id
}

fn accepts_signed(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|types| types.to_str().ok());
    accepted.any(|types| types.to_lowercase().contains(SIGNED))
}

/// `POST /revoke`. An access token ends alone; a refresh token ends its family, with every token that came from it. A
/// token that is unknown or has ended is no error, and the hint of its type is not needed.
pub(crate) fn revoke(server: &Issuer, client: &Arc<Client>, request: &Parameters) -> Result<()> {
    let token = request.required("token", "token is required")?;
    request.one("token_type_hint")?;
    let of_another = INVALID_GRANT.because("the token was issued to another client");
    if let Some(presented) = PresentedRefreshToken::parse(token) {
        let family = server.store.family(presented.txn)?;
        let Some(family) = family.filter(|family| presented.is_of(family)) else {
            return Ok(());
        };
        of_another.when(family.claims.client_id != client.id)?;
        server.end_transaction(presented.txn, family.claims.entry(Event::Revoke))?;
    } else if let Some(issued) = server.issued(token)? {
        of_another.when(issued.claims.client_id != client.id)?;
        let mut change = server.change()?;
        if change.revoke_token(&issued.claims.txn, &issued.claims.jti)? {
            change.audit(issued.entry(Event::Revoke));
            change.commit()?;
        }
    } else if server.settings.dialect.typ() != Some(ID_TOKEN) && server.keys.verify(token, Some(ID_TOKEN)).is_some() {
        return Err(UNSUPPORTED_TOKEN_TYPE.because("an ID token cannot be revoked"));
    }
    Ok(())
}

// The errors of RFC 6750 section 3: the challenge says everything. Without a token it has no error code.
const NO_TOKEN: OAuthError = INVALID_TOKEN.challenging("Bearer").because("");
const TWO_TOKENS: OAuthError = INVALID_REQUEST
    .challenging("Bearer error=\"invalid_request\"")
    .because("");
const DEAD_TOKEN: OAuthError = INVALID_TOKEN.challenging("Bearer error=\"invalid_token\"").because("");
const NO_OPENID: OAuthError = INVALID_SCOPE
    .answered(StatusCode::FORBIDDEN)
    .challenging("Bearer error=\"insufficient_scope\", scope=\"openid\"")
    .because("");

/// `GET` and `POST /userinfo`: the claims of the user whose access token, with the scope `openid`, is in the
/// `Authorization` header. A token without a user is refused.
pub(crate) fn userinfo(server: &Issuer, headers: HeaderMap) -> Result<Json<Value>> {
    let issued = server.read(bearer(&headers)?)?.ok_or(DEAD_TOKEN)?;
    let claims = issued.claims;
    NO_OPENID.when(!claims.scope.contains(OPENID))?;
    let is_user = claims.sub_profile == SubjectProfile::User && server.registry.users.contains_key(&claims.sub);
    DEAD_TOKEN.when(!is_user)?;
    let sub = server.settings.dialect.user(&claims.sub);
    Ok(Json(json!({ "sub": sub, "preferred_username": claims.sub })))
}

/// The token of the `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(match headers.contains_key(AUTHORIZATION) {
            true => TWO_TOKENS,
            false => NO_TOKEN,
        });
    };
    match value.to_str().ok().and_then(|value| value.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start_matches(' ')),
        _ => Err(NO_TOKEN),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use axum::response::IntoResponse;

    use super::bearer;

    #[test]
    fn one_bearer_token_is_read() {
        for (values, expected) in [
            (vec!["Bearer a.b.c"], Ok("a.b.c")),
            (vec!["bearer  a"], Ok("a")),
            (vec![], Err(401)),
            (vec!["Basic a"], Err(401)),
            (vec!["Bearer"], Err(401)),
            (vec!["Bearer a", "Bearer a"], Err(400)),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            let found = bearer(&headers).map_err(|error| error.into_response().status().as_u16());
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
