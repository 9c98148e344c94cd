//! Values of forwarding headers, and what is wrong with them.

use http::uri::Scheme;

/// The most proxies that a field may list.
pub(super) const MAX_NODES: usize = 32;

/// Why the forwarding headers of a trusted proxy cannot be used, in a lowercase sentence that names the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// A forwarding header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Forwarded,
    For,
    Proto,
    Host,
    Port,
    RealIp,
}

/// The sentence about a field, which begins with its name.
macro_rules! sentence {
    ($field:expr, $end:literal) => {
        Malformed(match $field {
            Field::Forwarded => concat!("`forwarded` of a trusted proxy ", $end),
            Field::For => concat!("`x-forwarded-for` of a trusted proxy ", $end),
            Field::Proto => concat!("`x-forwarded-proto` of a trusted proxy ", $end),
            Field::Host => concat!("`x-forwarded-host` of a trusted proxy ", $end),
            Field::Port => concat!("`x-forwarded-port` of a trusted proxy ", $end),
            Field::RealIp => concat!("`x-real-ip` of a trusted proxy ", $end),
        })
    };
}

impl Malformed {
    pub(super) const fn value(field: Field) -> Malformed {
        sentence!(field, "is malformed")
    }

    pub(super) const fn too_many(field: Field) -> Malformed {
        sentence!(field, "lists too many proxies")
    }

    /// The values of a field differ, and none of them is that of the client.
    pub(super) const fn different(field: Field) -> Malformed {
        sentence!(field, "has values that differ, not one for each proxy")
    }

    /// `Forwarded` contradicts the field.
    pub(super) const fn contradicts(field: Field) -> Malformed {
        sentence!(field, "contradicts its `forwarded`")
    }
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
