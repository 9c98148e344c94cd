//! Internal tokens: the identity for the upstream in a signed JWT, and the keys that sign it.

pub(crate) mod jwt;
pub(crate) mod signing_keys;
pub(crate) mod token_digest;
