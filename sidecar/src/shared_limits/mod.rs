//! The counts of limits that all gates share.

mod connection;
mod metered_stream;
mod outages;
pub(crate) mod redis_counter;
pub(crate) mod server;
mod tls;
