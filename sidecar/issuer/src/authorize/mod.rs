//! The authorization endpoint: RFC 6749 section 4.1 with PKCE (RFC 7636), `iss` in the response (RFC 9207) and one
//! resource (RFC 8707). Its three steps are the request with the login page, the consent page, and the code.
//!
//! Between two steps the browser holds an unguessable transaction id that is valid once: each step takes the
//! transaction out of the store and puts the next one in under a new id. So a form cannot be forged by another site,
//! sent twice, or used to guess passwords in parallel.
//!
//! There are no sessions: every request requires a login, which satisfies `prompt=login` and every `max_age`.

mod consents;
mod request;

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use maud::html;

pub(crate) use self::consents::{consents, login as consents_login, withdraw};
use self::request::{Rejection, location, rejection};
use crate::audit::{Entry, Event};
use crate::authorization_server::AuthorizationServer;
use crate::claims::Authentication;
use crate::error::{ErrorCode, OAuthError};
use crate::pages::{self, Attempt, FormTarget};
use crate::parameters::Parameters;
use crate::registry::User;
use crate::secret::Secret;
use crate::store::{Authorization, AuthorizationCode, AuthorizationRequest, CODE_LIFETIME, Transaction};

/// The number of failed logins after which the request is denied.
const LOGIN_ATTEMPTS: u8 = 5;

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Rejection::Page(reason) => pages::error(reason),
            Rejection::Redirect(location) => Redirect::to(&location).into_response(),
        }
    }
}

/// `GET /authorize`: checks the request and shows the login page.
pub(crate) fn authorize(server: &AuthorizationServer, query: &Parameters) -> Result<Response, Rejection> {
    login_page(server, request::read(server, query)?, LOGIN_ATTEMPTS)
}

/// `POST /login`: checks the password and shows the consent page.
pub(crate) fn login(server: &AuthorizationServer, form: &Parameters) -> Result<Response, Rejection> {
    let Some(Transaction::Login { request, attempts }) = transaction(server, form) else {
        return Err(expired());
    };
    let Some((user, authentication)) = sign_in(server, form) else {
        server.note(Entry {
            error: Some(ErrorCode::AccessDenied.as_str()),
            ..sign_in_entry(
                &request,
                form.one("username")
                    .ok()
                    .flatten()
                    .and_then(|name| server.registry.users.get(name)),
            )
        });
        return match attempts.saturating_sub(1) {
            0 => Err(denied(server, &request)),
            left => login_page(server, request, left),
        };
    };
    server.note(sign_in_entry(&request, Some(user)));
    // A user cannot grant a scope that the user does not have.
    let scope = request.scope.intersection(&user.scopes);
    if scope.is_empty() {
        return Err(denied(server, &request));
    }
    let authorization = Authorization {
        request,
        subject: user.subject.clone(),
        scope,
        authentication,
    };
    let id = server.transactions.put(Transaction::Consent(authorization.clone()));
    let id = id.map_err(|error| rejection(server, &authorization.request.callback, error))?;
    Ok(pages::consent(server, &id, &authorization))
}

/// `POST /consent`: redirects to the client, with a code or with `access_denied`.
pub(crate) fn consent(server: &AuthorizationServer, form: &Parameters) -> Result<Response, Rejection> {
    let Some(Transaction::Consent(authorization)) = transaction(server, form) else {
        return Err(expired());
    };
    if form.one("decision") != Ok(Some("allow")) {
        server.note(Entry {
            error: Some(ErrorCode::AccessDenied.as_str()),
            ..consent_entry(&authorization)
        });
        return Err(denied(server, &authorization.request));
    }
    let callback = &authorization.request.callback;
    record_consent(server, &authorization).map_err(|error| rejection(server, callback, error))?;
    let expires = server.clock.now().saturating_add(CODE_LIFETIME.as_secs());
    let code = AuthorizationCode::new(authorization.clone(), expires);
    let code = server.codes.put(Arc::new(code));
    let code = code.map_err(|error| rejection(server, callback, error))?;
    Ok(Redirect::to(&location(server, callback, &[("code", &code)])).into_response())
}

