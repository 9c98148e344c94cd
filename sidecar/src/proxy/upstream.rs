//! The upstream: the API behind the gate.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::request_body::RequestBody;

/// How long an idle connection to the upstream is kept. Shorter than the time of common servers (5 s and more): a
/// request on a connection that the server closes is lost, since it is never sent twice.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// Limits of a response head.
const MAX_HEADER_LINES: usize = 256;
const MAX_HEAD_BYTES: usize = 408 * 1024;

/// Time limits of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamTimeouts {
    /// For establishing a connection.
    pub(crate) connect: Duration,
    /// Longest time without progress until the response head arrives. Bodies have no other limit, in size or time.
    pub(crate) response: Duration,
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        UpstreamTimeouts {
            connect: Duration::from_secs(5),
            response: Duration::from_secs(60),
        }
    }
}

/// The upstream, over HTTP/1.1 on pooled connections.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, RequestBody>,
    authority: Authority,
    response_timeout: Duration,
}

/// Why the upstream did not respond. The caller learns only the status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// It could not be reached, or the connection ended before the response head did.
    #[error("no response: {0}")]
    NoResponse(String),
    /// The response head did not arrive in time.
    #[error("no response within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The client's body broke off or contained a token.
    #[error("the request body failed: {0}")]
    Request(&'static str),
    #[error(
        "the response head has more than {MAX_HEADER_LINES} header lines, or more than {} KiB",
        MAX_HEAD_BYTES / 1024
    )]
    HeadTooLarge,
    #[error("the framing of the response is ambiguous")]
    Framing,
    /// It switched protocols without a request to do so.
    #[error("unexpected 101 response")]
    SwitchedProtocols,
    #[error("the target cannot be sent")]
    Target,
}

impl UpstreamError {
    /// The status of the refusal: 502; 504 after a timeout; 400 when the client caused it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            UpstreamError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            UpstreamError::Request(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Upstream {
    /// The upstream at `authority`.
    pub(crate) fn new(authority: Authority, timeouts: UpstreamTimeouts) -> Upstream {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(timeouts.connect));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .set_host(false)
            .http1_max_headers(MAX_HEADER_LINES)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(connector);
        Upstream {
            client,
            authority,
            response_timeout: timeouts.response,
        }
    }

    /// Sends one request and returns the response when its head has arrived. The path is sent byte for byte. A request
    /// of which a byte was written is never sent again.
    pub(crate) async fn send(&self, mut request: Request<RequestBody>) -> Result<Response<Incoming>, UpstreamError> {
        let path = request
            .uri()
            .path_and_query()
            .cloned()
            .unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|_| UpstreamError::Target)?;
        *request.version_mut() = http::Version::HTTP_11;
        let (progress, fault) = (request.body().progress(), request.body().fault());
        tokio::select! {
            response = self.client.request(request) => match response {
                Err(error) => Err(match fault.get() {
                    Some(reason) => UpstreamError::Request(reason),
                    None if is_head_too_large(&error) => UpstreamError::HeadTooLarge,
                    None => UpstreamError::NoResponse(innermost(&error)),
                }),
                Ok(response) => checked(response),
            },
            () = progress.stalled(self.response_timeout) => Err(UpstreamError::TimedOut(self.response_timeout)),
        }
    }
}

/// A response whose framing is unambiguous.
fn checked(mut response: Response<Incoming>) -> Result<Response<Incoming>, UpstreamError> {
    if !has_single_framing(response.headers()) || !unify_length(response.headers_mut()) {
        Err(UpstreamError::Framing)
    } else if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        Err(UpstreamError::SwitchedProtocols)
    } else {
        Ok(response)
    }
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

fn is_head_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| {
        cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_parse_too_large)
    })
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
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
