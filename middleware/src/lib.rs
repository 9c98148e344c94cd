//! who acts, on whose authority, and may they?
pub mod chain;
pub mod clock;
mod credential;
mod error;
mod json;
pub mod keys;
pub mod limits;
pub mod target;
pub mod token;
pub mod yaml;
pub use error::{ConfigError, Error, Reason};
