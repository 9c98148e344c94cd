//! The upstreams: the APIs behind the gate, each at one or several addresses.

pub(crate) mod body;
pub(crate) mod client;
mod connection;
mod connector;
mod endpoint;
pub(crate) mod error;
mod form;
mod health;
mod lease;
mod mismatch;
pub(crate) mod place;
mod pool;
mod response;
mod retry;
pub(crate) mod settings;
mod stream;
pub(crate) mod tls;
pub(crate) mod tunnel;
