//! WebSocket (RFC 6455, RFC 8441): its handshake with the upstream, and the tunnel after it.

mod key;
pub(crate) mod upgrade;
