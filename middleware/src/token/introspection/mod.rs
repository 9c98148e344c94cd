//! Token introspection (RFC 7662): the issuer is asked whether a token is active.
//!
//! An [`Introspection`] of a [`TrustedIssuer`](crate::TrustedIssuer) states which of its tokens are asked about, and how long an
//! answer is used. [`HttpIntrospection`] asks over HTTP; another [`Introspect`] may take its place.
//!
//! The members of an answer are the claims of an opaque token: the profile, the audience, the time, the chain and the policy apply to
//! them as to those of a JWT. Signed answers (RFC 9701) are NOT requested.

mod answer;
mod answers;
mod failures;
#[cfg(feature = "reqwest")]
mod http;
mod introspect;
mod introspector;
mod lane;
mod settings;

#[cfg(feature = "reqwest")]
pub use http::HttpIntrospection;
pub use introspect::{Introspect, IntrospectFuture};
pub use settings::{IntrospectedTokens, Introspection};

pub(crate) use answer::Answer;
pub(crate) use introspector::{Introspector, Question};
