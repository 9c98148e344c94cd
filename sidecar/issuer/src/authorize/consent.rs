//! What a user can allow, the decision, and what the user allowed before.

use super::Visitor;
use super::rejection::{Answer, expired, transaction, unavailable};
use crate::{
    ACCESS_DENIED, AccessRequest, Authorization, Entry, Issuer, Parameters, Result, ScopeSet, Session, StoreError,
    Transaction, pages,
};

/// What a user can allow: no scope that the user does not have. None if nothing is left.
pub(super) fn authorization(server: &Issuer, access: &AccessRequest, session: &Session) -> Option<Authorization> {
    let user = server.registry.users.get(&session.subject)?;
    let scope = access.scope.intersection(&user.scopes);
    (!scope.is_empty()).then(|| Authorization {
        access: access.clone(),
        subject: session.subject.clone(),
        scope,
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
        server.note(Entry {
            error: Some(ACCESS_DENIED.as_str()),
            ..authorization.entry()
        });
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
pub(crate) fn withdraw(server: &Issuer, _: &Visitor, form: &Parameters) -> Answer {
    let Some(Transaction::Consents { subject }) = transaction(server, form) else {
        return Err(expired());
    };
    let consents = server.store.consents(&subject).map_err(unavailable)?;
    if let Ok(Some(client)) = form.one("client_id")
        && consents.contains_key(client)
    {
        server.withdraw_consent(&subject, client).map_err(unavailable)?;
    }
    list(server, &subject)
}

pub(super) fn list(server: &Issuer, subject: &str) -> Answer {
    let consents = server.store.consents(subject).map_err(unavailable)?;
    let id = server.transactions.put(Transaction::Consents {
        subject: subject.to_owned(),
    });
    Ok(pages::consents(server, &id.map_err(unavailable)?, subject, &consents))
}
