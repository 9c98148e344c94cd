//! The errors of a rule on actors.

use serde::Deserialize;

use crate::error::Error;

/// The errors that the caller gets where a rule on actors denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActorErrors {
    /// 403 without a code, as for any other rule.
    #[default]
    Policy,
    /// Those of the OAuth Actor Profile (draft -01): 403 `actor_unauthorized`, and 401 `invalid_token` where a required actor
    /// is missing.
    ActorProfile,
}

impl ActorErrors {
    /// The error of a policy in the terms of the profile.
    pub(crate) fn apply(self, error: Error) -> Error {
        match (self, error) {
            (
                ActorErrors::ActorProfile,
                Error::Denied {
                    code: "actor_missing",
                    rule,
                },
            ) => Error::ActorMissing { rule },
            (ActorErrors::ActorProfile, Error::Denied { code, rule }) if is_about_actors(code) => {
                Error::ActorUnauthorized { code, rule }
            }
            (_, error) => error,
        }
    }
}

/// Whether a code is that of a rule on the current actor, the client that presents the token, or the chain.
fn is_about_actors(code: &str) -> bool {
    ["actor_", "chain_", "client_", "prior_actor_"]
        .iter()
        .any(|begin| code.starts_with(begin))
        || code == "self_actor"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_without_own_errors_keeps_those_of_the_policy() {
        let denied = |code| Error::Denied {
            code,
            rule: "GET /: rule".into(),
        };
        for code in ["actor_missing", "actor_not_allowed", "initiator_not_human"] {
            assert_eq!(ActorErrors::Policy.apply(denied(code)), denied(code));
        }
        let rule = || "GET /: rule".into();
        let of_profile = |code| ActorErrors::ActorProfile.apply(denied(code));
        assert_eq!(of_profile("actor_missing"), Error::ActorMissing { rule: rule() });
        for code in [
            "actor_not_allowed",
            "chain_too_deep",
            "prior_actor_missing",
            "chain_inverted",
            "self_actor",
            "client_not_allowed",
        ] {
            assert_eq!(of_profile(code), Error::ActorUnauthorized { code, rule: rule() });
        }
        for code in ["initiator_not_human", "claim_not_met", "no_route", "scope_not_allowed"] {
            assert_eq!(of_profile(code), denied(code));
        }
    }
}
