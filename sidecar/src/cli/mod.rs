//! The command line: one file for each command, and what the commands share.

pub(crate) mod agent_entry;
pub(crate) mod arguments;
pub(crate) mod chain_tree;
pub(crate) mod check;
mod check_warnings;
mod connection_summary;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod explain_help;
mod explain_keys;
mod explain_report;
mod explained_change;
mod explained_checks;
mod gate_checks;
pub(crate) mod issuer;
pub(crate) mod issuers;
pub(crate) mod output;
pub(crate) mod pasted_token;
mod policy_lines;
pub(crate) mod request_body;
pub(crate) mod request_headers;
pub(crate) mod run;
pub(crate) mod source_excerpt;
pub(crate) mod terminal;
pub(crate) mod test;
pub(crate) mod unverified_chain;
