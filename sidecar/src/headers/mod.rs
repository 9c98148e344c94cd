//! Header fields: those that end at this hop, those with which a client claims what it may not, those that carry the
//! identity, those about the way of a request, and the media type of a response. With them the signed token that carries the identity, and its keys.

pub(crate) mod carriers;
pub(crate) mod chain_json;
pub(crate) mod claims;
pub(crate) mod dropped;
pub(crate) mod forwarded;
pub(crate) mod hop_by_hop;
pub(crate) mod identity;
pub(crate) mod identity_fact;
pub(crate) mod internal_token;
pub(crate) mod media_type;
pub(crate) mod stated_identity;
pub(crate) mod trailers;
pub(crate) mod via;
