//! What a user allows: a sign-in, the list of consents, and their withdrawal. Each form has a transaction that is valid
//! once, as those of an authorization.

use axum::response::Response;
use maud::html;

use super::{LOGIN_ATTEMPTS, Rejection, attempt, expired, sign_in, transaction};
use crate::audit::{Entry, Event};
use crate::authorization_server::AuthorizationServer;
use crate::error::{ErrorCode, OAuthError};
use crate::pages::{self, FormTarget};
use crate::parameters::Parameters;
use crate::store::Transaction;

/// `GET /consents`: the sign-in.
pub(crate) fn consents(server: &AuthorizationServer) -> Result<Response, OAuthError> {
    login_page(server, LOGIN_ATTEMPTS)
}

/// `POST /consents/login`: checks the password and lists the consents.
pub(crate) fn login(server: &AuthorizationServer, form: &Parameters) -> Result<Response, Rejection> {
    let Some(Transaction::ConsentsLogin { attempts }) = transaction(server, form) else {
        return Err(expired());
    };
    let name = form.one("username").ok().flatten();
    let known = name.and_then(|name| server.registry.users.get(name));
    let user = sign_in(server, form).map(|(user, _)| user);
    server.note(Entry {
        sub: known.map(|user| user.subject.clone()),
        error: user.is_none().then_some(ErrorCode::AccessDenied.as_str()),
        ..Entry::new(Event::Authentication)
    });
    match (user, attempts.saturating_sub(1)) {
        (Some(user), _) => list(server, &user.subject).map_err(unavailable),
        (None, 0) => Err(Rejection::Page("The sign-in failed.")),
        (None, left) => login_page(server, left).map_err(unavailable),
    }
}

/// `POST /consents/withdraw`: withdraws the consent for one client.
pub(crate) fn withdraw(server: &AuthorizationServer, form: &Parameters) -> Result<Response, Rejection> {
    let Some(Transaction::Consents { subject }) = transaction(server, form) else {
        return Err(expired());
    };
    let consents = server
        .store
        .consents(&subject)
        .map_err(|error| unavailable(error.into()))?;
    if let Ok(Some(client)) = form.one("client_id")
        && consents.contains_key(client)
    {
        server
            .withdraw_consent(&subject, client)
            .map_err(|error| unavailable(error.into()))?;
    }
    list(server, &subject).map_err(unavailable)
}

fn login_page(server: &AuthorizationServer, attempts: u8) -> Result<Response, OAuthError> {
    let id = server.transactions.put(Transaction::ConsentsLogin { attempts })?;
    let purpose = html! { "to see what you allow" };
    Ok(pages::sign_in(
        "/consents/login",
        &id,
        &purpose,
        attempt(attempts),
        FormTarget::Issuer,
    ))
}

fn list(server: &AuthorizationServer, subject: &str) -> Result<Response, OAuthError> {
    let consents = server.store.consents(subject)?;
    let id = server.transactions.put(Transaction::Consents {
        subject: subject.to_owned(),
    })?;
    Ok(pages::consents(server, &id, subject, &consents))
}

fn unavailable(_: OAuthError) -> Rejection {
    Rejection::Page("The store of the issuer cannot be used. Try again later.")
}
