//! Redeeming an authorization code, RFC 6749 section 4.1.3 with PKCE.

use crate::authorization_server::AuthorizationServer;
use crate::claims::{Act, Authentication, ID_TOKEN, IdClaims, SubjectProfile};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::{Client, Profile};
use crate::secret::s256;
use crate::store::{AuthorizationCode, IdToken};
use crate::token::{Granted, TokenResponse, our_fault};

/// A token for the person who signed in. Where the client is an agent, `act` names it.
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
    let refused = ErrorCode::InvalidGrant.because("the code is not good, or not good for this request");
    let code = server.codes.take(code, client, server.now()).ok_or(refused)?;
    if code.redirect_uri != redirect_uri
        || !is_verifier(verifier)
        || s256(verifier) != code.code_challenge
        || request.all("resource").any(|resource| resource != code.audience)
    {
        return Err(refused);
    }
    let AuthorizationCode {
        audience,
        subject,
        scope,
        authentication,
        id_token,
        ..
    } = code;
    let response = server.issue(Granted {
        subject: subject.clone(),
        subject_profile: SubjectProfile::User,
        audience,
        client,
        scope,
        authentication: Some(authentication.clone()),
        act: act(server, client),
        not_after: None,
    })?;
    let id_token = match id_token {
        IdToken::NotWanted => None,
        IdToken::Wanted { nonce } => Some(id(
            server,
            client,
            &subject,
            nonce.as_deref(),
            &authentication,
            &response,
        )?),
    };
    Ok(TokenResponse { id_token, ..response })
}

/// An application is an instrument of the person at it; an agent is a party of its own.
fn act(server: &AuthorizationServer, client: &Client) -> Option<Box<Act>> {
    (client.profile == Profile::AiAgent).then(|| {
        Box::new(Act {
            iss: server.issuer_url.clone(),
            sub: client.id.clone(),
            sub_profile: client.profile,
            act: None,
        })
    })
}

fn id(
    server: &AuthorizationServer,
    client: &Client,
    subject: &str,
    nonce: Option<&str>,
    authentication: &Authentication,
    response: &TokenResponse,
) -> Result<String, OAuthError> {
    let key = server.keys.active();
    let now = server.now();
    let claims = IdClaims {
        iss: &server.issuer_url,
        sub: subject,
        aud: &client.id,
        iat: now,
        exp: now.saturating_add(response.expires_in),
        nonce,
        at_hash: key.half_digest(&response.access_token),
        authentication,
    };
    key.sign(ID_TOKEN, &claims).map_err(|_| our_fault())
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
    fn a_verifier_has_bounds() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
        assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
        assert!(!is_verifier(&"ä".repeat(43)) && !is_verifier(&"+".repeat(43)));
    }
}
