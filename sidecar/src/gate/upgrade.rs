//! The protocol that a request asks for.

use actgate::Identity;
use actgate::request::header_name;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};

use super::connection_info::WebSocketConnect;
use super::head_error::HeadError;
use super::request_head::{Head, Requested};
use super::request_host::RequestHost;

/// The version of RFC 6455.
pub(crate) const WEBSOCKET_VERSION: &str = "13";

/// What an authorized request asks for. `nominated` is what its `Connection` names.
///
/// A server may ignore `Upgrade` (RFC 9110 section 7.8), and does so here with the protocols that carry the same HTTP
/// request, which clients offer whether the server has them or not. A client that offers any other waits for it and has no
/// use for an HTTP response.
pub(super) fn requested(request: &Parts, nominated: &[HeaderName]) -> Result<Requested, HeadError> {
    if request.extensions.get::<WebSocketConnect>().is_some() {
        return check_version(request).map(|()| Requested::WebSocket);
    }
    let offers = request.headers.get_all(UPGRADE).iter();
    let mut protocols = offers.flat_map(|offer| offer.as_bytes().split(|byte| *byte == b','));
    let other = protocols.find(|protocol| !carries_http(protocol.trim_ascii()));
    let Some(other) = other else {
        return Ok(Requested::Response);
    };
    let is_alone = request.headers.get_all(UPGRADE).iter().eq([other]);
    if !is_alone || !other.eq_ignore_ascii_case(b"websocket") || request.method != Method::GET {
        return Err(HeadError::UPGRADE);
    }
    check_handshake(request, nominated).map(|()| Requested::WebSocket)
}

/// Checks the request of a handshake (RFC 6455 section 4.2.1).
fn check_handshake(request: &Parts, nominated: &[HeaderName]) -> Result<(), HeadError> {
    if !nominated.iter().any(|name| header_name::same(name.as_str(), "upgrade")) {
        return Err(HeadError::ambiguous("`upgrade` is no option of the connection header"));
    }
    let length = request.headers.get(CONTENT_LENGTH);
    if request.headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0") {
        return Err(HeadError::ambiguous("the request of a websocket handshake has a body"));
    }
    check_version(request)?;
    let mut keys = request.headers.get_all(SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(()),
        _ => Err(HeadError::ambiguous(
            "there must be exactly one websocket key, of 16 bytes",
        )),
    }
}

fn check_version(request: &Parts) -> Result<(), HeadError> {
    let versions = request.headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    match versions.eq([WEBSOCKET_VERSION]) {
        true => Ok(()),
        false => Err(HeadError::WEBSOCKET_VERSION),
    }
}

fn is_key(key: &HeaderValue) -> bool {
    let mut bytes = [0; 18];
    matches!(BASE64_STANDARD.decode_slice(key, &mut bytes), Ok(16))
}

fn carries_http(protocol: &[u8]) -> bool {
    let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
    let known: [&[u8]; 4] = [b"", b"h2c", b"http", b"tls"];
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Checks what only matters of a request that is authorized.
pub(super) fn check_allowed(
    request: &Parts,
    mut head: Box<Head>,
    identity: Option<&Identity>,
) -> Result<Box<Head>, HeadError> {
    if let (RequestHost::Assumed(_), Some(_)) = (&head.host, identity) {
        return Err(HeadError::ambiguous("a request with a token must name a host"));
    }
    head.requested = requested(request, &head.nominated)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const HANDSHAKE: [(&str, &str); 3] = [
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", KEY),
    ];

    fn parts(method: &str, headers: &[(&str, &str)]) -> Parts {
        let request = http::Request::builder().method(method).uri("/");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn status(method: &str, headers: &[(&str, &str)]) -> Result<Requested, u16> {
        let result = requested(&parts(method, headers), &[UPGRADE]);
        result.map_err(|error| error.status.as_u16())
    }

    fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let kept = HANDSHAKE.into_iter().filter(|(own, _)| *own != name);
        let replaced = HANDSHAKE.into_iter().filter(|(own, _)| *own == name);
        let replaced = replaced.map(|(own, _)| (own, value));
        kept.chain(replaced).collect()
    }

    #[test]
    fn only_offers_that_carry_the_same_request_are_ignored() {
        for ignored in ["", "h2c", "H2C", "HTTP/2.0", "TLS/1.0, HTTP/1.1", "TLS/1.2,h2c", " , "] {
            assert_eq!(
                status("GET", &[("upgrade", ignored)]),
                Ok(Requested::Response),
                "{ignored:?}"
            );
        }
        for wanted in [
            "h2c, websocket",
            "websocket, h2c",
            "IRC/6.9",
            "tcp",
            "http2",
            "\u{e9}",
            "websocket/13",
        ] {
            assert_eq!(status("GET", &with("upgrade", wanted)), Err(501), "{wanted:?}");
        }
        assert_eq!(status("GET", &[]), Ok(Requested::Response));
    }

    #[test]
    fn a_handshake_of_a_websocket_is_complete() {
        assert_eq!(status("GET", &HANDSHAKE), Ok(Requested::WebSocket));
        for method in ["POST", "HEAD", "PUT"] {
            assert_eq!(status(method, &HANDSHAKE), Err(501), "{method}");
        }
        for version in ["8", "", "13, 8", "013"] {
            assert_eq!(
                status("GET", &with("sec-websocket-version", version)),
                Err(426),
                "{version}"
            );
        }
        for key in ["", "a", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZTE=", "%%%"] {
            assert_eq!(status("GET", &with("sec-websocket-key", key)), Err(400), "{key}");
        }
        let mut twice = HANDSHAKE.to_vec();
        twice.push(("sec-websocket-key", KEY));
        assert_eq!(status("GET", &twice), Err(400));
        for (name, value, expected) in [
            ("content-length", "0", Ok(Requested::WebSocket)),
            ("content-length", "1", Err(400)),
            ("transfer-encoding", "chunked", Err(400)),
        ] {
            let mut headers = HANDSHAKE.to_vec();
            headers.push((name, value));
            assert_eq!(status("GET", &headers), expected, "{name}: {value}");
        }
        let without_option = requested(&parts("GET", &HANDSHAKE), &[]);
        assert_eq!(without_option.unwrap_err().status, 400);
    }

    #[test]
    fn an_extended_connect_needs_no_key() {
        let mut request = parts("GET", &[("sec-websocket-version", "13")]);
        request.extensions.insert(WebSocketConnect);
        assert_eq!(requested(&request, &[]), Ok(Requested::WebSocket));
        request.headers.clear();
        assert_eq!(requested(&request, &[]).unwrap_err().status, 426);
    }
}
