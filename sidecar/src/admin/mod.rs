//! The admin listener.

pub(crate) mod health;
