//! End-to-end tests.

mod challenge;
mod deployment;
mod gate;
mod http1;
mod key_server;
mod mint;
mod narrowing;
mod policy_examples;
mod signing_key;
mod structure;
mod table;
mod token_algorithm;
mod token_claims;
mod token_encoding;
mod token_header;
mod token_key_binding;
mod token_scope;
mod token_signature;
mod token_size;
mod upstream;
mod vectors;
mod weak_rsa;
mod wire;
