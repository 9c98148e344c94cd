//! The API behind the gate, and the way to it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use crate::gate::form_token::{Form, FormError};

/// How long an idle connection to the upstream is kept for the next request. Below what common servers allow (5 s and more), since a request
/// that meets a closing connection is lost: it is never sent twice.
const IDLE: Duration = Duration::from_secs(4);

/// The upstream, reached over HTTP/1.1 on pooled connections.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client<HttpConnector, RequestBody>,
    authority: Authority,
    response_limit: Duration,
}

/// Why the upstream gave no answer. Nothing of it goes to the caller but the status.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It could not be reached, or the connection ended before the response head did.
    #[error("the upstream gave no answer: {0}")]
    NoAnswer(String),
    /// The response head did not come in time.
    #[error("the upstream gave no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The client's body broke off or held a token of its own: no fault of the upstream.
    #[error("the request ended before its end: {0}")]
    Request(&'static str),
    /// Its answer has two framings, or one that is not spoken here.
    #[error("the framing of the answer is ambiguous")]
    Framing,
    /// It switched protocols although nobody had asked it to.
    #[error("the upstream switched protocols unasked")]
    SwitchedProtocols,
    /// The target cannot be written as a request to it.
    #[error("the target cannot be sent on")]
    Target,
}

impl UpstreamError {
    /// The status of the refusal: 502, 504 when time ran out, 400 when the request was at fault.
    pub fn status(&self) -> StatusCode {
        match self {
            UpstreamError::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
            UpstreamError::Request(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::BAD_GATEWAY,
        }
    }
}

impl Upstream {
    /// The upstream at `authority`. A connection must be made within `connect_limit`, and until the response head comes nothing may stand
    /// still for `response_limit`; otherwise bodies have no limit, in size or time.
    pub fn new(authority: Authority, connect_limit: Duration, response_limit: Duration) -> Upstream {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_limit));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .set_host(false)
            .build(connector);
        Upstream {
            client,
            authority,
            response_limit,
        }
    }

    /// Sends one request and waits for the head of its response. The path goes on byte for byte. A request of which a byte was written is
    /// never sent again.
    ///
    /// # Errors
    /// When no response head arrives.
    pub async fn send(&self, mut request: Request<RequestBody>) -> Result<Response<Incoming>, UpstreamError> {
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
        let (progress, fault) = (request.body().progress.clone(), request.body().fault.clone());
        tokio::select! {
            answered = self.client.request(request) => match answered {
                Err(error) => Err(match fault.get() {
                    Some(reason) => UpstreamError::Request(reason),
                    None => UpstreamError::NoAnswer(innermost(&error)),
                }),
                Ok(response) if !has_one_framing(response.headers()) => Err(UpstreamError::Framing),
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    Err(UpstreamError::SwitchedProtocols)
                }
                Ok(response) => Ok(response),
            },
            () = progress.stalled(self.response_limit) => Err(UpstreamError::TimedOut(self.response_limit)),
        }
    }
}

/// Whether a response is chunked or not, and nothing else (RFC 9112 section 6.3): any other coding would reach the client as if it were
/// the content itself.
fn has_one_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && !headers.contains_key(CONTENT_LENGTH)
        }
        (Some(_), Some(_)) => false,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A request body as it came, but for its trailers: a server that merges trailers into the headers would read there what a client may not say
/// (RFC 9110 section 6.5.1 lets a proxy discard them).
#[derive(Debug)]
pub struct RequestBody {
    content: Content,
    progress: Progress,
    /// Why the client's part of it broke off.
    fault: Arc<OnceLock<&'static str>>,
}

/// What a client sends.
#[derive(Debug)]
pub enum Content {
    /// Bytes that nobody here looks at.
    Opaque(Incoming),
    /// A form, watched for a token of its own.
    Form(Form),
}

impl RequestBody {
    /// The body of a client's request.
    pub fn new(content: Content) -> RequestBody {
        RequestBody {
            content,
            progress: Progress::now(),
            fault: Arc::default(),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = FormError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FormError>>> {
        let body = self.get_mut();
        let frame = match &mut body.content {
            Content::Opaque(incoming) => Pin::new(incoming).poll_frame(cx).map_err(FormError::Client),
            Content::Form(form) => Pin::new(form).poll_frame(cx),
        };
        if frame.is_ready() {
            body.progress.made();
        }
        match frame {
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() => Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                let _ = body.fault.set(match error {
                    FormError::Token(_) => "a token in the header and one in the form",
                    FormError::Client(_) => "the body of the request is broken or breaks off",
                });
                Poll::Ready(Some(Err(error)))
            }
            other => other,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Opaque(incoming) => incoming.is_end_stream(),
            Content::Form(form) => form.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Opaque(incoming) => incoming.size_hint(),
            Content::Form(form) => form.size_hint(),
        }
    }
}

/// When something of a request last went on to the upstream.
#[derive(Clone, Debug)]
struct Progress {
    began: Instant,
    last: Arc<AtomicU64>,
}

impl Progress {
    fn now() -> Progress {
        Progress {
            began: Instant::now(),
            last: Arc::default(),
        }
    }

    fn made(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// Resolves when nothing has gone on for `limit`.
    async fn stalled(&self, limit: Duration) {
        loop {
            let due = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed)) + limit;
            if due <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_one_framing() {
        let of = |lines: &[(&'static str, &'static str)]| {
            let pairs = lines.iter().map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            });
            has_one_framing(&pairs.collect::<HeaderMap>())
        };
        assert!(of(&[]) && of(&[("content-length", "5")]) && of(&[("transfer-encoding", "Chunked")]));
        assert!(!of(&[("transfer-encoding", "chunked"), ("content-length", "5")]));
        assert!(
            !of(&[("transfer-encoding", "gzip, chunked")])
                && !of(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")])
        );
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_request_without_progress_is_stalled() {
        let limit = Duration::from_secs(60);
        let progress = Progress::now();
        let upload = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(50)).await;
                progress.made();
            }
            Instant::now()
        };
        let stalled = async {
            progress.stalled(limit).await;
            Instant::now()
        };
        let (uploaded, stalled) = tokio::join!(upload, stalled);
        assert!(stalled >= uploaded + limit);
    }
}