/// The name of a user who is registered, and no other text of the form.
fn sign_in_entry(request: &AuthorizationRequest, user: Option<&User>) -> Entry {
    Entry {
        txn: Some(request.txn.clone()),
        sub: user.map(|user| user.subject.clone()),
        client_id: Some(request.client.id.clone()),
        ..Entry::new(Event::Authentication)
    }
}

fn consent_entry(authorization: &Authorization) -> Entry {
    let request = &authorization.request;
    Entry {
        txn: Some(request.txn.clone()),
        sub: Some(authorization.subject.clone()),
        client_id: Some(request.client.id.clone()),
        scope_before: Some(request.scope.union(&request.protocol_scope)),
        scope: Some(authorization.scope.union(&request.protocol_scope)),
        aud: Some(request.audience.clone()),
        ..Entry::new(Event::Consent)
    }
}

fn record_consent(server: &AuthorizationServer, authorization: &Authorization) -> Result<(), OAuthError> {
    let request = &authorization.request;
    let scope = authorization.scope.union(&request.protocol_scope);
    let mut change = server.change()?;
    change.grant_consent(&authorization.subject, &request.client.id, &request.audience, &scope)?;
    change.audit(consent_entry(authorization));
    change.commit()?;
    Ok(())
}

/// Takes the transaction of a form out of the store.
fn transaction(server: &AuthorizationServer, form: &Parameters) -> Option<Transaction> {
    server.transactions.take_if(form.one("transaction").ok()??, |_| true)
}

/// Authenticates the user. The second factor is optional, but a wrong one fails the login.
fn sign_in<'s>(server: &'s AuthorizationServer, form: &Parameters) -> Option<(&'s User, Authentication)> {
    let (Ok(Some(name)), Ok(Some(password)), Ok(factor)) =
        (form.one("username"), form.one("password"), form.one("second_factor"))
    else {
        return None;
    };
    let user = server.registry.users.get(name);
    // An unknown name costs the same comparison, so that response times do not reveal which names exist.
    let expected = user.map_or_else(Secret::unknown, |user| user.password.clone());
    let user = user.filter(|_| expected.matches(password))?;
    let (acr, amr): (_, &[&str]) = match (factor, &user.second_factor) {
        (None, _) => ("aal1", &["pwd"]),
        (Some(factor), Some(expected)) if expected.matches(factor) => ("aal2", &["pwd", "otp", "mfa"]),
        (Some(_), _) => return None,
    };
    let authentication = Authentication {
        auth_time: server.clock.now(),
        acr: acr.to_owned(),
        amr: amr.iter().map(ToString::to_string).collect(),
    };
    Some((user, authentication))
}

fn login_page(
    server: &AuthorizationServer,
    request: AuthorizationRequest,
    attempts: u8,
) -> Result<Response, Rejection> {
    let transaction = Transaction::Login {
        request: request.clone(),
        attempts,
    };
    let id = server.transactions.put(transaction);
    let id = id.map_err(|error| rejection(server, &request.callback, error))?;
    let purpose = html! { "to continue to " strong { (request.client.name) } };
    let target = FormTarget::RedirectUri(&request.callback.redirect_uri);
    Ok(pages::sign_in("/login", &id, &purpose, attempt(attempts), target))
}

/// How a form with these attempts left is shown.
fn attempt(left: u8) -> Attempt {
    match left {
        LOGIN_ATTEMPTS => Attempt::First,
        _ => Attempt::Again,
    }
}

fn denied(server: &AuthorizationServer, request: &AuthorizationRequest) -> Rejection {
    let error = ErrorCode::AccessDenied.because("the user did not sign in or did not consent");
    rejection(server, &request.callback, error)
}

fn expired() -> Rejection {
    Rejection::Page("This page was already used or has expired. Start again at the application.")
}
