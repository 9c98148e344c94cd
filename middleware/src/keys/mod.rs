//! The keys of an issuer: parsed once, bound to one algorithm each, swapped as a whole.
//!
//! A [`KeySet`] is pure and immutable. [`RemoteKeys`] keeps one fresh from the issuer's JWKS endpoint.

mod algorithm;
mod discovery;
mod fetch;
#[cfg(feature = "reqwest")]
mod http_fetch;
mod jwk;
mod key_set;
mod refresh_policy;
mod refresher;
mod remote;
mod single_flight;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use discovery::Source;
pub use fetch::{Fetch, FetchError, Fetched};
#[cfg(feature = "reqwest")]
pub use http_fetch::HttpFetch;
pub use key_set::{KeySet, KeySetError, MAX_DOCUMENT_BYTES, MAX_KEYS};
pub use refresh_policy::Schedule;
pub use remote::{RemoteKeys, Status};

pub(crate) use refresher::State;
