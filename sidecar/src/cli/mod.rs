//! The command line: one file for each command, and what the commands share.

pub mod arguments;
pub mod chain_tree;
pub mod check;
pub mod demo;
pub mod explain;
pub mod issuer;
pub mod output;
pub mod run;
pub mod terminal;
pub mod unverified_chain;
