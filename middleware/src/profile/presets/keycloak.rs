//! Keycloak.

use super::rfc9068::RFC9068;
use crate::profile::{ChainCompleteness, Evidence, Kind, KindRule, Profile, TokenType};

/// Access tokens and ID tokens share the media type `JWT`; the claim `typ` differs. The token of a service account has
/// `client_id` and a user name with a fixed prefix. `act` is experimental (2026): its nested part is the chain of the actor
/// token.
pub(super) const KEYCLOAK: Profile = Profile {
    name: "keycloak",
    token_types: &[
        TokenType {
            media_type: "JWT",
            marker: Some(("typ", "Bearer")),
        },
        TokenType {
            media_type: "at+jwt",
            marker: Some(("typ", "Bearer")),
        },
    ],
    // Older versions write `nonce` into access tokens.
    foreign_claims: &["at_hash", "c_hash", "events"],
    client: &["client_id", "azp"],
    initiator_kind: &[
        KindRule::Where(
            Kind::Human,
            &[
                Evidence::Present("sid"),
                Evidence::NoPrefix("preferred_username", "service-account-"),
            ],
        ),
        KindRule::Where(
            Kind::Service,
            &[
                Evidence::Present("client_id"),
                Evidence::Prefix("preferred_username", "service-account-"),
            ],
        ),
    ],
    actor_kind: &[],
    chain_completeness: ChainCompleteness::ActorTokenOnly,
    ..RFC9068
};
