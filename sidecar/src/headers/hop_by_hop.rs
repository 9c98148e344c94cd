//! The headers that are not forwarded: hop-by-hop headers (RFC 9110 section 7.6.1), and [`claims`].
//!
//! Framing is never copied: hyper writes it.

use actgate::request::header_meaning::is_about_request;
use actgate::request::header_name::{self, NameList};
use http::header::{CONNECTION, TE, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::headers::claims;

/// Headers that are never forwarded, whether `Connection` names them or not.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// The headers that `Connection` names; `None` when an option is not a header name.
pub(crate) fn nominated(headers: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for value in headers.get_all(CONNECTION) {
        let text = value.to_str().ok()?;
        for option in text
            .split(',')
            .map(|option| option.trim_matches([' ', '\t']))
            .filter(|option| !option.is_empty())
        {
            names.push(HeaderName::try_from(option).ok()?);
        }
    }
    Some(names)
}

/// Copies the headers of a request that are forwarded, but those that meet the condition. `nominated` is what its `Connection`
/// names.
pub(crate) fn copy_request(
    received: &HeaderMap,
    headers: &mut HeaderMap,
    nominated: &[HeaderName],
    except: impl Fn(&str) -> bool,
) {
    let is_copied = |name: &str| {
        !(is_dropped(name)
            || claims::is_identity(name)
            || nominated.iter().any(|named| header_name::same(name, named.as_str()))
            || except(name))
    };
    // The values of one name follow each other.
    let mut last = None;
    for (name, value) in received {
        let is_copied = match last {
            Some((last, is_copied)) if last == name => is_copied,
            _ => is_copied(name.as_str()),
        };
        last = Some((name, is_copied));
        if is_copied {
            headers.append(name, value.clone());
        } else if *name == TE && names_trailers(value) {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    }
}

/// Whether a request header of this name is never forwarded.
fn is_dropped(name: &str) -> bool {
    /// [`HOP_BY_HOP`], sorted. hyper sends `100 Continue` itself when the upstream reads the body.
    const LIST: NameList = NameList::new(
        &[
            "connection",
            "content-length",
            "expect",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ],
        &[],
    );
    LIST.contains(name) || is_about_request(name)
}

/// Removes the headers of a response that are not forwarded. `Content-Length` stays, for responses to HEAD; `Trailer`
/// stays, since hyper sends only the trailers that it announces.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    let nominated = nominated(headers).unwrap_or_default();
    remove_where(headers, |name| {
        let hop = HOP_BY_HOP.contains(&name)
            || header_name::begins_with(name, "proxy-")
            || nominated.iter().any(|named| named == name);
        hop && name != "content-length" && name != TRAILER.as_str()
    });
}

/// Removes the trailers of a response that are about its connection or its framing.
pub(crate) fn strip_response_trailers(trailers: &mut HeaderMap) {
    remove_where(trailers, |name| {
        HOP_BY_HOP.contains(&name) || header_name::begins_with(name, "proxy-")
    });
}

/// Removes every header whose name meets the condition.
pub(crate) fn remove_where(headers: &mut HeaderMap, condition: impl Fn(&str) -> bool) {
    let removed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| condition(name.as_str()))
        .cloned()
        .collect();
    for name in removed {
        headers.remove(name);
    }
}

fn names_trailers(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|text| {
        text.split(',').any(|coding| {
            let coding = coding.split(';').next().unwrap_or_default();
            coding.trim().eq_ignore_ascii_case("trailers")
        })
    })
}

#[cfg(test)]
mod tests {
    use actgate::request::header_meaning::has_another_meaning;

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

    fn copied(request: &HeaderMap, nominated: &[HeaderName], except: impl Fn(&str) -> bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        copy_request(request, &mut headers, nominated, except);
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn no_dropped_header_can_carry_tokens_or_an_identity() {
        for name in HOP_BY_HOP.iter().chain(&["expect", "forwarded"]) {
            assert!(is_dropped(name) && has_another_meaning(name), "{name}");
        }
    }

    #[test]
    fn hop_by_hop_and_nominated_headers_are_not_copied() {
        let request = headers(&[
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
            ("x-twice", "2"),
            ("x-twice", "1"),
        ]);
        let nominated = nominated(&request).unwrap();
        let copied = copied(&request, &nominated, |_| false);
        assert_eq!(names(&copied), ["accept", "cookie", "x-twice"]);
        assert!(copied.get_all("x-twice").iter().eq(["2", "1"]));
    }

    #[test]
    fn only_trailers_is_forwarded_of_te() {
        let request = headers(&[("te", "gzip;q=1, Trailers"), ("te", "gzip"), ("x-also", "1")]);
        let copied = copied(&request, &[], |name| name == "x-also");
        assert_eq!(copied[TE], "trailers");
        assert_eq!(copied.len(), 1);
    }

    #[test]
    fn a_response_keeps_its_length_and_its_trailer_names() {
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
    fn invalid_connection_options_are_an_error() {
        assert_eq!(nominated(&headers(&[("connection", "close, a b")])), None);
        assert_eq!(
            nominated(&headers(&[("connection", " , close ,")])).unwrap(),
            [HeaderName::from_static("close")]
        );
    }
}
