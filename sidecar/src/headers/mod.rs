//! Header fields: those that end at this hop, and those that carry the identity.

pub mod chain_json;
pub mod header_name;
pub mod hop_by_hop;
pub mod identity;
