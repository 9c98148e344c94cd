//! End-to-end tests.

mod chain;
mod check;
mod cli;
mod configuration;
mod dependencies;
mod deployment;
mod diagnostics;
mod explain;
mod flows;
mod issuer_command;
mod keys;
mod mint;
mod narrowing;
mod peers;
mod policy;
mod policy_examples;
mod pressure;
mod process;
mod readme;
mod request;
mod spelling;
mod structure;
mod table;
mod token;
mod vectors;
mod wire;
