//! Refreshing an access token, RFC 6749 section 6, with a new refresh token at each use (RFC 9700 section 4.14).

use serde_json::Value;

use crate::entitlement::{is_for_other, still_granted};
use crate::grant_type::REFRESH_TOKEN;
use crate::scope::OFFLINE_ACCESS;
use crate::store::PresentedRefreshToken;
use crate::{
    AccessClaims, Client, Event, Granted, INVALID_GRANT, INVALID_SCOPE, INVALID_TARGET, Issuer, OAuthError, Parameters,
    RefreshFamily, Result, ScopeSet,
};

const INVALID: OAuthError =
    INVALID_GRANT.because("the refresh token is invalid, expired, revoked, or of another client");

/// Issues an access token as the first one of the family: with its subject, audience, chain and the time of its login.
/// The scope can be narrower. The next refresh token has all of the family, and expires with it.
///
/// A token that is not the last one of its family is a copy in other hands: the family and its tokens end.
pub(super) fn refresh(server: &Issuer, client: &Client, request: &Parameters) -> Result<Value> {
    let token = request.required("refresh_token", "refresh_token is required")?;
    let presented = PresentedRefreshToken::parse(token).ok_or(INVALID)?;
    let family = server.store.family(presented.txn)?.ok_or(INVALID)?;
    let is_of_client = presented.is_of(&family) && family.claims.client_id == client.id;
    INVALID.when(!is_of_client || family.claims.exp <= server.clock.now())?;
    if !presented.is_current(&family) {
        return revoke(server, &family);
    }
    let is_for_other = is_for_other(request, &family.claims.aud);
    INVALID_TARGET.when(is_for_other, "the refresh token is for another resource")?;
    let allowed = still_granted(server, client, &family.claims);
    let allowed = allowed.filter(|scope| scope.contains(OFFLINE_ACCESS)).ok_or(INVALID)?;
    let scope = match request.one("scope")?.map(ScopeSet::parse).transpose()? {
        None => allowed,
        Some(narrower) if narrower.is_within(&allowed) => narrower,
        Some(_) => return Err(INVALID_SCOPE.because("the requested scope exceeds that of the refresh token")),
    };
    let minted = server.mint(Granted {
        event: Event::Refresh,
        grant: REFRESH_TOKEN,
        client,
        parent: None,
        scope_before: Some(family.claims.scope.clone()),
        claims: AccessClaims {
            scope,
            ..family.claims.clone()
        },
    })?;

    let mut change = server.change()?;
    let mut family = change.family(presented.txn)?.ok_or(INVALID)?;
    if !presented.is_current(&family) {
        // Another request used the token since it was read. Its change has ended.
        drop(change);
        return revoke(server, &family);
    }
    let mut response = minted.store(&mut change)?;
    response["refresh_token"] = presented.rotate(&mut family)?.into();
    change.put_family(&family)?;
    change.commit()?;
    Ok(response)
}

/// Ends a family of which there is a copy.
fn revoke<T>(server: &Issuer, family: &RefreshFamily) -> Result<T> {
    let entry = family
        .claims
        .entry(Event::Revoke)
        .with_reason("a refresh token was used twice");
    server.end_transaction(&family.claims.txn, entry)?;
    Err(INVALID)
}
