//! who acts, on whose authority, and may they?

mod authorizer;
pub mod chain;
pub mod challenge;
pub mod clock;
mod credential;
mod error;
mod explanation;
mod identity;
mod json;
pub mod keys;
pub mod layer;
pub mod limits;
pub mod policy;
pub mod target;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;
mod trust;
pub mod yaml;

pub use authorizer::{Authorizer, Decision};
pub use error::{ConfigError, Error, Reason};
pub use explanation::Explanation;
pub use identity::Identity;
pub use layer::{Authorize, AuthorizeLayer, Require};
pub use policy::Policy;
pub use trust::{Keys, TrustedIssuer};
