//! The stable codes of all denials.

/// The codes, in the order of the alphabet. One that is not listed here could not be expected by a case.
pub(super) const CODES: &[&str] = &[
    "above_ceiling",
    "acr_not_met",
    "actor_issuer_not_allowed",
    "actor_kind_not_allowed",
    "actor_kind_unknown",
    "actor_missing",
    "actor_not_allowed",
    "actor_not_in_may_act",
    "actor_not_presenter",
    "actor_not_registered",
    "actor_present",
    "actor_tenant_mismatch",
    "agent_not_registered",
    "amr_not_met",
    "any_of_not_met",
    "auth_too_old",
    "authorization_details_not_met",
    "body_malformed",
    "body_not_read",
    "body_too_large",
    "body_type_not_allowed",
    "certificate_mismatch",
    "chain_actor_kind_not_allowed",
    "chain_actor_kind_unknown",
    "chain_actor_missing",
    "chain_actor_not_allowed",
    "chain_actor_repeated",
    "chain_caller_not_allowed",
    "chain_incomplete",
    "chain_inverted",
    "chain_path_not_allowed",
    "chain_start_not_allowed",
    "chain_too_deep",
    "chain_too_long",
    "claim_not_met",
    "client_not_allowed",
    "expression_not_true",
    "initiator_issuer_not_allowed",
    "initiator_kind_not_allowed",
    "initiator_kind_unknown",
    "initiator_not_allowed",
    "initiator_not_human",
    "insufficient_scope",
    "introspection_unavailable",
    "invalid_chain",
    "invalid_claim",
    "invalid_confirmation",
    "invalid_request",
    "invalid_signature",
    "keys_unavailable",
    "limit_exceeded",
    "limit_unavailable",
    "malformed_token",
    "mcp_header_mismatch",
    "mcp_revision_not_supported",
    "misplaced_token",
    "missing_token",
    "no_route",
    "operation_not_met",
    "origin_not_allowed",
    "prior_actor_kind_not_allowed",
    "prior_actor_kind_unknown",
    "prior_actor_missing",
    "prior_actor_not_allowed",
    "scope_not_allowed",
    "self_actor",
    "time_not_allowed",
    "token_audience_not_single",
    "token_inactive",
    "token_lifetime_too_long",
    "token_not_sender_constrained",
    "token_revoked",
    "token_too_long",
    "token_too_old",
    "unknown_key",
    "unsupported_algorithm",
];

/// The status of a denial with a code, where nothing else is stated: that of a human for a login that is not met, and that of a rule for
/// `actor_missing`.
pub(super) fn usual_status(code: &str) -> u16 {
    match code {
        "body_malformed" | "invalid_request" | "mcp_header_mismatch" | "mcp_revision_not_supported" => 400,
        "acr_not_met"
        | "auth_too_old"
        | "certificate_mismatch"
        | "chain_too_long"
        | "invalid_chain"
        | "invalid_claim"
        | "invalid_confirmation"
        | "invalid_signature"
        | "malformed_token"
        | "misplaced_token"
        | "missing_token"
        | "token_inactive"
        | "token_revoked"
        | "token_too_long"
        | "unknown_key"
        | "unsupported_algorithm" => 401,
        "limit_exceeded" => 429,
        "introspection_unavailable" | "keys_unavailable" | "limit_unavailable" => 503,
        _ => 403,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_ordered_and_each_is_listed_once() {
        assert!(CODES.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn every_code_of_the_table_of_words_is_listed() {
        let page = include_str!("../policy/mod.rs");
        let rows = page
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix(" |"));
        let columns = rows.filter_map(|row| Some(row.rsplit_once(" |")?.1));
        let codes: Vec<&str> = columns
            .flat_map(|codes| codes.split('`').skip(1).step_by(2))
            .filter(|code| code.contains('_'))
            .collect();
        assert!(codes.len() > 50, "{codes:?}");
        let missing: Vec<&&str> = codes.iter().filter(|code| !CODES.contains(code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
