//! Trusted issuers and a policy on one side, a request on the other, a decision between them.

mod decision;
mod judge;
mod settings;

pub use decision::Decision;
pub use settings::Authorizer;

pub(crate) use decision::{Gate, Judged, Missed};
