//! Reading an authorization request.

use url::Url;

use crate::authorization_server::AuthorizationServer;
use crate::entitlement::{granted, target};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::scope::ScopeSet;
use crate::store::{AuthorizationRequest, IdToken};

/// Where a bad request ends.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// On a page: the redirect URI is not to be trusted (RFC 6749 section 4.1.2.1).
    Page(&'static str),
    /// At the client, at this location.
    Redirect(String),
}

pub(super) fn read(server: &AuthorizationServer, query: &Parameters) -> Result<AuthorizationRequest, Rejected> {
    let client = match query.one("client_id") {
        Ok(Some(id)) => server.registry.client(id),
        _ => None,
    };
    let client = client.ok_or(Rejected::Page("The application is not known here."))?;
    let redirect_uri = match query.one("redirect_uri") {
        Ok(Some(uri)) if client.redirect_uris.contains(uri) => uri,
        _ => {
            return Err(Rejected::Page(
                "The application asked for an answer at an address that is not registered.",
            ));
        }
    };
    let state = query.one("state");
    read_for(server, client, redirect_uri, query).map_err(|error| {
        let pairs = [("error", error.code.as_str()), ("error_description", error.description)];
        Rejected::Redirect(location(server, redirect_uri, state.ok().flatten(), &pairs))
    })
}

/// The client's address with the answer, `state` and `iss`.
pub(super) fn redirect(
    server: &AuthorizationServer,
    request: &AuthorizationRequest,
    answer: &[(&str, &str)],
) -> String {
    location(server, &request.redirect_uri, request.state.as_deref(), answer)
}

/// The rest of the request, once there is a client to answer to.
fn read_for(
    server: &AuthorizationServer,
    client: &Client,
    redirect_uri: &str,
    query: &Parameters,
) -> Result<AuthorizationRequest, OAuthError> {
    let state = query.one("state")?.map(str::to_owned);
    let nonce = query.one("nonce")?.map(str::to_owned);
    if query.one("request")?.is_some() {
        return Err(ErrorCode::RequestNotSupported.because("request objects are not supported"));
    }
    if query.one("request_uri")?.is_some() {
        return Err(ErrorCode::RequestUriNotSupported.because("request objects are not supported"));
    }
    match query.one("response_type")? {
        Some("code") => {}
        None => return Err(ErrorCode::InvalidRequest.because("response_type is missing")),
        Some(_) => {
            return Err(ErrorCode::UnsupportedResponseType.because("only code is supported"));
        }
    }
    if !matches!(query.one("response_mode")?, None | Some("query")) {
        return Err(ErrorCode::InvalidRequest.because("only response_mode query is supported"));
    }
    if query.one("prompt")? == Some("none") {
        // Nobody is ever signed in already: there are no sessions.
        return Err(ErrorCode::LoginRequired.because("a person must sign in"));
    }
    let code_challenge = code_challenge(query)?;

    let resources: Vec<_> = query.all("resource").collect();
    let resource = target(server, client, &resources)?;
    let mut requested = query.one("scope")?.map(ScopeSet::parse).transpose()?;
    let id_token = match requested.as_mut().map(|scope| scope.remove("openid")) {
        Some(true) if client.scopes.contains("openid") => IdToken::Wanted { nonce },
        Some(true) => {
            return Err(ErrorCode::InvalidScope.because("the client may not ask for openid"));
        }
        _ => IdToken::NotWanted,
    };
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        code_challenge,
        audience: resource.identifier.clone(),
        scope: granted(requested, client.scopes.intersection(&resource.scopes))?,
        id_token,
        state,
    })
}

/// RFC 7636, S256 only: `plain` would put the secret itself into the browser's address line.
fn code_challenge(query: &Parameters) -> Result<String, OAuthError> {
    let challenge = match (query.one("code_challenge")?, query.one("code_challenge_method")?) {
        (Some(challenge), Some("S256")) => challenge,
        _ => return Err(ErrorCode::InvalidRequest.because("PKCE with S256 is required")),
    };
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return Err(ErrorCode::InvalidRequest.because("code_challenge is no SHA-256 digest"));
    }
    Ok(challenge.to_owned())
}

