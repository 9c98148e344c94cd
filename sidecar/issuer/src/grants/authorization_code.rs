//! Redeeming an authorization code, RFC 6749 section 4.1.3 with PKCE.

use crate::authorization_server::AuthorizationServer;
use crate::claims::{EntityProfile, ID_TOKEN, IdClaims, SubjectProfile};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::secret::s256;
use crate::store::{Authorization, AuthorizationCode, IdToken};
use crate::token::{Granted, TokenResponse};

/// Issues a token for the user who signed in. If the client is an agent, `act` names it.
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
    let AuthorizationCode { authorization, expires } = server
        .codes
        .take_if(code, |code| code.authorization.request.client.id == client.id)
        .ok_or(invalid)?;
    let Authorization {
        request: authorized,
        subject,
        scope,
        authentication,
    } = authorization;
    if expires <= server.clock.now()
        || authorized.callback.redirect_uri != redirect_uri
        || !is_verifier(verifier)
        || s256(verifier) != authorized.code_challenge
        || request.all("resource").any(|resource| resource != authorized.audience)
    {
        return Err(invalid);
    }
    let act = match client.profile {
        EntityProfile::AiAgent => server.actor(client, None),
        _ => None,
    };
    let response = server.issue(Granted {
        subject: subject.clone(),
        subject_profile: SubjectProfile::User,
        audience: authorized.audience,
        client,
        scope,
        authentication: Some(authentication.clone()),
        act,
        not_after: None,
    })?;
    let id_token = match authorized.id_token {
        IdToken::NotRequested => None,
        IdToken::Requested { nonce } => {
            let key = server.keys.active();
            let now = server.clock.now();
            let claims = IdClaims {
                iss: &server.issuer_url,
                sub: &subject,
                aud: &client.id,
                iat: now,
                exp: now.saturating_add(response.expires_in),
                nonce: nonce.as_deref(),
                at_hash: key.half_digest(&response.access_token),
                authentication: &authentication,
            };
            Some(key.sign(ID_TOKEN, &claims)?)
        }
    };
    Ok(TokenResponse { id_token, ..response })
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
