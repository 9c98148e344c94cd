//! Clients that use HTTP/2.

mod clients;
mod connections;
mod forwarded;
mod unfinished;
mod unread;
