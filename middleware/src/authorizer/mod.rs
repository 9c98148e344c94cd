//! Trusted issuers and a policy on one side, a request on the other, a decision between them.

mod authorize;
mod decision;
mod explain;
mod settings;

pub use decision::Decision;
pub use explain::Explanation;
pub use settings::Authorizer;

pub(crate) use decision::{Gate, Judged, Missed};
