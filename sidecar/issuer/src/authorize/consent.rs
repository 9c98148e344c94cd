//! What a user can allow, the decision, what the user allowed before, and the approval of what a client elsewhere asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;

use super::browser::{Answer, EXPIRED, Rejection, Visitor, begin, transaction, unavailable};
use crate::store::Approval;
use crate::{
    ACCESS_DENIED, AccessRequest, Authorization, Channel, Client, Entry, Issuer, OAuthError, Parameters, Result,
    ScopeSet, Session, StoreError, Transaction, pages,
};

/// What a user can allow: no scope that the user does not have. None if nothing is left.
pub(super) fn authorization(server: &Issuer, access: &AccessRequest, session: &Session) -> Option<Authorization> {
    let user = server.registry.users.get(&session.subject)?;
    Some(Authorization {
        scope: access.allowed_by(&user.scopes)?,
        access: access.clone(),
        subject: session.subject.clone(),
        authentication: session.authentication.clone(),
    })
}

/// Whether the user allowed as much before. That of a public client counts for nothing: any program can pretend to be
/// it (RFC 8252 section 8.6).
pub(super) fn is_remembered(server: &Issuer, authorization: &Authorization) -> Result<bool, StoreError> {
    let client = &authorization.access.client;
    let consents = server.store.consents(&authorization.subject)?;
    let before = consents.get(&client.id);
    let before = before.and_then(|of_client| of_client.get(&authorization.access.audience));
    // An agent that acts through the client is not part of what is remembered.
    let is_for_client = authorization.access.actor.is_none();
    Ok(is_for_client
        && !client.is_public()
        && before.is_some_and(|before| authorization.whole_scope().is_within(before)))
}

/// Records the decision of a user. True if the user allows access.
pub(super) fn decide(server: &Issuer, authorization: &Authorization, form: &Parameters) -> Result<bool> {
    if form.one("decision") != Ok(Some("allow")) {
        let (error, entry) = (Some(ACCESS_DENIED.name.into()), authorization.entry());
        server.note(Entry { error, ..entry });
        return Ok(false);
    }
    let access = &authorization.access;
    let mut change = server.change()?;
    let (subject, audience, whole) = (&authorization.subject, &access.audience, authorization.whole_scope());
    match &access.actor {
        None => change.grant_consent(subject, &access.client.id, audience, &whole)?,
        // Both parties can be withdrawn, and neither may have as much without the other later.
        Some(actor) => {
            for party in [&access.client.id, &actor.id] {
                change.grant_consent(subject, party, audience, &ScopeSet::default())?;
            }
        }
    }
    change.audit(authorization.entry());
    change.commit()?;
    Ok(true)
}

/// `POST /consents/withdraw`: withdraws the consent for one client.
pub(crate) fn withdraw(server: &Issuer, visitor: &Visitor, form: &Parameters) -> Answer {
    let Some(Transaction::Consents(subject)) = transaction(server, visitor, form) else {
        return Err(EXPIRED);
    };
    let consents = server.store.consents(&subject).map_err(unavailable)?;
    let agents = agents(server, &subject)?;
    let is_listed = |client: &str| consents.contains_key(client) || agents.contains_key(client);
    match (form.one("client_id"), form.one("allow")) {
        (Ok(Some(client)), _) if is_listed(client) => {
            let withdrawn = server.changed(|change| change.withdraw_consent(&subject, client));
            withdrawn.map_err(unavailable)?;
        }
        (_, Ok(Some(agent))) if agents.get(agent) == Some(&true) => {
            let undone = server.changed(|change| change.undo_withdrawal(&subject, agent));
            undone.map_err(unavailable)?;
        }
        _ => {}
    }
    list(server, visitor, &subject)
}

pub(super) fn list(server: &Issuer, visitor: &Visitor, subject: &str) -> Answer {
    let consents = server.store.consents(subject).map_err(unavailable)?;
    let id = begin(server, visitor, Transaction::Consents(subject.to_owned()))?;
    let mut agents = agents(server, subject)?;
    agents.retain(|agent, _| !consents.contains_key(agent));
    Ok(pages::consents(server, &id, subject, &consents, &agents))
}

/// The agents that act for a user by an exchange, each with whether the user withdrew that.
fn agents(server: &Issuer, subject: &str) -> Answer<BTreeMap<String, bool>> {
    let entries = server.directory.get();
    let exchange = |client: &Client| Some(client.exchange.as_ref()?.may_act_for.contains(subject));
    let agents = entries.registry.clients.values();
    let agents = agents.filter(|client| exchange(client) == Some(true));
    let state = |id: &String| server.store.has_withdrawn(subject, id).map_err(unavailable);
    agents.map(|agent| Ok((agent.id.clone(), state(&agent.id)?))).collect()
}

/// The maximum number of unknown user codes from an address within five minutes.
const USER_CODE_ATTEMPTS: u32 = 10;

/// There is no such request, or none that waits.
pub(super) const ENDED: Rejection = Rejection::Page("The request is not known, was decided already, or has expired.");

/// `GET /device`: the form for the user code, filled in by `verification_uri_complete`.
pub(crate) fn device_page(server: &Issuer, visitor: &Visitor, query: &Parameters) -> Answer {
    let code = query.one("user_code").ok().flatten().unwrap_or_default();
    code_form(server, visitor, code, pages::Attempt::First)
}

fn code_form(server: &Issuer, visitor: &Visitor, written: &str, attempt: pages::Attempt) -> Answer {
    let id = begin(server, visitor, Transaction::UserCode)?;
    let shown: String = written.chars().take(16).collect();
    Ok(pages::user_code(&id, &shown, attempt))
}

/// The request with the code of a form, or the page that asks again.
pub(super) fn with_code(
    server: &Issuer,
    visitor: &Visitor,
    form: &Parameters,
) -> Answer<Result<Arc<Approval>, Response>> {
    let now = server.clock.now();
    let key = format!("user code from {}", form.sender);
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
        None => code_form(server, visitor, written, pages::Attempt::Again).map(Err),
    }
}

/// Shows a request to a user.
pub(super) fn page(server: &Issuer, visitor: &Visitor, approval: &Arc<Approval>, session: &Session) -> Answer {
    let request = &approval.request;
    let subject = request.subject.as_ref();
    Rejection::Page("The request is for another user.")
        .when(subject.is_some_and(|subject| *subject != session.subject))?;
    let Some(authorization) = authorization(server, &request.access, session) else {
        return Err(Rejection::Page("You have none of the scopes that the request is for."));
    };
    let transaction = Transaction::Approval(Arc::clone(approval), Box::new(authorization.clone()));
    let id = begin(server, visitor, transaction)?;
    Ok(pages::approval(server, &id, approval, &authorization))
}

/// Records the decision of the user.
pub(super) fn end(server: &Issuer, approval: &Approval, authorization: Authorization, form: &Parameters) -> Answer {
    let decided = approval.decide(server.clock.now(), || {
        let is_allowed = decide(server, &authorization, form)?;
        Ok::<_, OAuthError>(is_allowed.then_some(authorization))
    });
    let is_allowed = decided.map_err(unavailable)?.ok_or(ENDED)?;
    Ok(pages::decided(&approval.request.access.client.name, is_allowed))
}

/// Lists what waits for a user.
pub(super) fn list_waiting(server: &Issuer, session: &Session) -> Response {
    let waiting = server.approvals.waiting_for(&session.subject, server.clock.now());
    pages::approvals(&session.subject, &waiting)
}
