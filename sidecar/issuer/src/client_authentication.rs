//! Client authentication: RFC 6749 section 2.3, and by a signed JWT (RFC 7523 section 2.2, OpenID Connect Core section 9).

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use crate::grant_type::{TOKEN_EXCHANGE, is_known};
use crate::secret::any_matches;
use crate::store::IssuedToken;
use crate::{
    ACCESS_DENIED, AUTHORIZATION_PENDING, AccessClaims, BASIC_FAILED, CLIENT_FAILED, Client, Entry, INVALID_CLIENT,
    INVALID_REQUEST, Issuer, OAuthError, Parameters, PublicKey, Result, SLOW_DOWN, UNREGISTERED_METHOD,
};

/// Runs an endpoint for the client that authenticates. A refusal is recorded; the log has every request, with the client if it
/// is registered.
pub(crate) fn for_client<T>(
    server: &Issuer,
    name: &str,
    headers: &HeaderMap,
    request: &Parameters,
    endpoint: impl FnOnce(&Issuer, &Arc<Client>, &Parameters) -> Result<T>,
) -> Result<T> {
    let authenticated = authenticate(server, headers, request);
    let (response, client_id) = match &authenticated {
        Ok(client) => (endpoint(server, client, request), Some(client.id.clone())),
        Err(error) => (Err(*error), claimed(server, headers, request)),
    };
    // A client document has its address as its identifier, which the caller chooses.
    let client = client_id.as_deref().filter(|id| is_registered(server, id));
    let grant = request.one("grant_type").ok().flatten().filter(|grant| is_known(grant));
    let error = response.as_ref().err().copied();
    let (outcome, reason) = error.map(|error| (error.code.name, error.description)).unzip();
    let outcome = outcome.unwrap_or("done");
    tracing::info!(client, grant, outcome, reason, "{name} request");
    // Either is no refusal yet, or the decision of a user or of the policy on issuance, which has recorded it.
    let is_refusal = |error: &OAuthError| ![AUTHORIZATION_PENDING, SLOW_DOWN, ACCESS_DENIED].contains(&error.code);
    if let Some(error) = error.filter(is_refusal) {
        let mut entry = Entry::refusal(error);
        if authenticated.is_ok() && grant == Some(TOKEN_EXCHANGE) {
            tie(server, request, &mut entry);
        }
        entry.client_id = client_id;
        match authenticated {
            Ok(client) => server.note_of(&client, entry),
            Err(_) => server.note_unproven(entry),
        }
    }
    response
}

/// The identifier that a request has, which proves nothing, if a client is registered with it.
fn claimed(server: &Issuer, headers: &HeaderMap, request: &Parameters) -> Option<String> {
    let basic = headers.get(AUTHORIZATION).and_then(|header| basic(header.as_bytes()));
    let assertion = request.one("client_assertion").ok().flatten();
    let asserted = assertion.and_then(|assertion| part::<Value>(assertion, 1)?["sub"].as_str().map(str::to_owned));
    let posted = request.one("client_id").ok().flatten().map(str::to_owned);
    let id = basic.map(|(id, _)| id).or(asserted).or(posted);
    id.filter(|id| is_registered(server, id))
}

fn is_registered(server: &Issuer, id: &str) -> bool {
    server.directory.get().registry.clients.contains_key(id)
}

/// Adds the transaction and the subject of the live subject token in the request.
fn tie(server: &Issuer, request: &Parameters, refusal: &mut Entry) {
    let subject = request.one("subject_token").ok().flatten();
    let subject = subject.and_then(|token| server.read(token).ok().flatten());
    if let Some(IssuedToken { claims, .. }) = subject {
        let AccessClaims { txn, sub, jti, .. } = claims;
        (refusal.txn, refusal.sub, refusal.parent_jti) = (Some(txn), Some(sub), Some(jti));
    }
}

