//! Clients that use HTTP/2.

mod clients;
mod connections;
mod cut_bodies;
mod forwarded;
mod left;
mod trailers;
mod unfinished;
mod unread;
