//! The admin listener.

pub mod health;
