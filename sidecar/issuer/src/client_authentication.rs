//! Client authentication: RFC 6749 section 2.3.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::authorization_server::AuthorizationServer;
use crate::client_assertion::{self, ASSERTION_TYPE};
use crate::error::{AuthScheme, ErrorCode, Result, UNREGISTERED_METHOD};
use crate::parameters::Parameters;
use crate::registry::Client;
use crate::secret::any_matches;

/// Runs an endpoint for the client that authenticates. A refusal is recorded.
pub(crate) fn for_client<T>(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
    endpoint: impl FnOnce(&AuthorizationServer, &Arc<Client>, &Parameters) -> Result<T>,
) -> Result<T> {
    let client = authenticate(server, headers, request).inspect_err(|error| server.note_refusal(None, *error))?;
    endpoint(server, &client, request).inspect_err(|error| server.note_refusal(Some(&client.id), *error))
}

/// Authenticates by `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`, exactly one of them. The
/// credential of a client decides which: a secret, keys, or nothing. A client without a credential is public and only
/// identified, so its registration limits its grants.
pub(crate) fn authenticate(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    request: &Parameters,
) -> Result<Arc<Client>> {
    let id = request.one("client_id")?;
    let posted = request.one("client_secret")?;
    let assertion = match (request.one("client_assertion")?, request.one("client_assertion_type")?) {
        (None, None) => None,
        (Some(assertion), Some(ASSERTION_TYPE)) => Some(assertion),
        (Some(_), Some(_)) => return Err(AuthScheme::None.failed()),
        _ => {
            let description = "client_assertion and client_assertion_type must be sent together";
            return Err(ErrorCode::InvalidRequest.because(description));
        }
    };
    let authorization: Vec<_> = headers.get_all(AUTHORIZATION).iter().take(2).collect();
    match (&*authorization, posted, assertion) {
        ([header], None, None) => {
            let (name, secret) = basic(header.as_bytes()).ok_or(AuthScheme::Basic.failed())?;
            let description = "client_id differs from the client of the Authorization header";
            ErrorCode::InvalidRequest.when(id.is_some_and(|id| id != name), description)?;
            prove(server, &name, &secret, AuthScheme::Basic)
        }
        ([], Some(secret), None) => {
            let id = id.ok_or(AuthScheme::None.failed())?;
            prove(server, id, secret, AuthScheme::None)
        }
        ([], None, Some(assertion)) => match client_assertion::authenticate(server, assertion)? {
            client if id.is_none_or(|id| id == client.id) => Ok(client),
            _ => Err(ErrorCode::InvalidRequest.because("client_id differs from the client of the assertion")),
        },
        ([], None, None) => match id.and_then(|id| server.client(id)) {
            Some(client) if client.is_public() => Ok(client),
            _ => Err(AuthScheme::None.failed()),
        },
        _ => Err(ErrorCode::InvalidRequest.because("the client authenticates by more than one method")),
    }
}

/// The identifier and the secret of a Basic header.
fn basic(header: &[u8]) -> Option<(String, String)> {
    let (scheme, credentials) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials.trim_start_matches(' ')).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

/// RFC 6749 section 2.3.1: identifier and secret are form-encoded before they are joined.
pub(crate) fn form_decoded(text: &str) -> Option<String> {
    if text.contains('&') {
        return None;
    }
    let pair = format!("={text}");
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
}

fn prove(server: &AuthorizationServer, id: &str, secret: &str, scheme: AuthScheme) -> Result<Arc<Client>> {
    let client = server.client(id);
    if client.as_ref().is_some_and(|client| client.credentials.is_none()) {
        return Err(UNREGISTERED_METHOD);
    }
    let now = server.clock.now();
    let credentials = client.iter().flat_map(|client| client.credentials.iter().flatten());
    let current = credentials.filter(|credential| credential.ends.is_none_or(|ends| now < ends));
    let is_proved = any_matches(current.map(|credential| &credential.secret), secret);
    match (is_proved, &client) {
        (true, Some(client)) => Ok(Arc::clone(client)),
        _ => Err(scheme.failed()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::authenticate;
    use crate::authorization_server::AuthorizationServer;
    use crate::error::{AuthScheme, ErrorCode};
    use crate::parameters::Parameters;
    use crate::registry::Registry;
    use crate::settings::Settings;

    fn server() -> AuthorizationServer {
        let url = "http://issuer.test".to_owned();
        AuthorizationServer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap()
    }

    fn outcome(authorization: &[&str], body: &str) -> Result<String, ErrorCode> {
        let server = server();
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let request = Parameters::parse(body.as_bytes()).ok().unwrap();
        match authenticate(&server, &headers, &request) {
            Ok(client) => Ok(client.id.clone()),
            Err(error) => Err(error.code),
        }
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    #[test]
    fn each_method() {
        let valid = basic("assistant:assistant-secret");
        let ok = |id: &str| Ok(id.to_owned());
        assert_eq!(outcome(&[&valid], ""), ok("assistant"));
        assert_eq!(outcome(&[&valid.replace("Basic", "bAsIc")], ""), ok("assistant"));
        assert_eq!(outcome(&[&valid], "client_id=assistant"), ok("assistant"));
        assert_eq!(outcome(&[&basic("assistant:assistant%2Dsecret")], ""), ok("assistant"));
        let posted = "client_id=assistant&client_secret=assistant-secret";
        assert_eq!(outcome(&[], posted), ok("assistant"));
        assert_eq!(outcome(&[], "client_id=terminal"), ok("terminal"));
    }

    #[test]
    fn each_failure() {
        let valid = basic("assistant:assistant-secret");
        let tried_basic = ErrorCode::InvalidClient(AuthScheme::Basic);
        let not_basic = ErrorCode::InvalidClient(AuthScheme::None);
        let posted = "client_id=assistant&client_secret=assistant-secret";
        for (authorization, body, expected) in [
            (vec![basic("assistant:wrong")], "", tried_basic),
            (vec![basic("unknown:assistant-secret")], "", tried_basic),
            (vec![basic("assistant")], "", tried_basic),
            (vec![basic("terminal:")], "", ErrorCode::UnauthorizedClient),
            (vec!["Basic !".to_owned()], "", tried_basic),
            (vec!["Bearer x".to_owned()], "", tried_basic),
            (vec![valid.clone()], posted, ErrorCode::InvalidRequest),
            (vec![valid.clone(), valid.clone()], "", ErrorCode::InvalidRequest),
            (vec![valid], "client_id=shopper", ErrorCode::InvalidRequest),
            (
                vec![],
                "client_id=assistant&client_id=assistant",
                ErrorCode::InvalidRequest,
            ),
            (vec![], "", not_basic),
            (vec![], "client_id=assistant", not_basic),
            (vec![], "client_id=unknown", not_basic),
            (vec![], "client_secret=assistant-secret", not_basic),
            (
                vec![],
                "client_id=terminal&client_secret=x",
                ErrorCode::UnauthorizedClient,
            ),
            (vec![], "client_id=assistant&client_secret=wrong", not_basic),
        ] {
            let authorization: Vec<_> = authorization.iter().map(String::as_str).collect();
            assert_eq!(outcome(&authorization, body), Err(expected), "{authorization:?} {body}");
        }
    }
}
