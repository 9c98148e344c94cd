//! HTTP/1 connections: what hyper does not do.
//!
//! Time limits for a request head and for an unread response, a close that lets the client receive its last response
//! ([`Http1Io`]), a check for transfer codings that hyper accepts ([`check_framing`]), and `Upgrade` in HTTP/1.0
//! ([`ignore_old_upgrade`]).

mod connection_io;
mod framing;
mod head_limits;
mod upgrade;

pub(crate) use self::connection_io::{Http1Io, Http1Limits, is_early_bytes, is_late_head};
pub(crate) use self::framing::check_framing;
pub(crate) use self::upgrade::ignore_old_upgrade;
