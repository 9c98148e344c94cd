//! The keys of an issuer: parsed once, bound to one algorithm each, replaced as a whole.
//!
//! A [`KeySet`] is pure and immutable. A [`KeySource`] states where the keys of an issuer come from; an
//! [`Authorizer`](crate::Authorizer) that is started keeps them fresh by a [`RefreshPolicy`].

mod algorithm;
#[cfg(feature = "reqwest")]
mod bearer_token;
mod current;
mod discovery;
mod document;
mod endpoint;
mod fetch;
mod fetch_counts;
mod fetch_trace;
#[cfg(feature = "reqwest")]
mod freshness;
#[cfg(feature = "reqwest")]
mod http_fetch;
mod jwk;
mod key_set;
mod quoted;
mod refresh_policy;
mod refresher;
mod remote;
mod schedule;
mod single_flight;
mod snapshot;
mod source;

pub use algorithm::Algorithm;
#[cfg(feature = "reqwest")]
pub use bearer_token::token_in;
pub use fetch::{Fetch, FetchError, FetchFuture, FetchedDocument};
pub use fetch_counts::KeySetStatus;
#[cfg(feature = "reqwest")]
pub use http_fetch::HttpFetch;
pub use key_set::{KeySet, KeySetError, MAX_DOCUMENT_BYTES, SkippedKey};
pub use refresh_policy::RefreshPolicy;
pub use source::KeySource;

pub(crate) use current::Keys;
#[cfg(feature = "reqwest")]
pub(crate) use endpoint::Endpoint;
pub(crate) use endpoint::{PlainHttp, is_loopback};
pub(crate) use fetch::OwnFetch;
pub(crate) use jwk::VerificationKey;
pub(crate) use remote::RemoteKeys;
pub(crate) use snapshot::next_generation;
