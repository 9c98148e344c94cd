//! The result of evaluating one condition.

use std::sync::Arc;

use crate::chain::{Actor, Core};
use crate::profile::Kind;

/// The code of a denial where nothing reads the body that a rule is about.
pub(in crate::policy) const BODY_NOT_READ: &str = "body_not_read";

/// Whether a condition is met, and otherwise what is missing.
#[derive(Debug)]
pub(in crate::policy) enum Finding {
    Met,
    /// The code of the denial.
    Unmet(&'static str),
    /// The scopes that a token needs, separated by spaces.
    LacksScope(Arc<str>),
    /// The agent that acts has a ceiling, and the request is above it; with the name of what it is above.
    AboveCeiling(Arc<str>),
    /// The body has to be read.
    NeedsBody,
    /// The body is ambiguous, or no JSON object; with the reason.
    MalformedBody(&'static str),
    /// The body is another message of MCP than the headers name; with the reason.
    McpMismatch(&'static str),
    /// Only a new login is missing, and the initiator is a person who can log in.
    StepUp(StepUp),
}

/// What a new login needs to reach (RFC 9470).
#[derive(Clone, Debug)]
pub(in crate::policy) struct StepUp {
    pub(in crate::policy) code: &'static str,
    pub(in crate::policy) max_age: Option<u64>,
    pub(in crate::policy) acr_values: Option<Arc<str>>,
}

impl Finding {
    pub(super) fn met_if(met: bool, code: &'static str) -> Self {
        if met { Finding::Met } else { Finding::Unmet(code) }
    }

    /// Whether the condition is met, or may be after a login or with the body.
    pub(super) fn may_become_met(&self) -> bool {
        matches!(self, Finding::Met | Finding::StepUp(_) | Finding::NeedsBody)
    }

    /// What is missing for two conditions that both may become met: the body is read last.
    pub(super) fn and(self, other: Finding) -> Finding {
        match (self, other) {
            (Finding::Met, finding) | (finding, Finding::Met) => finding,
            (Finding::StepUp(one), Finding::StepUp(other)) => Finding::StepUp(one.and(other)),
            (Finding::StepUp(needed), _) | (_, Finding::StepUp(needed)) => Finding::StepUp(needed),
            (finding, _) => finding,
        }
    }

    /// Acting for oneself is no delegation: it satisfies no rule on the actor.
    pub(super) fn of_delegate(core: &Core<'_>, evaluate: impl FnOnce(&Actor) -> Finding) -> Finding {
        core.delegate().map_or(Finding::Unmet("actor_missing"), evaluate)
    }

    /// Of a login that does not suffice. A person can log in again; for any other initiator it is a plain denial.
    pub(super) fn of_login(core: &Core<'_>, needed: impl FnOnce() -> StepUp) -> Self {
        match core.kind {
            Kind::Human => Finding::StepUp(needed()),
            _ => Finding::Unmet(needed().code),
        }
    }

    /// The code of the denial, unless the condition is met.
    pub(in crate::policy) fn code(&self) -> Option<&'static str> {
        match self {
            Finding::Met => None,
            Finding::Unmet(code) => Some(code),
            Finding::LacksScope(_) => Some("insufficient_scope"),
            Finding::AboveCeiling(_) => Some("above_ceiling"),
            Finding::StepUp(needed) => Some(needed.code),
            Finding::NeedsBody => Some(BODY_NOT_READ),
            Finding::MalformedBody(_) => Some("body_malformed"),
            Finding::McpMismatch(_) => Some("mcp_header_mismatch"),
        }
    }
}

impl StepUp {
    /// The login that satisfies both: the shorter age, and the contexts that both accept.
    pub(in crate::policy) fn and(self, other: StepUp) -> StepUp {
        let max_age = match (self.max_age, other.max_age) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let acr_values = match (self.acr_values, other.acr_values) {
            (Some(one), Some(other)) => {
                let accepted = |context: &&str| other.split(' ').any(|word| word == *context);
                Some(one.split(' ').filter(accepted).collect::<Vec<_>>().join(" ").into())
            }
            (one, other) => one.or(other),
        };
        StepUp {
            code: self.code,
            max_age,
            acr_values: acr_values.filter(|contexts| !contexts.is_empty()),
        }
    }
}
