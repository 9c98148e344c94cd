//! Token exchange, RFC 8693.

use super::actor_token::{self, ACCESS_TOKEN_TYPE, JWT_TYPE};
use crate::audit::Event;
use crate::authorization_server::AuthorizationServer;
use crate::claims::{AccessClaims, Act};
use crate::entitlement::{granted, target};
use crate::error::{ErrorCode, Result, UNREGISTERED_GRANT};
use crate::grant_type::TOKEN_EXCHANGE;
use crate::parameters::Parameters;
use crate::registry::{ActorToken, Client, Exchange, OwnToken};
use crate::scope::ScopeSet;
use crate::token::{Granted, TokenResponse};

/// The maximum number of `act` objects in a token. A longer chain is an error, never shortened.
const MAX_CHAIN: usize = 16;
const INVALID: ErrorCode = ErrorCode::InvalidRequest;

/// Exchanges a token whose audience is the client for one whose audience is a resource that the client calls.
///
/// The new token keeps the subject, the authentication and the chain of the subject token; the client becomes the
/// outermost actor. Its scope and expiry never exceed those of the subject token, and a chain over the limit is an
/// error.
pub(super) fn exchange(server: &AuthorizationServer, client: &Client, request: &Parameters) -> Result<TokenResponse> {
    let rules = client.exchange.as_ref().ok_or(UNREGISTERED_GRANT)?;
    if !matches!(request.one("requested_token_type")?, None | Some(ACCESS_TOKEN_TYPE)) {
        return invalid("only access tokens are issued");
    }
    let subject = subject(server, rules, request)?;
    let actor = actor_token::actor(server, request, ErrorCode::InvalidRequest)?;
    if actor.as_ref().is_some_and(|actor| *actor != client.id) {
        return invalid("the subject of the actor token is not the authenticated client");
    }
    let act = act(server, client, rules, &subject, actor.is_some())?;

    let resource = target(server, client, request)?;
    let requested = request.one("scope")?.map(ScopeSet::parse).transpose()?;
    let allowed = subject.scope.intersection(&client.scopes);
    let allowed = allowed.intersection(&resource.scopes);
    let scope = granted(requested, allowed)?;

    let response = server.issue(Granted {
        event: Event::Exchange,
        grant: TOKEN_EXCHANGE,
        txn: subject.txn.clone(),
        scope_before: Some(subject.scope.clone()),
        parent: Some(subject.clone()),
        subject: subject.sub,
        subject_profile: subject.sub_profile,
        audience: resource.identifier.clone(),
        client,
        scope,
        authentication: subject.authentication,
        act,
        not_after: Some(subject.exp),
    })?;
    Ok(TokenResponse {
        issued_token_type: Some(ACCESS_TOKEN_TYPE),
        ..response
    })
}

/// Reads the subject token, which must be valid, issued by this server, and have the client as its audience.
fn subject(server: &AuthorizationServer, rules: &Exchange, request: &Parameters) -> Result<AccessClaims> {
    let (Some(token), Some(kind)) = (request.one("subject_token")?, request.one("subject_token_type")?) else {
        return invalid("subject_token and subject_token_type are required");
    };
    let is_supported = matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE);
    INVALID.when(!is_supported, "this subject_token_type is not supported")?;
    match server.read(token)? {
        None => invalid("the subject token is not a valid access token of this issuer"),
        Some(issued) if !rules.audiences.contains(&issued.claims.aud) => {
            invalid("the audience of the subject token is not this client")
        }
        Some(issued) => Ok(issued.claims),
    }
}

/// The chain of the new token.
fn act(
    server: &AuthorizationServer,
    client: &Client,
    rules: &Exchange,
    subject: &AccessClaims,
    has_actor_token: bool,
) -> Result<Option<Box<Act>>> {
    let own = subject.sub == client.id && subject.act.is_none();
    INVALID.when(own && has_actor_token, "the actor is the subject: omit the actor token")?;
    if own && rules.own_token == OwnToken::Plain {
        return Ok(None);
    }
    if !own && !has_actor_token && rules.actor_token == ActorToken::Required {
        return invalid("this client must send an actor token");
    }
    if !own && !rules.may_act_for.contains(&subject.sub) {
        return invalid("the client is not registered to act for this subject");
    }
    INVALID.when(subject.depth() >= MAX_CHAIN, "the chain would have more than 16 actors")?;
    Ok(server.actor(client, subject.act.clone()))
}

fn invalid<T>(description: &'static str) -> Result<T> {
    Err(ErrorCode::InvalidRequest.because(description))
}
