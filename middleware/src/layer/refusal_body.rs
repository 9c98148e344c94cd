//! What stands in the body of a refusal. Status and challenge are not for the hook to change.

use http::HeaderValue;

use crate::error::Error;

/// Writes the body of a refused request.
pub trait RefusalBody<B> {
    /// The content type and the body. Whatever of `error` is written here reaches the caller.
    fn body(&self, error: &Error) -> (Option<HeaderValue>, B);
}

/// No body: everything that a caller can act on stands in the status and the challenge.
#[derive(Clone, Copy, Debug, Default)]
pub struct Empty;

impl<B: Default> RefusalBody<B> for Empty {
    fn body(&self, _: &Error) -> (Option<HeaderValue>, B) {
        (None, B::default())
    }
}

/// A body written by a function.
#[derive(Clone, Copy, Debug)]
pub struct Shaped<F>(pub(super) F);

impl<B, F: Fn(&Error) -> (HeaderValue, B)> RefusalBody<B> for Shaped<F> {
    fn body(&self, error: &Error) -> (Option<HeaderValue>, B) {
        let (content_type, body) = (self.0)(error);
        (Some(content_type), body)
    }
}
