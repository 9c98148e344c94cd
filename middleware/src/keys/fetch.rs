//! How a document is fetched. Users of the library may replace it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

/// The future of [`Fetch::fetch`].
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

/// Fetches one document.
///
/// An implementation must not follow redirects, must reject any status but 200, and must stop reading past
/// [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES). The time-out of the whole attempt is applied by the caller.
pub trait Fetch: Send + Sync + 'static {
    /// Fetches `url`, which is `https` or on loopback.
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a>;
}

impl<F: Fetch> Fetch for Arc<F> {
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        F::fetch(self, url)
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
    #[error("status {0}")]
    Status(u16),
    /// The document is over 256 KiB.
    #[error("the document is too long")]
    TooLong,
}
