//! The tokens of a user: what a code and an approval are redeemed for.

use crate::claims::{ID_TOKEN, IdClaims};
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::store::FamilyGrant;
use crate::token::Minted;
use crate::{
    Act, Authorization, Client, EntityProfile, Event, Granted, INVALID_GRANT, Issuer, RefreshFamily, Result,
    SubjectProfile, TokenResponse,
};

/// The client as the actor, if it is an agent.
pub(super) fn agent(server: &Issuer, client: &Client) -> Option<Box<Act>> {
    match client.profile {
        EntityProfile::AiAgent => server.actor(client, None),
        _ => None,
    }
}

/// Issues a token for the user who allowed it, with an ID token for `openid` and a refresh token for `offline_access`.
/// `proceed` runs within the change, before anything is stored.
pub(super) fn issue(
    server: &Issuer,
    grant: &'static str,
    client: &Client,
    authorization: &Authorization,
    act: Option<Box<Act>>,
    proceed: impl FnOnce() -> Result<()>,
) -> Result<TokenResponse> {
    let access = &authorization.access;
    let scope = authorization.whole_scope();
    let minted = server.mint(Granted {
        event: Event::Issue,
        grant,
        txn: access.txn.clone(),
        parent: None,
        scope_before: Some(scope.clone()),
        subject: authorization.subject.clone(),
        subject_profile: SubjectProfile::User,
        audience: access.audience.clone(),
        client,
        scope: scope.clone(),
        authentication: Some(authorization.authentication.clone()),
        act: act.clone(),
        not_after: None,
    })?;
    let id_token = match access.protocol_scope.contains(OPENID) {
        false => None,
        true => Some(id_token(server, client, authorization, &minted)?),
    };
    let is_registered = scope.is_within(&client.scopes) && client.resources.contains(&access.audience);
    let lost = INVALID_GRANT.because("the client is not registered any more for what the user allowed");
    lost.when(!is_registered)?;
    let mut change = server.change()?;
    proceed()?;
    // What a user allowed and withdrew does not come back with a later consent to something else.
    let consent = change.consent(&authorization.subject, &client.id)?;
    if access.actor.is_none() && !consent.is_some_and(|consent| consent.covers(&access.audience, &scope)) {
        return Err(INVALID_GRANT.because("the user withdrew the consent for this client"));
    }
    let response = minted.store(&mut change)?;
    let refresh_token = match access.protocol_scope.contains(OFFLINE_ACCESS) {
        false => None,
        true => {
            let lifetime = server.settings.refresh_lifetime;
            let (family, token) = RefreshFamily::begin(FamilyGrant {
                txn: access.txn.clone(),
                client: client.id.clone(),
                subject: authorization.subject.clone(),
                audience: access.audience.clone(),
                scope,
                authentication: authorization.authentication.clone(),
                act,
                expires: server.clock.now().saturating_add(lifetime.as_secs()),
            })?;
            change.put_family(&family)?;
            Some(token)
        }
    };
    change.commit()?;
    Ok(TokenResponse {
        id_token,
        refresh_token,
        ..response
    })
}

fn id_token(server: &Issuer, client: &Client, authorization: &Authorization, minted: &Minted) -> Result<String> {
    let response = minted.response();
    let key = server.id_token_key(client)?;
    let now = server.clock.now();
    let claims = IdClaims {
        iss: &server.issuer_url,
        sub: &server.settings.dialect.user(&authorization.subject),
        aud: &client.id,
        iat: now,
        exp: now.saturating_add(response.expires_in),
        nonce: authorization.access.nonce.as_deref(),
        at_hash: key.half_digest(&response.access_token),
        authentication: &authorization.authentication,
        act: minted.act_of_id_token(server.settings.dialect),
    };
    Ok(key.sign(Some(ID_TOKEN), &claims)?)
}
