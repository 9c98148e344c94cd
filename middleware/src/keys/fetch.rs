//! How a document is fetched. Users of the library may replace it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use super::key_set::MAX_DOCUMENT_BYTES;
use super::quoted::Quoted;

/// The future of [`Fetch::fetch`].
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

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
    /// A status that demands a credential, from an origin that the token of the issuer is not sent to.
    #[error("status {status}; the token is sent to the configured addresses of the issuer only, so that this one must be its `jwks_uri`", status = .0.as_u16())]
    WithoutToken(StatusCode),
    /// The token for the servers of the issuer could not be obtained, or cannot be sent. The reason contains no part of it.
    #[error("there is no token to send: {0}")]
    NoToken(String),
    /// A response with a `Content-Encoding`, though none was accepted. The value is that of the header.
    #[error("the document is encoded as {coding}, which was not accepted", coding = Quoted(.0))]
    Encoded(String),
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
