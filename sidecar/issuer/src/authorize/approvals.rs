//! The pages on which a user approves what a client elsewhere asks for.

use std::sync::Arc;

use axum::response::Response;

use super::consent::{authorization, decide};
use super::rejection::{Answer, Rejection, unavailable};
use super::sign_in::Visitor;
use crate::pages;
use crate::store::Approval;
use crate::{Authorization, Channel, Issuer, Parameters, Session, Transaction};

/// The maximum number of unknown user codes from an address within five minutes.
const USER_CODE_ATTEMPTS: u32 = 10;

/// There is no such request, or none that waits.
pub(super) const ENDED: Rejection = Rejection::Page("The request is not known, was decided already, or has expired.");

/// `GET /device`: the form for the user code, filled in by `verification_uri_complete`.
pub(crate) fn device_page(server: &Issuer, _: &Visitor, query: &Parameters) -> Answer {
    code_form(server, query.one("user_code").ok().flatten().unwrap_or_default(), false)
}

fn code_form(server: &Issuer, written: &str, is_unknown: bool) -> Answer {
    let id = server.transactions.put(Transaction::UserCode).map_err(unavailable)?;
    let shown: String = written.chars().take(16).collect();
    Ok(pages::user_code(&id, &shown, is_unknown))
}

/// The request with the code of a form, or the page that asks again.
pub(super) fn with_code(
    server: &Issuer,
    visitor: &Visitor,
    form: &Parameters,
) -> Answer<Result<Arc<Approval>, Response>> {
    let now = server.clock.now();
    let key = format!("user code from {}", visitor.address);
    if let Err(seconds) = server.failures.begin(&key, USER_CODE_ATTEMPTS, now) {
        return Ok(Err(pages::too_many_attempts(seconds)));
    }
    let written = form.one("user_code").ok().flatten().unwrap_or_default();
    // RFC 8628 section 6.1: case and punctuation count for nothing.
    let code = written.chars().filter(char::is_ascii_alphabetic).take(9);
    let code = code.collect::<String>().to_ascii_uppercase();
    match server.approvals.waiting(&code, Channel::Device, now) {
        Some(approval) => {
            server.failures.undo(&key);
            Ok(Ok(approval))
        }
        None => code_form(server, written, true).map(Err),
    }
}

/// Shows a request to a user.
pub(super) fn page(server: &Issuer, approval: &Arc<Approval>, session: &Session) -> Answer {
    let request = &approval.request;
    let subject = request.subject.as_ref();
    Rejection::Page("The request is for another user.")
        .when(subject.is_some_and(|subject| *subject != session.subject))?;
    let Some(authorization) = authorization(server, &request.access, session) else {
        return Err(Rejection::Page("You have none of the scopes that the request is for."));
    };
    let transaction = Transaction::Approval {
        approval: Arc::clone(approval),
        authorization: Box::new(authorization.clone()),
    };
    let id = server.transactions.put(transaction).map_err(unavailable)?;
    Ok(pages::approval(server, &id, approval, &authorization))
}

/// Records the decision of the user.
pub(super) fn end(server: &Issuer, approval: &Approval, authorization: Authorization, form: &Parameters) -> Answer {
    let now = server.clock.now();
    ENDED.when(!approval.is_waiting(now))?;
    let is_allowed = decide(server, &authorization, form).map_err(unavailable)?;
    match approval.decide(is_allowed.then_some(authorization), now) {
        true => Ok(pages::decided(&approval.request.access.client.name, is_allowed)),
        false => Err(ENDED),
    }
}

/// Lists what waits for a user.
pub(super) fn list(server: &Issuer, session: &Session) -> Response {
    let waiting = server.approvals.waiting_for(&session.subject, server.clock.now());
    pages::approvals(&session.subject, &waiting)
}
