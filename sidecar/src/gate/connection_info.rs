//! What a protocol's server saw: extensions of the request.

use std::net::IpAddr;

use actgate::request::ClientCertificate;
use http::uri::Scheme;

/// The connection that a request came by.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    /// The address at the other end; none of a unix socket.
    pub(crate) peer: Option<IpAddr>,
    /// `http` or `https`.
    pub(crate) scheme: Scheme,
    /// The verified certificate of the client.
    pub(crate) client_certificate: Option<ClientCertificate>,
}

/// What the server accepted although it is ambiguous: the request is denied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AmbiguousMessage(pub &'static str);
