//! What a user allows: the list of consents, and their withdrawal. Each form has a transaction that is valid once, as
//! those of an authorization.

use super::Visitor;
use super::rejection::{Answer, expired, transaction, unavailable};
use crate::authorization_server::AuthorizationServer;
use crate::pages;
use crate::parameters::Parameters;
use crate::store::Transaction;

/// `POST /consents/withdraw`: withdraws the consent for one client.
pub(crate) fn withdraw(server: &AuthorizationServer, _: &Visitor, form: &Parameters) -> Answer {
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

pub(super) fn list(server: &AuthorizationServer, subject: &str) -> Answer {
    let consents = server.store.consents(subject).map_err(unavailable)?;
    let id = server.transactions.put(Transaction::Consents {
        subject: subject.to_owned(),
    });
    Ok(pages::consents(server, &id.map_err(unavailable)?, subject, &consents))
}
