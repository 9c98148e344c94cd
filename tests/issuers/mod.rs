//! Trusted issuers of every shape: pinned claims, shared issuers, identifiers that are no URL, and where keys come from.

mod mistakes;
mod required_claims;
