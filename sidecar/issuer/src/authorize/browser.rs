//! The browser that sends a request: its session, its transactions between two pages, and how its request ends without its goal.
//!
//! One cookie has two parts: the first identifies the browser, so that a form is valid in the browser that got its page and
//! in no other; the second is the session, and changes with each login.

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use crate::parameters::sender;
use crate::secret::{is_same, random_id};
use crate::store::SESSION_LIFETIME;
use crate::{
    ACCESS_DENIED, Callback, Issuer, OAuthError, Parameters, Result, SERVER_ERROR, Session, Transaction, pages,
};

const COOKIE_NAME: &str = "actgate_session";

/// The length of each part of the cookie.
const PART: usize = 43;

/// The browser that sends a request.
pub(crate) struct Visitor {
    /// The value of the cookie: that of the browser, or a new one.
    cookie: String,
    is_new: bool,
    sender: String,
}

impl Visitor {
    /// The session of the browser, if it has not ended.
    pub(super) fn session(&self, server: &Issuer) -> Option<Session> {
        let session = server.sessions.get(&self.cookie, server.clock.now())?;
        let has_user = server.registry.users.contains_key(&session.subject);
        has_user.then_some(session)
    }

    /// What the browser keeps from its first page on.
    pub(super) fn browser(&self) -> &str {
        self.cookie.get(..PART).unwrap_or_default()
    }

    /// Begins a session, in place of one that the browser has. Returns its cookie.
    pub(super) fn begin(&self, server: &Issuer, session: &Session) -> Result<HeaderValue> {
        let now = server.clock.now();
        server.sessions.take_if(&self.cookie, now, |_| true);
        let cookie = format!("{}.{}", self.browser(), random_id()?);
        server.sessions.insert(&cookie, &session.subject, session.clone(), now);
        let header = cookie_header(server, &cookie, SESSION_LIFETIME);
        header.ok_or(SERVER_ERROR.because("the session could not begin"))
    }

    /// Ends the session of the browser. Returns the header that removes its cookie.
    pub(super) fn end(&self, server: &Issuer) -> Option<HeaderValue> {
        server.sessions.take_if(&self.cookie, server.clock.now(), |_| true);
        cookie_header(server, "", 0)
    }

