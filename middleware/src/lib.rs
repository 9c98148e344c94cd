//! who acts, on whose authority, and may they?
pub mod clock;
mod error;
mod json;
pub mod keys;
pub mod limits;
pub mod yaml;
pub use error::{ConfigError, Error, Reason};
