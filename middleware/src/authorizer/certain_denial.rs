//! The denial of a request whatever the rules are that its record does not decide.

use super::decision::Decision;
use crate::error::Error;
use crate::policy::{Check, Mode, Outcome};

/// A denial that no undecided rule changes.
#[derive(Clone, Debug)]
pub(super) struct Denial {
    /// The check among those of the explanation.
    index: usize,
    alternatives: usize,
    decision: Decision,
}

/// A denial whatever the rules are that a record does not decide.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CertainDenial<'e> {
    /// The first check that denies, of those that are decided.
    pub check: &'e Check,
    /// How many rules that are not decided may deny in its place, with another code.
    pub alternatives: usize,
    /// The decision if every rule that is not decided were met. Where there are no `alternatives`, its error, and the
    /// [challenge](crate::Authorizer::challenge_to) to it, are those of the request.
    pub decision: &'e Decision,
}

impl Denial {
    /// `decision` is the one without the rules that are not decided, which are marked among the checks.
    pub(super) fn of(checks: &[Check], decision: Decision) -> Option<Denial> {
        let denied = decision.denied()?;
        let is = |check: &Check, outcome| check.mode == Mode::Enforce && check.outcome == outcome;
        let first = checks.iter().position(|check| is(check, Outcome::Failed))?;
        let of_rule = |rule: &str| {
            let mut checks = checks.iter();
            checks.position(|check| is(check, Outcome::Failed) && check.is_of(rule))
        };
        // A step before the policy denies without a rule, and is the last one.
        let index = denied.rule.as_deref().and_then(of_rule).unwrap_or(first);
        // A rule on a login or on a body denies only where no other one does, also none that comes later.
        let is_last =
            denied.is_by_body || matches!(decision.error(), Some(Error::InsufficientUserAuthentication { .. }));
        let counted = if is_last { checks } else { checks.get(..index)? };
        let alternatives = counted.iter().filter(|check| is(check, Outcome::Undecided));
        Some(Denial {
            index,
            alternatives: alternatives.count(),
            decision,
        })
    }

    pub(super) fn among<'e>(&'e self, checks: &'e [Check]) -> Option<CertainDenial<'e>> {
        Some(CertainDenial {
            check: checks.get(self.index)?,
            alternatives: self.alternatives,
            decision: &self.decision,
        })
    }
}
