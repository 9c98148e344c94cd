//! Reading an authorization request, pushed (RFC 9126) or not.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::browser::{Answer, Rejection, rejection};
use crate::entitlement::access_request;
use crate::issuer::PUSHED_LIFETIME;
use crate::secret::random_id;
use crate::store::LoginRequest;
use crate::{
    AccessRequest, AuthorizationRequest, Callback, Client, EntityProfile, Entry, Event, INVALID_REQUEST, INVALID_SCOPE,
    INVALID_TARGET, Issuer, Parameters, REQUEST_NOT_SUPPORTED, REQUEST_URI_NOT_SUPPORTED, Result, UNREGISTERED_GRANT,
    UNSUPPORTED_RESPONSE_TYPE,
};

/// The maximum length of a `login_hint`: that of a name. A longer one is ignored.
const MAX_HINT: usize = 128;
/// The maximum length of `state` and of a redirect URI, which are kept until the user has decided.
pub(super) const MAX_STATE: usize = 2048;

/// The beginning of a `request_uri` of this issuer (RFC 9126 section 2.2).
pub(super) const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

/// Reads a request, or takes the one that its client pushed.
pub(super) fn read(server: &Issuer, query: &Parameters) -> Answer<Arc<AuthorizationRequest>> {
    let client = match query.one("client_id") {
        Ok(Some(id)) => server.client(id, &query.sender),
        _ => None,
    };
    let client = client.ok_or(Rejection::Page("The client_id is missing, or not registered."))?;
    if let Ok(Some(uri)) = query.one("request_uri")
        && let Some(id) = uri.strip_prefix(REQUEST_URI)
    {
        let is_of_client = |request: &Arc<AuthorizationRequest>| request.access.client.id == client.id;
        let pushed = server.pushed.take_if(id, server.clock.now(), is_of_client);
        return pushed.ok_or(Rejection::Page("The request_uri was used already, or has expired."));
    }
    let unregistered = Rejection::Page("The redirect_uri is missing, or not registered for the application.");
    let callback = callback(&client, query).ok_or(unregistered)?;
    let pushed = INVALID_REQUEST.when(client.must_push, "the client must push its authorization requests");
    let request = pushed.and_then(|()| read_for(server, &client, &callback, query));
    let request = request.map_err(|error| {
        server.note_unproven(Entry::refusal(error).of_client(&client.id));
        rejection(server, &callback, error)
    })?;
    Ok(Arc::new(request))
}

/// Where the client receives the response; none if it is not registered with that address.
pub(super) fn callback(client: &Arc<Client>, query: &Parameters) -> Option<Callback> {
    let uri = query.one_within("redirect_uri", MAX_STATE).ok()??;
    client.accepts_redirect_uri(uri).then(|| Callback {
        redirect_uri: uri.to_owned(),
        state: query.one_within("state", MAX_STATE).ok().flatten().map(str::to_owned),
        client: Arc::clone(client),
    })
}

/// Reads the rest of the request, whose errors the client receives.
pub(super) fn read_for(
    server: &Issuer,
    client: &Arc<Client>,
    callback: &Callback,
    query: &Parameters,
) -> Result<AuthorizationRequest> {
    query.one_within("state", MAX_STATE)?;
    REQUEST_NOT_SUPPORTED.when(query.one("request")?.is_some(), "request objects are not supported")?;
    REQUEST_URI_NOT_SUPPORTED.when(query.one("request_uri")?.is_some(), "request objects are not supported")?;
    match query.one("response_type")? {
        Some("code") => {}
        None => return Err(INVALID_REQUEST.because("response_type is missing")),
        Some(_) => return Err(UNSUPPORTED_RESPONSE_TYPE.because("only code is supported")),
    }
    let is_query = matches!(query.one("response_mode")?, None | Some("query"));
    INVALID_REQUEST.when(!is_query, "only response_mode query is supported")?;
    let access = access_request(server, client, query)?;
    Ok(AuthorizationRequest {
        code_challenge: code_challenge(query)?,
        login: login(server, client, query)?,
        access: AccessRequest {
            actor: requested_actor(server, query, &access)?,
            ..access
        },
        callback: callback.clone(),
    })
}

