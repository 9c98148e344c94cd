//! Logout that an application begins: OpenID Connect RP-Initiated Logout.

use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use super::browser::{Answer, EXPIRED, Rejection, Visitor, begin, transaction};
use super::request::MAX_STATE;
use crate::{Callback, Entry, Event, Issuer, Parameters, Transaction, pages};

/// `GET` and `POST /logout`: asks the user. An address to return to must be registered, exactly as it is, for the client of
/// `client_id` or of `id_token_hint`.
pub(crate) fn logout(server: &Issuer, visitor: &Visitor, request: &Parameters) -> Answer {
    let repeated = |_| Rejection::Page("A parameter is given more than once, or is too long.");
    let one = |name| request.one(name).map_err(repeated);
    let hint = one("id_token_hint")?;
    let state = request.one_within("state", MAX_STATE).map_err(repeated)?;
    let id = match (one("client_id")?, hint) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(hint)) => server.audience_of_id_token(hint),
        (None, None) => None,
    };
    let client = id.and_then(|id| server.client(&id, &request.sender));
    if let Some(hint) = hint {
        let is_valid = client.as_ref();
        let is_valid = is_valid.is_some_and(|client| server.read_id_token(hint, client).is_ok());
        Rejection::Page("The id_token_hint is not an ID token of this issuer for the application.").when(!is_valid)?;
    }
    let callback = match (one("post_logout_redirect_uri")?, client) {
        (None, _) => None,
        (Some(uri), Some(client)) if client.post_logout_redirect_uris.contains(uri) => Some(Callback {
            redirect_uri: uri.to_owned(),
            state: state.map(str::to_owned),
            client,
        }),
        _ => return Err(Rejection::Page("The post_logout_redirect_uri is not registered.")),
    };
    let Some(session) = visitor.session(server) else {
        return Ok(ended(callback.as_ref()));
    };
    let uri = callback.as_ref().map(|callback| &*callback.redirect_uri);
    let id = begin(server, visitor, Transaction::Logout(callback.clone()))?;
    Ok(pages::logout(&id, &session.subject, uri))
}

/// `POST /logout/confirm`: ends the session, if the user wants that, and returns to the application.
pub(crate) fn confirm_logout(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Answer {
    let Some(Transaction::Logout(callback)) = transaction(server, visitor, form) else {
        return Err(EXPIRED);
    };
    let sub = visitor.session(server).map(|session| session.subject);
    if form.one("decision") != Ok(Some("allow")) {
        return Ok(pages::still_signed_in());
    }
    let entry = Entry::because(Event::Authentication, "signed out");
    server.note(Entry { sub, ..entry });
    let mut response = ended(callback.as_ref());
    let ended = visitor.end(server);
    response.headers_mut().extend(ended.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// Back to the application with its `state`, or to the page that there is no session.
fn ended(callback: Option<&Callback>) -> Response {
    let Some((callback, Ok(mut url))) = callback.map(|callback| (callback, Url::parse(&callback.redirect_uri))) else {
        return pages::signed_out();
    };
    if let Some(state) = &callback.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    Redirect::to(url.as_str()).into_response()
}
