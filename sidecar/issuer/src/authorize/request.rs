//! Reading an authorization request.

use std::sync::Arc;

use url::Url;

use crate::authorization_server::AuthorizationServer;
use crate::entitlement::{granted, target};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::scope::{OPENID, ScopeSet};
use crate::secret::transaction_id;
use crate::store::{AuthorizationRequest, Callback};

/// How a request ends without a code.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// On an error page, because the redirect URI cannot be trusted (RFC 6749 section 4.1.2.1) or is not known.
    Page(&'static str),
    /// At the client, by a redirect to this location.
    Redirect(String),
}

pub(super) fn read(server: &AuthorizationServer, query: &Parameters) -> Result<AuthorizationRequest, Rejection> {
    let client = match query.one("client_id") {
        Ok(Some(id)) => server.client(id),
        _ => None,
    };
    let client = client.ok_or(Rejection::Page("The client_id of the application is not registered."))?;
    let callback = match query.one("redirect_uri") {
        Ok(Some(uri)) if client.accepts_redirect_uri(uri) => Callback {
            redirect_uri: uri.to_owned(),
            state: query.one("state").ok().flatten().map(str::to_owned),
        },
        _ => {
            return Err(Rejection::Page(
                "The redirect_uri of the application is not registered.",
            ));
        }
    };
    read_for(server, &client, &callback, query).map_err(|error| {
        server.note_refusal(Some(&client.id), error);
        rejection(server, &callback, error)
    })
}

/// Reads the rest of the request, whose errors the client receives.
fn read_for(
    server: &AuthorizationServer,
    client: &Arc<Client>,
    callback: &Callback,
    query: &Parameters,
) -> Result<AuthorizationRequest, OAuthError> {
    query.one("state")?;
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
        Some(_) => return Err(ErrorCode::UnsupportedResponseType.because("only code is supported")),
    }
    if !matches!(query.one("response_mode")?, None | Some("query")) {
        return Err(ErrorCode::InvalidRequest.because("only response_mode query is supported"));
    }
    if query.one("prompt")? == Some("none") {
        // There are no sessions, so no user is signed in already.
        return Err(ErrorCode::LoginRequired.because("the user must sign in"));
    }
    let code_challenge = code_challenge(query)?;

    let resource = target(server, client, query)?;
    let mut requested = query.one("scope")?.map(ScopeSet::parse).transpose()?;
    let protocol_scope = requested.as_mut().map(ScopeSet::take_protocol_scopes);
    let protocol_scope = protocol_scope.unwrap_or_default();
    if protocol_scope.contains(OPENID) && !client.scopes.contains(OPENID) {
        return Err(ErrorCode::InvalidScope.because("the client may not ask for openid"));
    }
    // OpenID Connect Core section 11: offline_access is ignored where it is not allowed. The SDKs of MCP ask for it
    // wherever the metadata has it.
    let protocol_scope = protocol_scope.intersection(&client.scopes);
    Ok(AuthorizationRequest {
        txn: transaction_id()?,
        client: Arc::clone(client),
        callback: callback.clone(),
        code_challenge,
        audience: resource.identifier.clone(),
        scope: granted(requested, client.scopes.intersection(&resource.scopes))?,
        protocol_scope,
        nonce,
    })
}

/// RFC 7636, S256 only: `plain` would show the verifier in the address of the browser.
fn code_challenge(query: &Parameters) -> Result<String, OAuthError> {
    let challenge = match (query.one("code_challenge")?, query.one("code_challenge_method")?) {
        (Some(challenge), Some("S256")) => challenge,
        _ => return Err(ErrorCode::InvalidRequest.because("PKCE with S256 is required")),
    };
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return Err(ErrorCode::InvalidRequest.because("code_challenge must be a SHA-256 digest in base64url"));
    }
    Ok(challenge.to_owned())
}

/// An error that the client receives (RFC 6749 section 4.1.2.1).
pub(super) fn rejection(server: &AuthorizationServer, callback: &Callback, error: impl Into<OAuthError>) -> Rejection {
    let error = error.into();
    let response = [("error", error.code.as_str()), ("error_description", error.description)];
    Rejection::Redirect(location(server, callback, &response))
}

/// The redirect URI with a response, its `state` and its `iss`.
pub(super) fn location(server: &AuthorizationServer, callback: &Callback, response: &[(&str, &str)]) -> String {
    // A registered redirect URI can be parsed; if one could not, the browser would stay at the issuer.
    let Ok(mut url) = Url::parse(&callback.redirect_uri) else {
        return String::from("/");
    };
    url.query_pairs_mut()
        .extend_pairs(response)
        .extend_pairs(callback.state.iter().map(|state| ("state", state)))
        .append_pair("iss", &server.issuer_url);
    url.into()
}

#[cfg(test)]
mod tests {
    use url::form_urlencoded;

    use super::{AuthorizationRequest, Rejection};
    use crate::authorization_server::AuthorizationServer;
    use crate::parameters::Parameters;
    use crate::registry::Registry;
    use crate::settings::Settings;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// Reads a valid request with some parameters replaced; an empty value omits the parameter.
    fn read(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, Rejection> {
        read_with(Registry::SAMPLE, changes)
    }

    fn read_with(registry: &str, changes: &[(&str, &str)]) -> Result<AuthorizationRequest, Rejection> {
        let url = "http://issuer.test".to_owned();
        let registry = Registry::from_yaml(registry).unwrap();
        let server = AuthorizationServer::new(Settings::default(), registry, url).unwrap();
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
        super::read(&server, &Parameters::parse(query.finish().as_bytes()).ok().unwrap())
    }

    #[test]
    fn a_valid_request_is_read() {
        let request = read(&[]).unwrap();
        assert_eq!(String::from(request.scope), "orders:read");
        assert_eq!(request.audience, "https://orders.example");
        let aliased = read(&[
            ("resource", ""),
            ("audience", "https://shipping.example"),
            ("scope", ""),
        ])
        .unwrap();
        assert_eq!(aliased.audience, "https://shipping.example");
    }

    #[test]
    fn offline_access_is_ignored_where_the_client_may_not_have_it() {
        let with = [("scope", "offline_access orders:read")];
        assert_eq!(String::from(read(&with).unwrap().protocol_scope), "offline_access");
        let without = Registry::SAMPLE.replace("offline_access, ", "");
        let request = read_with(&without, &with).unwrap();
        assert_eq!(String::from(request.protocol_scope), "");
        assert_eq!(String::from(request.scope), "orders:read");
    }

    #[test]
    fn an_unregistered_client_or_redirect_uri_is_not_redirected_to() {
        for change in [
            ("client_id", "unknown"),
            ("client_id", ""),
            ("redirect_uri", ""),
            ("redirect_uri", "https://assistant.example/callback/"),
            ("redirect_uri", "https://assistant.example/callback?x=1"),
            ("redirect_uri", "https://storefront.example/callback"),
        ] {
            assert!(matches!(read(&[change]), Err(Rejection::Page(_))), "{change:?}");
        }
        let twice = [("client_id", "assistant"), ("client_id", "assistant")];
        assert!(matches!(read(&twice), Err(Rejection::Page(_))));
    }

    #[test]
    fn other_errors_are_redirected_to_the_client() {
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
            (vec![("audience", "https://shipping.example")], "invalid_target"),
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
            let Err(Rejection::Redirect(location)) = read(&changes) else {
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
