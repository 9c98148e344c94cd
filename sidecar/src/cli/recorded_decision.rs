//! How far a line of the decision log decides its explanation, and the decision that it has itself.

use std::fmt;

use actgate::challenge::Challenge;

/// The decision that a line has.
pub(super) struct RecordedDecision {
    pub(super) decision: String,
    pub(super) code: Option<String>,
    pub(super) rule: Option<String>,
}

impl RecordedDecision {
    /// Whether it is the decision of an explanation. `denied` is none where that allows; its code is none where it may be another one.
    pub(super) fn agrees(&self, denied: Option<Option<&str>>) -> bool {
        match denied {
            None => self.decision == "allow",
            Some(code) => self.decision == "deny" && code.is_none_or(|code| self.code.as_deref() == Some(code)),
        }
    }

    /// Whether a limit denied the request, which depends on the requests before it.
    pub(super) fn is_by_limit(&self) -> bool {
        matches!(self.code.as_deref(), Some("limit_exceeded" | "limit_unavailable"))
    }
}

impl fmt::Display for RecordedDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decision)?;
        let mut further = [&self.code, &self.rule].into_iter().flatten();
        further.try_for_each(|text| write!(f, " {text}"))
    }
}

/// How many rules a line does not decide.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Undecided {
    pub(super) enforced: usize,
    pub(super) in_shadow: usize,
}

impl Undecided {
    pub(super) fn is_any(self) -> bool {
        self.enforced + self.in_shadow > 0
    }
}

/// A denial by a rule that is decided, beside rules that are not.
pub(super) struct DeniedInAnyCase {
    pub(super) rule: String,
    pub(super) code: &'static str,
    /// How many of those rules may deny in its place.
    pub(super) alternatives: usize,
    /// The status and the challenge, where none may.
    pub(super) answer: Option<(u16, Challenge)>,
}

impl DeniedInAnyCase {
    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|(status, _)| *status)
    }
}
