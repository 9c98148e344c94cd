//! How an issuer is asked about a token. Users of the library may replace it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::keys::FetchError;

/// The future of [`Introspect::introspect`].
pub type IntrospectFuture<'a> = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send + 'a>>;

/// Asks the issuer about one token.
///
/// An implementation must authenticate itself to the issuer (RFC 7662 section 2.1), and must not follow redirects. It must reject
/// any status but 200, any other content than JSON and any `Content-Encoding`, and must stop reading past
/// [`MAX_DOCUMENT_BYTES`](crate::keys::MAX_DOCUMENT_BYTES). The time-out of a question is applied by the caller.
pub trait Introspect: Send + Sync + 'static {
    /// The answer of the issuer about `token`: the JSON object of RFC 7662 section 2.2.
    fn introspect<'a>(&'a self, token: &'a str) -> IntrospectFuture<'a>;
}
