//! The tower layer: authorizes each request, and passes it on with its [`Identity`](crate::Identity) or rejects it.
//!
//! An allowed request has an [`Identity`](crate::Identity) in its extensions (none on public routes), and with
//! [`with_decision_extension`](crate::AuthorizeLayer::with_decision_extension) its [`Decision`](crate::Decision). A denied
//! one is answered here: the inner service does not see it, its error type is untouched, and the [`Error`](crate::Error)
//! is in the extensions of the *response*, where outer layers find it.
//!
//! # Routers that are nested
//!
//! The path is matched as the layer receives it. `nest` of axum removes its prefix from the path of everything inside, so
//! that a layer *inside* a nested router never sees the whole path: a rule for `/api/orders/{id}` then matches nothing,
//! and a rule with a wider pattern decides. Add the layer to the outermost router:
//!
//! ```
//! # use actgate::{AuthorizeLayer, Authorizer};
//! # use axum::{Router, routing::delete};
//! # fn app(authorizer: Authorizer) -> Router {
//! let orders = Router::new().route("/orders/{id}", delete(|| async {}));
//! Router::new()
//!     .nest("/api", orders) // not `orders.layer(…)`: there, the path is `/orders/{id}`
//!     .layer(AuthorizeLayer::new(authorizer)) // here it is `/api/orders/{id}`
//! # }
//! ```
//!
//! `layer` of axum covers the routes that are added *before* it. A handler that takes an `Identity` outside of the layer
//! answers 500, never with access.
//!
//! # Metadata
//!
//! [`with_metadata`](crate::AuthorizeLayer::with_metadata) answers `/.well-known/oauth-protected-resource`, and that path with the
//! path of a resource behind it, before authorization; the inner service does not see these requests. Challenges name the URL, with
//! the scopes that the route requires.
//!
//! # Events
//!
//! Each decision is one `tracing` event of level `DEBUG`, with the target `actgate::decision` and the fields `decision`
//! (`allow` or `deny`), `route`, `policy_hash`, and for a denied request `status`, `code` and `rule`. It contains no value of the caller.
//!
//! # Another policy
//!
//! [`Authorizer::replace_policy`](crate::Authorizer::replace_policy) replaces the policy of every layer with this authorizer or a clone of it,
//! at once for requests that arrive. One that waits for keys or for its body keeps its policy.

pub(crate) mod authorize_layer;
mod bodies;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod metadata;
mod rejection;
pub(crate) mod service;

pub use bodies::{Content, NoBodies, ReadBodies, Reading, ReplayBodies};
#[cfg(feature = "axum")]
pub use extract::IdentityRejection;
pub use future::ResponseFuture;
pub use metadata::{NoMetadata, PublishMetadata, ResponseForMetadata};
pub use rejection::{EmptyBody, Rejection, ResponseForRejection};
