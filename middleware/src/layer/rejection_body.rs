//! The body of a rejection. Status and challenge are fixed.

use http::HeaderValue;

use crate::error::Error;

/// Writes the body of a rejection. Closures `Fn(&Error) -> (HeaderValue, B)` implement it.
pub trait RejectionBody<B> {
    /// The content type and the body. What is written here of `error` reaches the caller.
    fn body(&self, error: &Error) -> (Option<HeaderValue>, B);
}

/// No body: status and challenge contain all that a caller can act on.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl<B: Default> RejectionBody<B> for EmptyBody {
    fn body(&self, _: &Error) -> (Option<HeaderValue>, B) {
        (None, B::default())
    }
}

impl<B, F: Fn(&Error) -> (HeaderValue, B)> RejectionBody<B> for F {
    fn body(&self, error: &Error) -> (Option<HeaderValue>, B) {
        let (content_type, body) = self(error);
        (Some(content_type), body)
    }
}
