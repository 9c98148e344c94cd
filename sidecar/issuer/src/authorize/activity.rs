//! What happened on the authority of a user: the transactions, and the tokens of one.

use std::collections::{BTreeSet, HashMap};

use axum::response::Response;

use super::browser::{Answer, Rejection, unavailable};
use crate::Issuer;
use crate::audit::{AuditLine, tokens};
use crate::pages::{self, TransactionSummary};

/// The maximum number of transactions in the list.
const MAX_SHOWN: usize = 100;

/// The transactions in which the user or an agent of the user has a part, the newest first.
pub(super) fn list(server: &Issuer, user: &str) -> Response {
    let parties = parties(server, user);
    let lines = AuditLine::read(&server.store.trail.recent());
    let mut transactions: Vec<TransactionSummary<'_>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for line in &lines {
        let Some(txn) = line.entry.txn.as_deref() else { continue };
        let place = *places.entry(txn).or_insert(transactions.len());
        transactions.resize_with(transactions.len().max(place + 1), TransactionSummary::default);
        if let Some(transaction) = transactions.get_mut(place) {
            transaction.add(txn, line);
        }
    }
    transactions.retain(|transaction| parties.iter().any(|party| transaction.names(party)));
    transactions.reverse();
    transactions.truncate(MAX_SHOWN);
    pages::activity(user, &transactions)
}

/// The tokens of one transaction, for a user who has a part in it. Another one is answered as one that does not exist.
pub(super) fn transaction(server: &Issuer, user: &str, txn: &str) -> Answer {
    let lines = AuditLine::read(&server.store.audited(txn).map_err(unavailable)?);
    let parties = parties(server, user);
    Rejection::Page("There is no such transaction of yours.").when(
        !lines
            .iter()
            .any(|line| line.parties().any(|party| parties.contains(party))),
    )?;
    Ok(pages::transaction(txn, &lines, &tokens(&lines)))
}

/// The user, and the agents that the user is accountable for.
fn parties(server: &Issuer, user: &str) -> BTreeSet<String> {
    let entries = server.directory.get();
    let owned = entries.registry.clients.values();
    let owned = owned.filter(|client| client.owner.as_deref() == Some(user));
    owned.map(|client| client.id.clone()).chain([user.to_owned()]).collect()
}