/// Authenticates by `client_secret_basic`, `client_secret_post`, `private_key_jwt` or `none`, exactly one of them. The
/// credential of a client decides which: a secret, keys, or nothing. A client without a credential is public and only
/// identified, so its registration limits its grants.
pub(crate) fn authenticate(server: &Issuer, headers: &HeaderMap, request: &Parameters) -> Result<Arc<Client>> {
    let id = request.one("client_id")?;
    let posted = request.one("client_secret")?;
    let assertion = match (request.one("client_assertion")?, request.one("client_assertion_type")?) {
        (None, None) => None,
        (Some(assertion), Some(ASSERTION_TYPE)) => Some(assertion),
        (Some(_), Some(_)) => return Err(CLIENT_FAILED),
        _ => return Err(INVALID_REQUEST.because("client_assertion and its type must be sent together")),
    };
    let authorization: Vec<_> = headers.get_all(AUTHORIZATION).iter().take(2).collect();
    match (&*authorization, posted, assertion) {
        ([header], None, None) => {
            let (name, secret) = basic(header.as_bytes()).ok_or(BASIC_FAILED)?;
            let description = "client_id differs from the client of the Authorization header";
            INVALID_REQUEST.when(id.is_some_and(|id| id != name), description)?;
            prove(server, &name, &secret, &request.sender, BASIC_FAILED)
        }
        ([], Some(secret), None) => {
            let id = id.ok_or(CLIENT_FAILED)?;
            prove(server, id, secret, &request.sender, CLIENT_FAILED)
        }
        ([], None, Some(assertion)) => match by_assertion(server, assertion, &request.sender)? {
            client if id.is_none_or(|id| id == client.id) => Ok(client),
            _ => Err(INVALID_REQUEST.because("client_id differs from the client of the assertion")),
        },
        ([], None, None) => match id.and_then(|id| server.client(id, &request.sender)) {
            Some(client) if client.is_public() => Ok(client),
            _ => Err(CLIENT_FAILED),
        },
        _ => Err(INVALID_REQUEST.because("the client authenticates by more than one method")),
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
    let (_, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(value.into_owned())
}

fn prove(server: &Issuer, id: &str, secret: &str, sender: &str, failed: OAuthError) -> Result<Arc<Client>> {
    let client = server.client(id, sender);
    if client.as_ref().is_some_and(|client| client.credentials.is_none()) {
        return Err(UNREGISTERED_METHOD);
    }
    let now = server.clock.now();
    let credentials = client.iter().flat_map(|client| client.credentials.iter().flatten());
    let current = credentials.filter(|credential| credential.ends.is_none_or(|ends| now < ends));
    let turn = server.turns.get_with_by_ref(sender, Arc::default);
    let is_proved = any_matches(current.map(|credential| &credential.secret), secret, &turn);
    match (is_proved, &client) {
        (true, Some(client)) => Ok(Arc::clone(client)),
        _ => Err(failed),
    }
}

/// The only type of a client assertion.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The maximum time until a client assertion expires, in seconds.
const MAX_LIFETIME: u64 = 3600;
/// The maximum difference between the clocks of client and issuer, in seconds.
const SKEW: u64 = 60;
/// The maximum length of a `jti`.
const MAX_JTI: usize = 256;

/// The maximum number of assertions of a client that have not expired, so that none fills the store. One that registered
/// itself has a hundredth of it.
const MAX_USED: usize = 10_000;

/// Each known member of an object is there once: serde denies a second one.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

/// One audience, which can be in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    Text(String),
    List([String; 1]),
}

/// Authenticates a client by an assertion that one of its keys signed, and that it did not use before.
fn by_assertion(server: &Issuer, assertion: &str, sender: &str) -> Result<Arc<Client>> {
    let header: AssertionHeader = part(assertion, 0).ok_or(CLIENT_FAILED)?;
    let is_known = matches!(header.typ.as_deref(), None | Some("JWT" | "client-authentication+jwt"));
    CLIENT_FAILED.when(!is_known || header.crit.is_some())?;
    let algorithm = PublicKey::algorithm(&header.alg).ok_or(CLIENT_FAILED)?;
    let of: Value = part(assertion, 1).ok_or(CLIENT_FAILED)?;
    let client = of["sub"]
        .as_str()
        .and_then(|id| server.client(id, sender))
        .ok_or(CLIENT_FAILED)?;
    let keys = client.keys.iter();
    let mut keys = keys.filter(|key| key.fits(algorithm, header.kid.as_deref()));
    let payload = keys.find_map(|key| key.verify(assertion, algorithm));
    let payload = payload.ok_or(CLIENT_FAILED)?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| invalid("the client assertion lacks a claim, has a malformed one, or several audiences"))?;
    let now = server.clock.now();
    claims.check(server, &client, now)?;
    let expires = claims.exp.ceil() as u64;
    let limit = if client.is_self_registered { 100 } else { MAX_USED };
    let is_first = server.changed(|change| change.use_once(&client.id, &claims.jti, expires, limit))?;
    invalid("the client assertion was already used").when(!is_first)?;
    Ok(client)
}

