//! Redeeming an authorization code, RFC 6749 section 4.1.3 with PKCE.

use crate::audit::{Entry, Event};
use crate::authorization_server::AuthorizationServer;
use crate::claims::{EntityProfile, ID_TOKEN, IdClaims, SubjectProfile};
use crate::entitlement::targets;
use crate::error::{ErrorCode, OAuthError};
use crate::grant_type::AUTHORIZATION_CODE;
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::scope::{OFFLINE_ACCESS, OPENID};
use crate::secret::s256;
use crate::store::{Authorization, FamilyGrant, RefreshFamily};
use crate::token::{Granted, Minted, Origin, TokenResponse};

/// Issues a token for the user who signed in, and a refresh token if that was requested. If the client is an agent, `act`
/// names it. A code that is used twice gives nothing, and ends what it gave (RFC 6749 section 4.1.2).
pub(super) fn authorization_code(
    server: &AuthorizationServer,
    client: &Client,
    request: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    if client.redirect_uris.is_empty() {
        return Err(ErrorCode::UnauthorizedClient.because("the client is not registered for this grant"));
    }
    let (Some(code), Some(redirect_uri), Some(verifier)) = (
        request.one("code")?,
        request.one("redirect_uri")?,
        request.one("code_verifier")?,
    ) else {
        return Err(ErrorCode::InvalidRequest.because("code, redirect_uri and code_verifier are required"));
    };
    let invalid = ErrorCode::InvalidGrant.because("the code is invalid, expired, or was issued for another request");
    let code = server.codes.get(code);
    let code = code.filter(|code| code.authorization.request.client.id == client.id);
    let code = code.ok_or(invalid)?;
    let Authorization {
        request: authorized,
        subject,
        scope,
        authentication,
    } = &code.authorization;
    if !code.is_first_use() {
        revoke(server, client, &authorized.txn)?;
        return Err(invalid);
    }
    if code.expires <= server.clock.now()
        || authorized.callback.redirect_uri != redirect_uri
        || !is_verifier(verifier)
        || s256(verifier) != authorized.code_challenge
        || targets(request).into_iter().any(|target| target != authorized.audience)
    {
        return Err(invalid);
    }
    let act = match client.profile {
        EntityProfile::AiAgent => server.actor(client, None),
        _ => None,
    };
    let scope = scope.union(&authorized.protocol_scope);
    let minted = server.mint(Granted {
        origin: Origin {
            event: Event::Issue,
            grant: AUTHORIZATION_CODE,
            txn: authorized.txn.clone(),
            parent: None,
            scope_before: Some(authorized.scope.union(&authorized.protocol_scope)),
        },
        subject: subject.clone(),
        subject_profile: SubjectProfile::User,
        audience: authorized.audience.clone(),
        client,
        scope: scope.clone(),
        authentication: Some(authentication.clone()),
        act: act.clone(),
        not_after: None,
    })?;
    let id_token = match authorized.protocol_scope.contains(OPENID) {
        false => None,
        true => Some(id_token(server, client, &code.authorization, &minted)?),
    };
    let mut change = server.change()?;
    // A second use that ended what this one gives waits for the change, or is counted by now.
    if code.is_replayed() {
        return Err(invalid);
    }
    let response = minted.store(&mut change)?;
    let refresh_token = match authorized.protocol_scope.contains(OFFLINE_ACCESS) {
        false => None,
        true => {
            let (family, token) = RefreshFamily::begin(FamilyGrant {
                txn: authorized.txn.clone(),
                client: client.id.clone(),
                subject: subject.clone(),
                audience: authorized.audience.clone(),
                scope,
                authentication: authentication.clone(),
                act,
                expires: server.clock.now().saturating_add(server.refresh_lifetime.as_secs()),
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

/// Ends what the first use of a code gave (RFC 6749 section 4.1.2).
fn revoke(server: &AuthorizationServer, client: &Client, txn: &str) -> Result<(), OAuthError> {
    let mut change = server.change()?;
    change.revoke_transaction(txn)?;
    change.audit(Entry {
        txn: Some(txn.to_owned()),
        client_id: Some(client.id.clone()),
        reason: Some("the authorization code was used twice"),
        ..Entry::new(Event::Revoke)
    });
    change.commit()?;
    Ok(())
}

fn id_token(
    server: &AuthorizationServer,
    client: &Client,
    authorization: &Authorization,
    minted: &Minted,
) -> Result<String, OAuthError> {
    let response = minted.response();
    let key = server.keys.active();
    let now = server.clock.now();
    let claims = IdClaims {
        iss: &server.issuer_url,
        sub: &server.dialect.user(&authorization.subject),
        aud: &client.id,
        iat: now,
        exp: now.saturating_add(response.expires_in),
        nonce: authorization.request.nonce.as_deref(),
        at_hash: key.half_digest(&response.access_token),
        authentication: &authorization.authentication,
        act: minted.act_of_id_token(server.dialect),
    };
    Ok(key.sign(Some(ID_TOKEN), &claims)?)
}

/// RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::is_verifier;

    #[test]
    fn the_length_and_alphabet_of_a_verifier_are_limited() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&"ä".repeat(43)) && !is_verifier(&"+".repeat(43)));
    }
}
