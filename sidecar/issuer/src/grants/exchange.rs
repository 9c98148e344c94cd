//! Token exchange, RFC 8693.

use serde_json::Value;

use crate::entitlement::{granted, still_granted, target};
use crate::grant_type::TOKEN_EXCHANGE;
use crate::registry::{ActorToken, Exchange, OwnToken};
use crate::store::IssuedToken;
use crate::{
    AccessClaims, Act, Client, ErrorCode, Event, Granted, INVALID_REQUEST, Issuer, Parameters, Result, ScopeSet,
    UNREGISTERED_GRANT,
};

/// The maximum number of `act` objects in a token. A longer chain is an error, never shortened.
const MAX_CHAIN: usize = 16;

/// Exchanges a token whose audience is the client for one whose audience is a resource that the client calls.
///
/// The new token keeps the subject, the authentication and the chain of the subject token; the client becomes the
/// outermost actor. Its scope and expiry never exceed those of the subject token, and a chain over the limit is an
/// error.
pub(super) fn exchange(server: &Issuer, client: &Client, request: &Parameters) -> Result<Value> {
    let rules = client.exchange.as_ref().ok_or(UNREGISTERED_GRANT)?;
    if !matches!(request.one("requested_token_type")?, None | Some(ACCESS_TOKEN_TYPE)) {
        return Err(INVALID_REQUEST.because("only access tokens are issued"));
    }
    let issued = subject(server, rules, request)?;
    let mut claims = issued.claims.clone();
    claims.aud.clone_from(&target(server, client, request)?.identifier);
    let actor = presented_actor(server, request, INVALID_REQUEST)?;
    if actor.as_ref().is_some_and(|actor| actor.sub != client.id) {
        return Err(INVALID_REQUEST.because("the subject of the actor token is not the authenticated client"));
    }
    claims.act = act(server, client, rules, &issued.claims, actor.as_ref())?;
    let requested = request.one("scope")?.map(ScopeSet::parse).transpose()?;
    let mut allowed = still_granted(server, client, &claims).unwrap_or_default();
    allowed.take_protocol_scopes();
    claims.scope = granted(requested, allowed)?;

    let mut response = server.issue(Granted {
        event: Event::Exchange,
        grant: TOKEN_EXCHANGE,
        client,
        scope_before: Some(issued.claims.scope.clone()),
        parent: Some(issued),
        claims,
    })?;
    response["issued_token_type"] = ACCESS_TOKEN_TYPE.into();
    Ok(response)
}

/// Reads the subject token, which must be valid, issued by this server, and have the client as its audience.
fn subject(server: &Issuer, rules: &Exchange, request: &Parameters) -> Result<IssuedToken> {
    let (Some(token), Some(kind)) = (request.one("subject_token")?, request.one("subject_token_type")?) else {
        return Err(INVALID_REQUEST.because("subject_token and subject_token_type are required"));
    };
    let is_supported = matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE);
    INVALID_REQUEST.when(!is_supported, "this subject_token_type is not supported")?;
    match server.read(token)? {
        None => Err(INVALID_REQUEST.because("the subject token is not a valid access token of this issuer")),
        Some(issued) if !rules.audiences.contains(&issued.claims.aud) => {
            Err(INVALID_REQUEST.because("the audience of the subject token is not this client"))
        }
        Some(issued) => Ok(issued),
    }
}

/// The chain of the new token.
fn act(
    server: &Issuer,
    client: &Client,
    rules: &Exchange,
    subject: &AccessClaims,
    actor: Option<&AccessClaims>,
) -> Result<Option<Box<Act>>> {
    let own = subject.sub == client.id && subject.act.is_none();
    INVALID_REQUEST.when(own && actor.is_some(), "the actor is the subject: omit the actor token")?;
    if own && rules.own_token == OwnToken::Plain {
        return Ok(None);
    }
    let lacks_proof = !own && actor.is_none() && rules.actor_token == ActorToken::Required;
    INVALID_REQUEST.when(lacks_proof, "this client must send an actor token")?;
    let may_act = own || rules.may_act_for.contains(&subject.sub);
    INVALID_REQUEST.when(!may_act, "not registered to act for this subject: see `may_act_for`")?;
    let is_longest = subject.actors().count() >= MAX_CHAIN;
    INVALID_REQUEST.when(is_longest, "the chain would have more than 16 actors")?;
    Ok(server.actor(client, subject.act.clone()))
}

pub(super) const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(super) const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The claims of the actor token, if there is one. A token that is not valid, not of this issuer, or has an `act` is an error
/// with the code `invalid`. The audience is not checked: it matters where the subject is another party than the client.
pub(super) fn presented_actor(
    server: &Issuer,
    request: &Parameters,
    invalid: ErrorCode,
) -> Result<Option<AccessClaims>> {
    let (token, kind) = match (request.one("actor_token")?, request.one("actor_token_type")?) {
        (None, None) => return Ok(None),
        (Some(token), Some(kind)) => (token, kind),
        _ => return Err(INVALID_REQUEST.because("actor_token and actor_token_type must be sent together")),
    };
    let is_supported = matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE);
    INVALID_REQUEST.when(!is_supported, "this actor_token_type is not supported")?;
    let issued = server.read(token)?;
    let issued = issued.ok_or(invalid.because("the actor token is not a valid access token of this issuer"))?;
    // RFC 8693 has a place for the chain of the subject token only.
    invalid.when(issued.claims.act.is_some(), "the actor token has an actor")?;
    Ok(Some(issued.claims))
}
