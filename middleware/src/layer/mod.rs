//! The tower layer: judges each request, lets it through with its [`Identity`](crate::Identity) or answers it.
//!
//! A request that may pass carries an [`Identity`](crate::Identity) in its extensions (none on public routes). A request
//! that may not is answered here: the inner service never sees it, its error type is untouched, and the
//! [`Error`](crate::Error) stands in the extensions of the *response*, for outer layers to tell refusals apart.
//!
//! The path is judged as the layer sees it: wrap the outermost router, not one that is nested under a prefix.

mod authorize_layer;
mod future;
mod refusal_body;
mod require;
mod service;

pub use authorize_layer::AuthorizeLayer;
pub use future::ResponseFuture;
pub use refusal_body::{Empty, RefusalBody, Shaped};
pub use require::Require;
pub use service::Authorize;