/// The agent that the client asks for, if it is not the client (draft-oauth-ai-agents-on-behalf-of-user).
fn requested_actor(server: &Issuer, query: &Parameters, access: &AccessRequest) -> Result<Option<Arc<Client>>> {
    let client = &*access.client;
    let Some(id) = query.one("requested_actor")? else {
        return Ok(None);
    };
    let is_agent = |client: &Client| client.profile == EntityProfile::AiAgent;
    match server.directory.get().registry.clients.get(id) {
        Some(actor) if actor.id == client.id && is_agent(client) => Ok(None),
        Some(actor) if is_agent(actor) && !is_agent(client) => {
            if !actor.resources.contains(&access.audience) {
                return Err(INVALID_TARGET.because("the requested actor may not have this resource"));
            }
            match access.scope.is_within(&actor.scopes) {
                true => Ok(Some(Arc::clone(actor))),
                false => Err(INVALID_SCOPE.because("the requested actor may not have this scope")),
            }
        }
        _ => Err(INVALID_REQUEST.because("requested_actor is no agent that can act through the client")),
    }
}

/// `prompt`, `max_age` and the hints of OpenID Connect Core section 3.1.2.1.
fn login(server: &Issuer, client: &Client, query: &Parameters) -> Result<LoginRequest> {
    let mut login = LoginRequest::default();
    let prompts = query.one("prompt")?;
    let prompts: Vec<_> = prompts.map_or_else(Vec::new, |prompt| prompt.split(' ').collect());
    for prompt in &prompts {
        match *prompt {
            "none" if prompts.len() == 1 => login.is_silent = true,
            "login" | "select_account" => login.is_fresh = true,
            "consent" => login.asks_consent = true,
            _ => return Err(INVALID_REQUEST.because("prompt is unknown, or none is not alone")),
        }
    }
    if let Some(max_age) = query.one("max_age")? {
        let invalid = INVALID_REQUEST.because("max_age must be a number of seconds");
        login.max_age = Some(max_age.parse().map_err(|_| invalid)?);
        // A session of this second is not fresh enough for 0.
        login.is_fresh |= login.max_age == Some(0);
    }
    let hint = query.one("login_hint")?.filter(|hint| hint.len() <= MAX_HINT);
    login.hint = hint.map(str::to_owned);
    let user = query.one("id_token_hint")?;
    login.user = user.map(|hint| server.read_id_token(hint, client)).transpose()?;
    Ok(login)
}

/// RFC 7636, S256 only: `plain` would show the verifier in the address of the browser.
fn code_challenge(query: &Parameters) -> Result<String> {
    let challenge = match (query.one("code_challenge")?, query.one("code_challenge_method")?) {
        (Some(challenge), Some("S256")) => challenge,
        _ => return Err(INVALID_REQUEST.because("PKCE with S256 is required")),
    };
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_digest = challenge.len() == 43 && challenge.bytes().all(base64url);
    INVALID_REQUEST.when(!is_digest, "code_challenge must be a SHA-256 digest in base64url")?;
    Ok(challenge.to_owned())
}

