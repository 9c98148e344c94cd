//! How a request of a browser ends without its goal, and the transactions between two pages.

use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

use crate::pages;
use crate::{ACCESS_DENIED, AuthorizationRequest, Callback, Issuer, OAuthError, Parameters, Transaction};

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

/// An error that the client receives (RFC 6749 section 4.1.2.1).
pub(super) fn rejection(server: &Issuer, callback: &Callback, error: impl Into<OAuthError>) -> Rejection {
    let error = error.into();
    let response = [("error", error.code.as_str()), ("error_description", error.description)];
    Rejection::Redirect(location(server, callback, &response))
}

pub(super) fn denied(server: &Issuer, request: &AuthorizationRequest) -> Rejection {
    let error = ACCESS_DENIED.because("the user did not sign in or did not consent");
    rejection(server, &request.callback, error)
}

pub(super) fn expired() -> Rejection {
    Rejection::Page("This page was already used or has expired. Start again at the application.")
}

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

/// Takes the transaction of a form out of the store.
pub(super) fn transaction(server: &Issuer, form: &Parameters) -> Option<Transaction> {
    server.transactions.take_if(form.one("transaction").ok()??, |_| true)
}
