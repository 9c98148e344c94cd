//! The tower layer: authorizes each request, and passes it on with its [`Identity`](crate::Identity) or rejects it.
//!
//! An allowed request has an [`Identity`](crate::Identity) in its extensions (none on public routes). A denied one is
//! answered here: the inner service does not see it, its error type is untouched, and the [`Error`](crate::Error) is in
//! the extensions of the *response*, where outer layers find it.
//!
//! The path is matched as the layer sees it: wrap the outermost router, not one that is nested under a prefix.

mod authorize_layer;
mod future;
mod rejection_body;
mod service;

pub use authorize_layer::AuthorizeLayer;
pub use future::ResponseFuture;
pub use rejection_body::{EmptyBody, RejectionBody};
pub use service::Authorize;
