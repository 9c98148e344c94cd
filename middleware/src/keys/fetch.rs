//! How a document is fetched: the one thing that a user of the library may replace.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// What [`Fetch::fetch`] returns.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

/// Fetches one document.
///
/// An implementation must not follow redirects, must refuse any status but 200, and must stop reading past
/// [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES). The time-out of the whole attempt is kept by the caller.
pub trait Fetch: Send + Sync + 'static {
    /// Fetches `url`, which is `https` or on loopback.
    fn fetch<'a>(&'a self, url: &'a str) -> Fetched<'a>;
}

/// Why a document could not be fetched.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer: the name, the connection or TLS failed.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// An answer of another status than 200; redirects among them.
    #[error("status {0}")]
    Status(u16),
    /// The document is over 256 KiB.
    #[error("the document is too long")]
    TooLong,
}
