//! Strict JSON for tokens and request bodies: bounded and unambiguous.
//!
//! Duplicate names at any depth, lone surrogates, nesting and sizes over the limits are rejected
//! (RFC 7519 section 4 allows the last duplicate to win; two parsers then read two tokens).

mod parse;
mod value;

pub(crate) use parse::{JsonError, as_text, object, object_as_written, object_of};
pub(crate) use value::{Json, Object, type_of};
