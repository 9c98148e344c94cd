//! The issuer over the wire: every flow and its errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken expectation fails the test")]

mod activity;
mod admin;
mod administered;
mod audience;
mod audit;
mod browser;
mod ciba;
mod client;
mod client_assertion;
mod client_credentials;
mod client_documents;
mod code;
mod current_registration;
mod data;
mod device;
mod exchange;
mod exchange_errors;
mod introspection;
mod keys;
mod limits;
mod logout;
mod other_browser;
mod pushed;
mod refresh;
mod registration;
mod revocation;
mod sessions;
mod userinfo;
mod withdrawal;
