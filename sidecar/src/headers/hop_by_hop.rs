//! Which headers end at this hop.
//!
//! Hop-by-hop headers (RFC 9110 section 7.6.1) and everything a client says about the way its request came are removed; framing is never
//! copied, hyper writes it anew.

use http::header::{CONNECTION, TE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::headers::header_name;

/// Headers that never cross a hop, whether `Connection` names them or not.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// What a client could use to claim another way, address or method than its own. Our peer is not a trusted proxy, so none of it is passed on.
const CLAIMED: [&str; 14] = [
    "forwarded",
    "x-rewrite-url",
    "x-replaced-path",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-host",
    "x-scheme",
    "x-url-scheme",
    "x-script-name",
];

/// The same by their first letters.
const CLAIMED_PREFIXES: [&str; 4] = ["x-forwarded-", "x-original-", "x-envoy-", "proxy-"];

/// The headers that `Connection` names, each a valid name. `Err` when it names something that is no header.
pub fn nominated(headers: &HeaderMap) -> Result<Vec<HeaderName>, NotAHeader> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        let text = value.to_str().map_err(|_| NotAHeader)?;
        for option in text
            .split(',')
            .map(|option| option.trim_matches([' ', '\t']))
            .filter(|option| !option.is_empty())
        {
            names.push(HeaderName::try_from(option).map_err(|_| NotAHeader)?);
        }
    }
    Ok(names)
}

/// A connection option that is no token.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAHeader;

/// Leaves in a request's headers only what may go on to the upstream. `nominated` is what its `Connection` named.
pub fn strip_request(headers: &mut HeaderMap, nominated: &[HeaderName]) {
    let takes_trailers = headers.get_all(TE).iter().any(names_trailers);
    remove_where(headers, |name| {
        is_dropped(name) || nominated.iter().any(|named| header_name::same(name, named.as_str()))
    });
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Is a request header of this name never passed on?
pub fn is_dropped(name: &str) -> bool {
    HOP_BY_HOP.iter().chain(&CLAIMED).any(|dropped| header_name::same(name, dropped))
        || CLAIMED_PREFIXES.iter().any(|prefix| header_name::begins_with(name, prefix))
        // Its one defined value has been met by now: hyper asks the client for the body when the upstream reads it.
        || header_name::same(name, "expect")
}

/// Leaves in a response's headers only what may go on to the client. `Content-Length` stays, since the answer to HEAD has nothing else to say
/// it with, and `Trailer` stays, since hyper sends only the trailers it announces.
pub fn strip_response(headers: &mut HeaderMap) {
    let nominated = nominated(headers).unwrap_or_default();
    remove_where(headers, |name| {
        let hop = HOP_BY_HOP.contains(&name)
            || header_name::begins_with(name, "proxy-")
            || nominated.iter().any(|named| named == name);
        hop && name != "content-length" && name != TRAILER.as_str()
    });
}

/// Removes every header, repeated or not, whose name meets the condition.
pub fn remove_where(headers: &mut HeaderMap, condition: impl Fn(&str) -> bool) {
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| condition(name.as_str()))
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
}

fn names_trailers(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| {
        text.split(',').any(|coding| {
            coding
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case("trailers")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn hop_by_hop_and_nominated_headers_stay_behind() {
        let mut request = headers(&[
            ("connection", "close, X-Once"),
            ("x-once", "1"),
            ("x_once", "2"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("proxy-authorization", "Basic x"),
            ("proxy_connection", "x"),
            ("upgrade", "websocket"),
            ("expect", "100-continue"),
            ("cookie", "a=b"),
            ("accept", "*/*"),
        ]);
        let nominated = nominated(&request).unwrap();
        strip_request(&mut request, &nominated);
        assert_eq!(names(&request), ["accept", "cookie"]);
    }

    #[test]
    fn claims_about_the_way_are_dropped_in_every_spelling() {
        let mut request = headers(&[
            ("x-forwarded-for", "1.2.3.4"),
            ("x_forwarded_uri", "/admin"),
            ("forwarded", "for=1.2.3.4"),
            ("x-original-url", "/admin"),
            ("x-rewrite-url", "/admin"),
            ("x-http-method-override", "DELETE"),
            ("x_method.override", "DELETE"),
            ("x-envoy-original-path", "/admin"),
            ("x-request-id", "kept"),
        ]);
        strip_request(&mut request, &[]);
        assert_eq!(names(&request), ["x-request-id"]);
    }

    #[test]
    fn readiness_for_trailers_goes_on_and_nothing_else_of_te() {
        let mut request = headers(&[("te", "gzip;q=1, Trailers")]);
        strip_request(&mut request, &[]);
        assert_eq!(request[TE], "trailers");
    }

    #[test]
    fn a_response_keeps_its_length_and_the_names_of_its_trailers() {
        let mut response = headers(&[
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("content-length", "3"),
            ("trailer", "grpc-status"),
            ("transfer-encoding", "chunked"),
            ("proxy-authenticate", "Basic"),
            ("content-type", "text/plain"),
        ]);
        strip_response(&mut response);
        assert_eq!(names(&response), ["content-length", "content-type", "trailer"]);
    }

    #[test]
    fn connection_options_that_are_no_names_are_an_error() {
        assert_eq!(nominated(&headers(&[("connection", "close, a b")])), Err(NotAHeader));
        assert_eq!(
            nominated(&headers(&[("connection", " , close ,")])).unwrap(),
            [HeaderName::from_static("close")]
        );
    }
}
