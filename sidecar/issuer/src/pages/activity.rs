//! What happened on the authority of a user: the list of transactions, and one as the tree of its tokens.

use std::collections::BTreeSet;

use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{FormTarget, wide_page};
use crate::Event;
use crate::audit::{AuditLine, TokenNode};

/// A transaction as a line of the list.
#[derive(Default)]
pub(crate) struct TransactionSummary<'a> {
    txn: &'a str,
    began: u64,
    parties: BTreeSet<&'a str>,
    client: Option<&'a str>,
    tokens: usize,
    refusals: usize,
}

impl<'a> TransactionSummary<'a> {
    /// Adds a line of the transaction, the first one first.
    pub(crate) fn add(&mut self, txn: &'a str, line: &'a AuditLine) {
        if self.txn.is_empty() {
            (self.txn, self.began, self.client) = (txn, line.time, line.entry.client_id.as_deref());
        }
        self.parties.extend(line.parties());
        self.tokens = self.tokens.saturating_add(line.is_issue().into());
        self.refusals = self.refusals.saturating_add(line.entry.error.is_some().into());
    }

    pub(crate) fn names(&self, party: &str) -> bool {
        self.parties.contains(party)
    }
}

/// The list of transactions.
pub(crate) fn activity(user: &str, transactions: &[TransactionSummary<'_>]) -> Response {
    let body = html! {
        p { "You are signed in as " strong { (user) } ". This is what began on your authority, or on that of an agent of yours." }
        @if transactions.is_empty() { p { "Nothing happened since the issuer started." } }
        ul.list {
            @for transaction in transactions {
                li {
                    a href={ "/activity?txn=" (transaction.txn) } { (time(transaction.began)) }
                    @if let Some(client) = transaction.client { " through " strong { (client) } }
                    p.quiet {
                        (count(transaction.tokens, "token"))
                        @if transaction.refusals > 0 { ", " (count(transaction.refusals, "refusal")) }
                    }
                }
            }
        }
        p { a href="/consents" { "What you allow" } }
    };
    wide_page("Activity", &body, FormTarget::None)
}

/// One transaction: its tokens as a tree, and its events in their order.
pub(crate) fn transaction(txn: &str, lines: &[AuditLine], tokens: &[TokenNode]) -> Response {
    let body = html! {
        p { "Transaction " code { (txn) } }
        h2 { "Tokens" }
        @if tokens.is_empty() { p { "No token was issued." } }
        (tree(tokens))
        h2 { "Events" }
        div.scroll tabindex="0" role="region" aria-label="Events" {
            table {
                thead { tr { th { "Time" } th { "Event" } th { "Client" } th { "Result" } } }
                tbody {
                    @for line in lines {
                        tr {
                            td { (time(line.time)) }
                            td { (name(line.entry.event)) }
                            td { (line.entry.client_id.as_deref().unwrap_or_default()) }
                            td {
                                @if let Some(error) = &line.entry.error { code { (error) } " " }
                                (line.entry.reason.as_deref().unwrap_or_default())
                            }
                        }
                    }
                }
            }
        }
        p { a href="/activity" { "All activity" } }
    };
    wide_page("One transaction", &body, FormTarget::None)
}

/// The depth is that of a chain: 16 at most, beside exchanges of a client's own token.
fn tree(nodes: &[TokenNode]) -> Markup {
    html! {
        @if !nodes.is_empty() {
            ul.tree {
                @for node in nodes {
                    li {
                        div.token {
                            ol.chain aria-label="Who acts for whom" {
                                @for party in node.issued.chain() { li { span { (party) } } }
                            }
                            @if let Some(audience) = &node.issued.entry.aud { p { "for " code { (audience) } } }
                            p.quiet {
                                (name(node.issued.entry.event)) " at " (time(node.issued.time)) ", scope "
                                code { (String::from(node.issued.entry.scope.clone().unwrap_or_default())) }
                                @for scope in node.issued.dropped_scopes() { " " del { code { (scope) } } }
                                @if node.introspections > 0 { ", asked about " (count(node.introspections, "time")) }
                                @if node.is_revoked { ", " strong { "revoked" } }
                            }
                        }
                        (tree(&node.exchanged))
                    }
                }
            }
        }
    }
}

/// The event as it is in a line.
fn name(event: Event) -> String {
    format!("{event:?}").to_lowercase()
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok();
    let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.unwrap_or_default().to_string();
    time.replace('T', " ").replace('Z', " UTC")
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
