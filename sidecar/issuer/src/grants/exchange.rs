//! Token exchange, RFC 8693: on behalf of, and every further hop.

use crate::authorization_server::AuthorizationServer;
use crate::claims::{AccessClaims, Act};
use crate::entitlement::{granted, target};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::{ActorToken, Client, Exchange, OwnToken};
use crate::scope::ScopeSet;
use crate::token::{Granted, TokenResponse};

const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT_TYPE: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Exchanges a token addressed to the client for one addressed to a resource the client calls.
///
/// The new token keeps subject, authentication and chain of the old one and puts the acting client outermost. It
/// never has more scope or a longer life than the old one, and a chain over the cap is refused, not shortened.
pub(super) fn exchange(
    server: &AuthorizationServer,
    client: &Client,
    request: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let Some(rules) = &client.exchange else {
        return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for this grant"));
    };
    if !matches!(request.one("requested_token_type")?, None | Some(ACCESS_TOKEN_TYPE)) {
        return Err(ErrorCode::InvalidRequest.because("only access tokens are issued"));
    }
    let subject = subject(server, rules, request)?;
    let actor = actor(server, client, request)?;
    let act = act(server, client, rules, &subject, actor)?;

    let targets: Vec<_> = request.all("resource").chain(request.all("audience")).collect();
    let resource = target(server, client, &targets)?;
    let requested = request.one("scope")?.map(ScopeSet::parse).transpose()?;
    let allowed = subject
        .scope
        .intersection(&client.scopes)
        .intersection(&resource.scopes);
    let scope = granted(requested, allowed)?;

    let response = server.issue(Granted {
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

/// The subject token, which must be ours, good now, and addressed to the client: a token meant for somebody else is
/// no authority, whoever came by it.
fn subject(server: &AuthorizationServer, rules: &Exchange, request: &Parameters) -> Result<AccessClaims, OAuthError> {
    let refused = |description| Err(ErrorCode::InvalidRequest.because(description));
    let (Some(token), Some(kind)) = (request.one("subject_token")?, request.one("subject_token_type")?) else {
        return refused("subject_token and subject_token_type are required");
    };
    if !matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE) {
        return refused("this subject_token_type is not supported");
    }
    match server.read(token) {
        None => refused("the subject token is not a good access token of this issuer"),
        Some(claims) if !rules.audiences.contains(&claims.aud) => {
            refused("the subject token is not addressed to this client")
        }
        Some(claims) => Ok(claims),
    }
}

/// An actor token that was checked: it is the authenticated client's own.
struct ActorProved;

/// The actor token, if there is one: ours, good now, of the authenticated client and of nobody behind it.
fn actor(
    server: &AuthorizationServer,
    client: &Client,
    request: &Parameters,
) -> Result<Option<ActorProved>, OAuthError> {
    let refused = |description| Err(ErrorCode::InvalidRequest.because(description));
    let (token, kind) = match (request.one("actor_token")?, request.one("actor_token_type")?) {
        (None, None) => return Ok(None),
        (Some(token), Some(kind)) => (token, kind),
        _ => return refused("actor_token and actor_token_type go together"),
    };
    if !matches!(kind, ACCESS_TOKEN_TYPE | JWT_TYPE) {
        return refused("this actor_token_type is not supported");
    }
    match server.read(token) {
        None => refused("the actor token is not a good access token of this issuer"),
        // Its chain would be lost or joined to another one: RFC 8693 gives a place to the subject's chain only.
        Some(claims) if claims.act.is_some() => refused("the actor token has an actor itself"),
        Some(claims) if claims.sub != client.id => refused("the actor token is not the authenticated client's"),
        Some(_) => Ok(Some(ActorProved)),
    }
}

/// The chain of the new token.
fn act(
    server: &AuthorizationServer,
    client: &Client,
    rules: &Exchange,
    subject: &AccessClaims,
    actor: Option<ActorProved>,
) -> Result<Option<Box<Act>>, OAuthError> {
    let refused = |description| Err(ErrorCode::InvalidRequest.because(description));
    let own = subject.sub == client.id && subject.act.is_none();
    match (own, actor, rules.actor_token) {
        (true, Some(ActorProved), _) => {
            return refused("the actor is the subject itself: leave the actor token out");
        }
        (true, None, _) if rules.own_token == OwnToken::Plain => return Ok(None),
        (true, None, _) | (false, Some(ActorProved), _) | (false, None, ActorToken::Optional) => {}
        (false, None, ActorToken::Required) => {
            return refused("this client must present an actor token");
        }
    }
    if !own && !rules.may_act_for.contains(&subject.sub) {
        return refused("the client may not act for this subject");
    }
    if subject.depth() >= server.settings.chain_cap {
        return refused("the chain of actors would exceed the cap");
    }
    Ok(Some(Box::new(Act {
        iss: server.issuer_url.clone(),
        sub: client.id.clone(),
        sub_profile: client.profile,
        act: subject.act.clone(),
    })))
}
