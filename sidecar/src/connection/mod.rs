//! What a connection of a client and the bodies on it do in the course of time, over each version of HTTP.

pub(crate) mod activity;
pub(crate) mod joined_write;
pub(crate) mod timed_body;
