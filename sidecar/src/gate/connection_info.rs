//! What the server of a protocol saw: the connection of a request, and extensions of request and response.

use std::net::IpAddr;

use actgate::request::ClientCertificate;
use http::request::Parts;
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

/// A request with the connection that it came by, none if that is not known, and the form of its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'r> {
    pub(crate) request: &'r Parts,
    pub(crate) connection: Option<&'r ConnectionInfo>,
    pub(crate) form: HeadForm,
}

impl<'r> Arrived<'r> {
    /// A request that another server describes. Its connection and its form are extensions of it.
    pub(crate) fn described(request: &'r Parts) -> Arrived<'r> {
        Arrived {
            request,
            connection: request.extensions.get(),
            form: request.extensions.get().copied().unwrap_or_default(),
        }
    }
}

/// How the head of a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum HeadForm {
    /// A target, and fields in lines. It must have a field `Host`.
    #[default]
    Lines,
    /// The same, by an old protocol: it need not have one.
    OldLines,
    /// Fields alone: the parts of the target and the host are fields that begin with a colon.
    Fields,
}

/// What the server accepted although it is ambiguous: the request is denied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AmbiguousMessage(pub &'static str);

/// What a response says of its caller: the request was denied. It takes less to close the connection of this caller than
/// that of another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallerDenied;

/// The request is an extended CONNECT for a WebSocket (RFC 8441). Its method is GET, as that of the handshake over HTTP/1.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WebSocketConnect;
