//! The checks of a response head: its framing is unambiguous, and it answers the request.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};

use super::error::UpstreamError;
use crate::headers::hop_by_hop;

/// A response whose framing is unambiguous.
pub(super) fn checked<B>(mut response: Response<B>) -> Result<Response<B>, UpstreamError> {
    if has_single_framing(response.headers()) && unify_length(response.headers_mut()) {
        Ok(response)
    } else {
        Err(UpstreamError::Framing)
    }
}

/// Whether a response on a connection that was used before may be the 408 of a server that gives up an idle connection: it
/// ends the connection (RFC 9110 section 15.5.9). A 408 that keeps it open, or that has a stream of its own, is for the
/// request.
pub(super) fn may_be_unsolicited<B>(response: &Response<B>) -> bool {
    response.status() == StatusCode::REQUEST_TIMEOUT
        && match response.version() {
            Version::HTTP_2 => false,
            Version::HTTP_11 => has_option(response.headers(), "close"),
            _ => !has_option(response.headers(), "keep-alive"),
        }
}

/// Whether `Connection` has an option. What is no list of options is not looked into: such a connection is not kept.
fn has_option(headers: &HeaderMap, option: &str) -> bool {
    headers.contains_key(CONNECTION)
        && hop_by_hop::nominated(headers).is_none_or(|names| names.iter().any(|name| name == option))
}

/// Replaces a list of equal lengths, or one with leading zeros, by one decimal number (RFC 9110 section 8.6): clients
/// read a list in several ways. Returns whether there is at most one length.
fn unify_length(headers: &mut HeaderMap) -> bool {
    let mut written = headers.get_all(CONTENT_LENGTH).iter();
    let (first, second) = (written.next(), written.next());
    let Some(first) = first else { return true };
    if second.is_none() && is_decimal(first.as_bytes()) {
        return true;
    }
    let values = headers.get_all(CONTENT_LENGTH).iter();
    let parts = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut lengths = parts.map(|part| parse_length(part.trim_ascii()));
    let Some(Some(length)) = lengths.next() else {
        return false;
    };
    if !lengths.all(|other| other == Some(length)) {
        return false;
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    true
}

/// Whether a length is written as digits without a leading zero.
fn is_decimal(length: &[u8]) -> bool {
    matches!(length, b"0" | [b'1'..=b'9', ..]) && length.iter().all(u8::is_ascii_digit)
}

fn parse_length(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    // `parse` also accepts a plus sign.
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// Whether a response has no transfer coding, or `chunked` alone (RFC 9112 section 6.3): any other coding would reach
/// the client as if it were the content itself.
fn has_single_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && !headers.contains_key(CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_equal_lengths_becomes_one_length() {
        let of = |values: &[&'static str]| {
            let lines = values
                .iter()
                .map(|value| (CONTENT_LENGTH, HeaderValue::from_static(value)));
            let mut headers: HeaderMap = lines.collect();
            let unified = unify_length(&mut headers);
            let left: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().cloned().collect();
            unified.then(|| {
                left.iter()
                    .map(|value| value.to_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(of(&[]), Some(vec![]));
        for values in [
            ["2"].as_slice(),
            &["2, 2"],
            &["2,2"],
            &["002"],
            &["2", "2"],
            &["02, 2", "2"],
        ] {
            assert_eq!(of(values), Some(vec!["2".to_owned()]), "{values:?}");
        }
        for values in [
            ["2, 3"].as_slice(),
            &["2", "3"],
            &["2,"],
            &[""],
            &["+2"],
            &["2 2"],
            &["0x2, 0x2"],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
        assert_eq!(of(&["0"]), Some(vec!["0".to_owned()]));
    }

    #[test]
    fn a_408_that_ends_the_connection_may_be_unsolicited() {
        let of = |status: u16, version, connection: Option<&'static str>| {
            let mut response = Response::builder().status(status).version(version);
            if let Some(connection) = connection {
                response = response.header(CONNECTION, connection);
            }
            may_be_unsolicited(&response.body(()).unwrap())
        };
        assert!(of(408, Version::HTTP_11, Some("close")));
        assert!(of(408, Version::HTTP_11, Some("X-Hop, Close")));
        assert!(of(408, Version::HTTP_10, None));
        assert!(!of(408, Version::HTTP_11, None));
        assert!(!of(408, Version::HTTP_11, Some("keep-alive")));
        assert!(!of(408, Version::HTTP_10, Some("keep-alive")));
        assert!(!of(408, Version::HTTP_2, None));
        assert!(!of(400, Version::HTTP_11, Some("close")));
    }

    #[test]
    fn an_answer_has_single_framing() {
        let of = |lines: &[(&'static str, &'static str)]| {
            let pairs = lines
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            has_single_framing(&pairs.collect::<HeaderMap>())
        };
        assert!(of(&[]) && of(&[("content-length", "5")]) && of(&[("transfer-encoding", "Chunked")]));
        assert!(!of(&[("transfer-encoding", "chunked"), ("content-length", "5")]));
        assert!(
            !of(&[("transfer-encoding", "gzip, chunked")])
                && !of(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")])
        );
    }
}
