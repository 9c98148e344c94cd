//! Sockets: accepting connections, serving them, and ending in good order.

pub mod listener;
pub mod open_files;
pub mod signals;
