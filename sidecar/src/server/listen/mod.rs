//! Where a gate listens: addresses, sockets, what a load balancer or systemd passes with them, and their number.

pub(crate) mod address;
pub(crate) mod listener;
pub(crate) mod open_files;
pub(crate) mod proxy_protocol;
pub(super) mod socket;
pub(crate) mod systemd;
mod unix_socket;