fn location(server: &AuthorizationServer, redirect_uri: &str, state: Option<&str>, answer: &[(&str, &str)]) -> String {
    // The registry parsed it before; were it to fail now, the browser would stay here.
    let Ok(mut url) = Url::parse(redirect_uri) else {
        return String::from("/");
    };
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(answer);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &server.issuer_url);
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use url::form_urlencoded;

    use super::{AuthorizationRequest, Rejected, read as read_request};
    use crate::authorization_server::{AuthorizationServer, Issuer};
    use crate::parameters::Parameters;
    use crate::registry::Registry;
    use crate::settings::Settings;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// A good request with some parameters replaced; an empty value takes the parameter out.
    fn read(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, Rejected> {
        let issuer = Issuer::new(Settings::default(), Registry::demo().unwrap()).unwrap();
        let server = AuthorizationServer::new(issuer, "http://issuer.test".to_owned());
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("client_id", "assistant"),
            ("redirect_uri", "https://assistant.example/callback"),
            ("response_type", "code"),
            ("scope", "openid orders:read"),
            ("resource", "https://orders.example"),
            ("state", "a b&c"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ] {
            if !changes.iter().any(|(changed, _)| *changed == name) {
                query.append_pair(name, value);
            }
        }
        query.extend_pairs(changes);
        read_request(&server, &Parameters::parse(query.finish().as_bytes()).ok().unwrap())
    }

    #[test]
    fn a_good_request_is_read() {
        let request = read(&[]).unwrap();
        assert_eq!(request.scope.to_string(), "orders:read");
        assert_eq!(request.audience, "https://orders.example");
    }

    #[test]
    fn without_a_trusted_address_there_is_no_redirect() {
        for change in [
            ("client_id", "nobody"),
            ("client_id", ""),
            ("redirect_uri", ""),
            ("redirect_uri", "https://assistant.example/callback/"),
            ("redirect_uri", "https://assistant.example/callback?x=1"),
            ("redirect_uri", "https://storefront.example/callback"),
        ] {
            assert!(matches!(read(&[change]), Err(Rejected::Page(_))), "{change:?}");
        }
        let twice = [("client_id", "assistant"), ("client_id", "assistant")];
        assert!(matches!(read(&twice), Err(Rejected::Page(_))));
    }

    #[test]
    fn other_faults_go_back_to_the_client() {
        for (changes, error) in [
            (vec![("response_type", "token")], "unsupported_response_type"),
            (vec![("response_type", "")], "invalid_request"),
            (vec![("response_mode", "fragment")], "invalid_request"),
            (vec![("code_challenge", "")], "invalid_request"),
            (vec![("code_challenge", "short")], "invalid_request"),
            (vec![("code_challenge_method", "plain")], "invalid_request"),
            (vec![("code_challenge_method", "")], "invalid_request"),
            (vec![("nonce", "a"), ("nonce", "b")], "invalid_request"),
            (vec![("state", "a"), ("state", "b")], "invalid_request"),
            (vec![("scope", "shipping:write")], "invalid_scope"),
            (vec![("scope", "no:such")], "invalid_scope"),
            (vec![("scope", "openid")], "invalid_scope"),
            (vec![("scope", "a  b")], "invalid_scope"),
            (vec![("resource", "")], "invalid_target"),
            (vec![("resource", "https://nowhere.example")], "invalid_target"),
            (
                vec![
                    ("resource", "https://orders.example"),
                    ("resource", "https://shipping.example"),
                ],
                "invalid_target",
            ),
            (vec![("prompt", "none")], "login_required"),
            (vec![("request", "x")], "request_not_supported"),
            (vec![("request_uri", "x")], "request_uri_not_supported"),
        ] {
            let Err(Rejected::Redirect(location)) = read(&changes) else {
                panic!("{changes:?}")
            };
            let start = format!("https://assistant.example/callback?error={error}&");
            assert!(location.starts_with(&start), "{changes:?}: {location}");
            assert!(location.ends_with("iss=http%3A%2F%2Fissuer.test"), "{location}");
            let state = changes.iter().all(|(name, _)| *name != "state");
            assert_eq!(location.contains("&state=a+b%26c&"), state, "{location}");
        }
    }
}