impl Claims {
    fn check(&self, server: &Issuer, client: &Client, now: u64) -> Result<()> {
        let (Audience::Text(audience) | Audience::List([audience])) = &self.aud;
        let issuer = &server.issuer_url;
        let until = |seconds: u64| now.saturating_add(seconds) as f64;
        invalid("iss and sub of the client assertion must be the client")
            .when(self.iss != client.id || self.sub != client.id)?;
        invalid("aud of the client assertion must be the issuer")
            .when(audience != issuer && audience.strip_prefix(&*server.origin) != Some("/token"))?;
        invalid("the client assertion has expired, or expires in more than an hour")
            .when(!((now as f64) < self.exp && self.exp <= until(MAX_LIFETIME + SKEW)))?;
        invalid("the client assertion is not valid yet").when(self.nbf.is_some_and(|nbf| nbf > until(SKEW)))?;
        let has_jti = (1..=MAX_JTI).contains(&self.jti.len());
        invalid("jti of the client assertion must have 1 to 256 bytes").when(!has_jti)
    }
}

/// The part of a header that counts.
#[derive(Deserialize)]
struct AssertionHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

/// A part of an assertion, before its signature is verified.
fn part<T: DeserializeOwned>(assertion: &str, position: usize) -> Option<T> {
    let part = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(position)?).ok()?;
    serde_json::from_slice(&part).ok()
}

/// The client has proven its key, so it learns what is wrong.
fn invalid(description: &'static str) -> OAuthError {
    INVALID_CLIENT.because(description)
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;
    use axum::http::{HeaderMap, HeaderValue};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::authenticate;
    use crate::error::{ErrorCode, INVALID_BASIC_CLIENT, UNAUTHORIZED_CLIENT};
    use crate::issuer::Issuer;
    use crate::parameters::Parameters;
    use crate::registry::Registry;
    use crate::settings::Settings;
    use crate::{INVALID_CLIENT, INVALID_REQUEST};

    fn server() -> Issuer {
        let url = "http://issuer.test".to_owned();
        Issuer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap()
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
        let tried_basic = INVALID_BASIC_CLIENT;
        let not_basic = INVALID_CLIENT;
        let posted = "client_id=assistant&client_secret=assistant-secret";
        for (authorization, body, expected) in [
            (vec![basic("assistant:wrong")], "", tried_basic),
            (vec![basic("unknown:assistant-secret")], "", tried_basic),
            (vec![basic("assistant")], "", tried_basic),
            (vec![basic("terminal:")], "", UNAUTHORIZED_CLIENT),
            (vec!["Basic !".to_owned()], "", tried_basic),
            (vec!["Bearer x".to_owned()], "", tried_basic),
            (vec![valid.clone()], posted, INVALID_REQUEST),
            (vec![valid.clone(), valid.clone()], "", INVALID_REQUEST),
            (vec![valid], "client_id=shopper", INVALID_REQUEST),
            (vec![], "client_id=assistant&client_id=assistant", INVALID_REQUEST),
            (vec![], "", not_basic),
            (vec![], "client_id=assistant", not_basic),
            (vec![], "client_id=unknown", not_basic),
            (vec![], "client_secret=assistant-secret", not_basic),
            (vec![], "client_id=terminal&client_secret=x", UNAUTHORIZED_CLIENT),
            (vec![], "client_id=assistant&client_secret=wrong", not_basic),
        ] {
            let authorization: Vec<_> = authorization.iter().map(String::as_str).collect();
            assert_eq!(outcome(&authorization, body), Err(expected), "{authorization:?} {body}");
        }
    }
}
