//! What a request presents: its target and its credential.

pub(crate) mod bearer;
mod target;

pub use target::Target;