/// `POST /par`: checks the request as the authorization endpoint does, and returns a `request_uri` for one use.
pub(crate) fn push(server: &Issuer, client: &Arc<Client>, form: &Parameters) -> Result<Response> {
    UNREGISTERED_GRANT.when(client.redirect_uris.is_empty())?;
    INVALID_REQUEST.when(form.one("request_uri")?.is_some(), "request_uri cannot be pushed")?;
    let callback = callback(client, form);
    let callback = callback.ok_or(INVALID_REQUEST.because("the redirect_uri is not registered"))?;
    let request = Arc::new(read_for(server, client, &callback, form)?);
    let (id, owner) = (random_id()?, client.accountable(&form.sender));
    server
        .pushed
        .insert(&id, owner, Arc::clone(&request), server.clock.now());
    server.note_of(client, request.access.entry(Event::Request));
    let body = json!({ "request_uri": format!("{REQUEST_URI}{id}"), "expires_in": PUSHED_LIFETIME });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use url::form_urlencoded;

    use super::{AuthorizationRequest, Rejection, push};
    use crate::Channel;
    use crate::approval_request::ask_holder;
    use crate::issuer::Issuer;
    use crate::parameters::Parameters;
    use crate::registry::Registry;
    use crate::settings::Settings;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    /// Reads a valid request with some parameters replaced; an empty value omits the parameter.
    fn read(changes: &[(&str, &str)]) -> Result<Arc<AuthorizationRequest>, Rejection> {
        read_with(Registry::SAMPLE, changes)
    }

    fn read_with(registry: &str, changes: &[(&str, &str)]) -> Result<Arc<AuthorizationRequest>, Rejection> {
        let url = "http://issuer.test".to_owned();
        let registry = Registry::from_yaml(registry).unwrap();
        let server = Issuer::new(Settings::default(), registry, url).unwrap();
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
    fn what_one_sender_asks_for_leaves_room_for_others() {
        let url = "http://issuer.test".to_owned();
        let server = Issuer::new(Settings::default(), Registry::demo().unwrap(), url).unwrap();
        let parse = |sender: &str, form: &str| {
            let mut parameters = Parameters::parse(form.as_bytes()).ok().unwrap();
            parameters.sender = sender.to_owned();
            parameters
        };
        let form = |callback: &str| {
            let resource = "https://orders.example";
            format!(
                "response_type=code&redirect_uri={callback}&resource={resource}&code_challenge={CHALLENGE}\
                &code_challenge_method=S256"
            )
        };
        let client = |id| server.client(id, "").unwrap();
        let of_storefront = parse("flood", &form("https://storefront.example/callback"));
        push(&server, &client("storefront"), &of_storefront).unwrap();
        let of_terminal = |sender| parse(sender, &form("http://127.0.0.1:8400/callback"));
        let ask = |sender| {
            push(&server, &client("terminal"), &of_terminal(sender)).unwrap();
            ask_holder(&server, &client("terminal"), &of_terminal(sender))
                .unwrap()
                .0
        };
        let asked = ask("user");
        for _ in 0..10_010 {
            drop(ask("flood"));
        }
        let pushed_by = |id: &str| {
            server
                .pushed
                .all(server.clock.now(), |kept| kept.access.client.id == id)
        };
        assert_eq!(pushed_by("storefront").len(), 1);
        assert!((2..10_000).contains(&pushed_by("terminal").len()));
        let code = asked["user_code"].as_str().unwrap().replace('-', "");
        assert!(
            server
                .approvals
                .waiting(&code, Channel::Device, server.clock.now())
                .is_some()
        );
    }

    #[test]
    fn a_valid_request_is_read() {
        let request = read(&[]).unwrap();
        assert_eq!(String::from(request.access.scope.clone()), "orders:read");
        assert_eq!(request.access.audience, "https://orders.example");
        let aliased = read(&[
            ("resource", ""),
            ("audience", "https://shipping.example"),
            ("scope", ""),
        ])
        .unwrap();
        assert_eq!(aliased.access.audience, "https://shipping.example");
    }

    #[test]
    fn offline_access_is_ignored_where_the_client_may_not_have_it() {
        let with = [("scope", "offline_access orders:read")];
        assert_eq!(
            String::from(read(&with).unwrap().access.protocol_scope.clone()),
            "offline_access"
        );
        let without = Registry::SAMPLE.replace("offline_access, ", "");
        let request = read_with(&without, &with).unwrap();
        assert_eq!(String::from(request.access.protocol_scope.clone()), "");
        assert_eq!(String::from(request.access.scope.clone()), "orders:read");
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
            (vec![("scope", "profile email")], "invalid_scope"),
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
            (vec![("prompt", "none login")], "invalid_request"),
            (vec![("prompt", "create")], "invalid_request"),
            (vec![("max_age", "-1")], "invalid_request"),
            (vec![("max_age", "soon")], "invalid_request"),
            (vec![("id_token_hint", "x")], "invalid_request"),
            (vec![("requested_actor", "shopper")], "invalid_request"),
            (vec![("requested_actor", "unknown")], "invalid_request"),
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

    #[test]
    fn how_the_user_is_to_sign_in() {
        let login = |changes: &[(&str, &str)]| read(changes).unwrap().login.clone();
        assert!(login(&[("prompt", "none")]).is_silent);
        let both = login(&[("prompt", "login consent"), ("max_age", "0"), ("login_hint", "alice")]);
        assert!(both.is_fresh && both.asks_consent && !both.is_silent);
        assert_eq!((both.max_age, both.hint.as_deref()), (Some(0), Some("alice")));
        assert_eq!(login(&[("login_hint", &"x".repeat(129))]).hint, None);
        for (values, needed) in [
            ("aal2", true),
            ("aal2 aal1", false),
            ("urn:x aal2", true),
            ("urn:x", false),
        ] {
            let request = read(&[("acr_values", values)]).unwrap();
            assert_eq!(request.access.needs_second_factor, needed, "{values}");
        }
    }
}