    /// Adds the cookie of a browser that has none to the page that it gets.
    pub(crate) fn answered(&self, server: &Issuer, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if self.is_new && !headers.contains_key(SET_COOKIE) {
            let cookie = cookie_header(server, &self.cookie, SESSION_LIFETIME);
            headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        }
        response
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, OAuthError> {
        let cookie = cookie(&parts.headers);
        Ok(Visitor {
            is_new: cookie.is_none(),
            sender: sender(&parts.extensions),
            cookie: cookie.map_or_else(random_id, Ok)?,
        })
    }
}

/// The cookie of this issuer, if it has the form of one.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(|value| value.split(';'));
    let cookie = cookies.find_map(|cookie| cookie.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
    let is_whole = cookie.split('.').count() <= 2 && cookie.split('.').all(|part| part.len() == PART);
    is_whole.then(|| cookie.to_owned())
}

fn cookie_header(server: &Issuer, cookie: &str, lifetime: u64) -> Option<HeaderValue> {
    let secure = if server.origin.starts_with("https:") {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{COOKIE_NAME}={cookie}; Path=/; Max-Age={lifetime}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(cookie).ok()
}

/// How a request ends without a code.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// On an error page, because the redirect URI cannot be trusted (RFC 6749 section 4.1.2.1) or is not known.
    Page(&'static str),
    /// At the client, by a redirect to this location.
    Redirect(String),
}

/// What a page answers.
pub(crate) type Answer<T = Response> = Result<T, Rejection>;

impl Rejection {
    /// The rejection if the condition holds.
    pub(super) fn when(self, holds: bool) -> Answer<()> {
        if holds { Err(self) } else { Ok(()) }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Rejection::Page(reason) => pages::error(reason),
            Rejection::Redirect(location) => Redirect::to(&location).into_response(),
        }
    }
}

/// An error that the client receives (RFC 6749 section 4.1.2.1), unless it registered itself: anyone could lead a browser
/// through the issuer to any address, without a page that the user sees (RFC 9700 section 4.11.2).
pub(super) fn rejection(server: &Issuer, callback: &Callback, error: impl Into<OAuthError>) -> Rejection {
    let (client, error) = (&callback.client, error.into());
    let (id, outcome, reason) = (&*client.id, error.code.name, error.description);
    tracing::info!(client = id, outcome, reason, "authorize request");
    match client.is_self_registered {
        false => Rejection::Redirect(location(server, callback, &of_error(error))),
        true => Rejection::Page("The application, which registered itself, sent a request that cannot continue."),
    }
}

pub(super) fn of_error(error: OAuthError) -> [(&'static str, &'static str); 2] {
    [("error", error.code.name), ("error_description", error.description)]
}

/// The user does not allow what the client asks for.
pub(super) const DENIED: OAuthError = ACCESS_DENIED.because("the user did not sign in or did not consent");

pub(super) const EXPIRED: Rejection =
    Rejection::Page("This page was already used or has expired. Start again at the application.");

pub(super) fn unavailable(error: impl Into<OAuthError>) -> Rejection {
    let _: OAuthError = error.into();
    Rejection::Page("The store of the issuer cannot be used. Try again later.")
}

/// The redirect URI with a response, its `state` and its `iss`.
pub(super) fn location(server: &Issuer, callback: &Callback, response: &[(&str, &str)]) -> String {
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

/// Keeps a transaction for the browser that gets its page, and returns its identifier.
pub(super) fn begin(server: &Issuer, visitor: &Visitor, transaction: Transaction) -> Answer<String> {
    let id = random_id().map_err(unavailable)?;
    let owner = transaction.subject().unwrap_or(&visitor.sender).to_owned();
    let kept = (visitor.browser().to_owned(), transaction);
    server.transactions.insert(&id, &owner, kept, server.clock.now());
    Ok(id)
}

/// Takes the transaction of a form out of the store. Another browser than that of its page has none, and neither has one
/// whose user signed out since.
pub(super) fn transaction(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Option<Transaction> {
    let is_of_visitor = |(browser, transaction): &(String, Transaction)| {
        let session = visitor.session(server);
        let has_user = |subject| session.is_some_and(|session| session.subject == subject);
        is_same(browser, visitor.browser()) && transaction.subject().is_none_or(has_user)
    };
    let id = form.one("transaction").ok()??;
    Some(server.transactions.take_if(id, server.clock.now(), is_of_visitor)?.1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Callback, Rejection, rejection};
    use crate::Client;
    use crate::issuer::Issuer;
    use crate::registry::Registry;
    use crate::secret::NoRandomness;
    use crate::settings::Settings;

    #[test]
    fn an_unexpected_condition_is_reported_to_a_client_that_an_operator_registered() {
        let issuer = "https://issuer.example".to_owned();
        let server = Issuer::new(Settings::default(), Registry::demo().unwrap(), issuer).unwrap();
        let mut callback = Callback {
            redirect_uri: "https://app.example/callback?x=1".to_owned(),
            state: Some("xyz".to_owned()),
            client: server.client("assistant", "").unwrap(),
        };
        let reported = rejection(&server, &callback, NoRandomness);
        let expected = "https://app.example/callback?x=1&error=server_error\
            &error_description=an+identifier+could+not+be+generated&state=xyz&iss=https%3A%2F%2Fissuer.example";
        assert!(
            matches!(&reported, Rejection::Redirect(location) if location == expected),
            "{reported:?}"
        );
        callback.client = Arc::new(Client {
            is_self_registered: true,
            ..Client::clone(&callback.client)
        });
        assert!(matches!(
            rejection(&server, &callback, NoRandomness),
            Rejection::Page(_)
        ));
    }
}
