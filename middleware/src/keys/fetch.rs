//! How a document is fetched. Users of the library may replace it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::key_set::MAX_DOCUMENT_BYTES;
use super::quoted::Quoted;

/// The future of [`Fetch::fetch`].
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<FetchedDocument, FetchError>> + Send + 'a>>;

/// A document and what its server says of its age.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedDocument {
    /// The body of the response.
    pub document: Bytes,
    /// How long the server says that the document stays valid (`max-age`, RFC 9111 section 5.2.2.1). Default [`None`]: it does
    /// not say. It makes the next fetch earlier, never later than [`RefreshPolicy::refresh`](super::RefreshPolicy).
    pub max_age: Option<Duration>,
}

impl FetchedDocument {
    /// Sets how long the document stays valid.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }
}

impl From<Bytes> for FetchedDocument {
    fn from(document: Bytes) -> Self {
        FetchedDocument {
            document,
            max_age: None,
        }
    }
}

/// Fetches one document.
///
/// An implementation must not follow redirects, must reject any status but 200 and any `Content-Encoding`, and must stop reading past
/// [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES). The time-out of the whole attempt is applied by the caller.
pub trait Fetch: Send + Sync + 'static {
    /// Fetches `url`, which is `https` or on loopback.
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a>;
}

impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        F::fetch(self, url)
    }
}

impl From<Vec<u8>> for FetchedDocument {
    fn from(document: Vec<u8>) -> Self {
        Bytes::from(document).into()
    }
}

impl From<String> for FetchedDocument {
    fn from(document: String) -> Self {
        document.into_bytes().into()
    }
}

/// The fetcher of one issuer.
#[derive(Clone)]
pub(crate) struct OwnFetch {
    fetch: Arc<dyn Fetch>,
    /// What distinguishes it from others; none where it is like no other.
    name: Option<Arc<str>>,
}

impl OwnFetch {
    pub(crate) fn new(fetch: impl Fetch) -> Self {
        OwnFetch {
            fetch: Arc::new(fetch),
            name: None,
        }
    }

    pub(crate) fn named(name: &str, fetch: impl Fetch) -> Self {
        OwnFetch {
            fetch: Arc::new(fetch),
            name: Some(name.into()),
        }
    }
}

impl PartialEq for OwnFetch {
    fn eq(&self, other: &OwnFetch) -> bool {
        match (&self.name, &other.name) {
            (Some(name), Some(other)) => name == other,
            _ => Arc::ptr_eq(&self.fetch, &other.fetch),
        }
    }
}

impl fmt::Debug for OwnFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnFetch(..)")
    }
}

impl Fetch for OwnFetch {
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        self.fetch.fetch(url)
    }
}

/// Why a document could not be fetched.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No response: the name, the connection or TLS failed.
    #[error("no response: {0}")]
    Unreachable(String),
    /// A response with a status other than 200, redirects included.
    #[error("status {status}{note}", status = .0.as_u16(), note = redirect_note(*.0))]
    Status(StatusCode),
    /// A status with a `Retry-After` (RFC 9110 section 10.2.3), such as 429 or 503. No fetch is tried before, within the
    /// limits of [`RefreshPolicy`](super::RefreshPolicy).
    #[error("status {status}; the server asks to retry after {seconds} s", status = status.as_u16(), seconds = retry_after.as_secs())]
    Busy {
        /// The status.
        status: StatusCode,
        /// The time that the server asks for, from the response on.
        retry_after: Duration,
    },
    /// A status that demands a credential, from an origin that the token of the issuer is not sent to.
    #[error("status {status}; the token is sent to the configured addresses of the issuer only, so that this one must be its `jwks_uri`", status = .0.as_u16())]
    WithoutToken(StatusCode),
    /// The token for the servers of the issuer could not be obtained, or cannot be sent. The reason contains no part of it.
    #[error("there is no token to send: {0}")]
    NoToken(String),
    /// A response with a `Content-Encoding`, though none was accepted. The value is that of the header.
    #[error("the document is encoded as {coding}, which was not accepted", coding = Quoted(.0))]
    Encoded(String),
    /// A status that demands another credential than that of the client (RFC 7662 section 2.3).
    #[error("status {status}; the server does not accept the client and its secret", status = .0.as_u16())]
    ClientRefused(StatusCode),
    /// A response that is not `application/json`. The value is that of the header.
    #[error("the content is {content}, not application/json", content = Quoted(.0))]
    ContentType(String),
    /// The document is over 256 KiB.
    #[error("the document is longer than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
}

fn redirect_note(status: StatusCode) -> &'static str {
    match status.as_u16() {
        301 | 302 | 303 | 307 | 308 => "; redirects are not followed",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_named() {
        assert_eq!(FetchError::Status(StatusCode::NOT_FOUND).to_string(), "status 404");
        assert_eq!(
            FetchError::Status(StatusCode::PERMANENT_REDIRECT).to_string(),
            "status 308; redirects are not followed"
        );
        let encoded = FetchError::Encoded("br\n".to_owned()).to_string();
        assert_eq!(encoded, r"the document is encoded as `br\u{a}`, which was not accepted");
    }
}
