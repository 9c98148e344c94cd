//! `mode`: whether rules are enforced, or in shadow: evaluated and recorded, without an effect on the request.

use actgate_yaml::Spanned;
use serde::Deserialize;

/// Whether a rule denies requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// A request that does not meet the rule is denied.
    #[default]
    Enforce,
    /// A request that does not meet the rule is recorded, and not denied for it.
    Shadow,
}

impl Mode {
    /// The mode of what is written without one, in a place of this mode.
    pub(super) fn or_written(self, written: Option<&Spanned<Mode>>) -> Mode {
        written.map_or(self, |written| written.value)
    }

    /// Enforced, if both are.
    pub(super) fn and(self, other: Mode) -> Mode {
        match (self, other) {
            (Mode::Enforce, Mode::Enforce) => Mode::Enforce,
            _ => Mode::Shadow,
        }
    }

    /// Enforced, if one of both is.
    pub(super) fn or(self, other: Mode) -> Mode {
        match (self, other) {
            (Mode::Shadow, Mode::Shadow) => Mode::Shadow,
            _ => Mode::Enforce,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_in_shadow_where_both_modes_are() {
        let (enforce, shadow) = (Mode::Enforce, Mode::Shadow);
        for (one, other, or) in [
            (enforce, enforce, enforce),
            (enforce, shadow, enforce),
            (shadow, enforce, enforce),
            (shadow, shadow, shadow),
        ] {
            assert_eq!(one.or(other), or, "{one:?} {other:?}");
        }
    }
}
