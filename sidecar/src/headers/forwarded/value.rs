//! Values of forwarding headers, and what is wrong with them.

use http::uri::Scheme;

/// The most proxies that a field may list.
pub(super) const MAX_NODES: usize = 32;

/// Why the forwarding headers of a trusted proxy cannot be used, in a lowercase sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Malformed {
    pub(super) const VALUE: Malformed = Malformed("a forwarding header of a trusted proxy is malformed");
    pub(super) const TOO_MANY: Malformed = Malformed("a forwarding header of a trusted proxy lists too many proxies");
    pub(super) const DIFFERENT: Malformed =
        Malformed("the forwarding headers of a trusted proxy contradict each other");
}

/// A scheme of HTTP. Some proxies write that of WebSocket for its handshake.
pub(super) fn scheme(text: &str) -> Option<Scheme> {
    let is_any = |names: [&str; 2]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
    match (is_any(["http", "ws"]), is_any(["https", "wss"])) {
        (true, _) => Some(Scheme::HTTP),
        (_, true) => Some(Scheme::HTTPS),
        _ => None,
    }
}
