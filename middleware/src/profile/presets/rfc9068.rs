//! RFC 9068, the default.

use crate::profile::{ChainCompleteness, KindRule, Profile, ScopeClaim, TokenType};

/// An `act` without `iss` names a party of the token's own issuer.
pub(super) const RFC9068: Profile = Profile {
    name: "rfc9068",
    token_types: &[TokenType {
        media_type: "at+jwt",
        marker: None,
    }],
    foreign_claims: &["nonce", "at_hash", "c_hash", "events"],
    subject: "sub",
    audience: "aud",
    client: &["client_id"],
    scope: ScopeClaim::Text("scope"),
    scope_copy: Some(ScopeClaim::TextOrList("scp")),
    initiator_kind: &[KindRule::EntityProfile("sub_profile")],
    actor_kind: &[KindRule::EntityProfile("sub_profile")],
    actor: "act",
    chain_completeness: ChainCompleteness::OuterOnly,
};
