//! The limits of a policy, as `check` lists them.

use std::fmt;

use actgate::policy::{Mode, PolicyLimit};
use serde::Serialize;

use crate::config::Settings;

/// A limit, and where its requests are counted.
#[derive(Serialize)]
pub(super) struct LimitSummary {
    /// At the first `match` of its route.
    rule: String,
    /// At the other ones, which are counted together with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    together_with: Vec<String>,
    /// How many requests of whom.
    quota: String,
    mode: &'static str,
    counted_in: CountedIn,
}

/// What counts the requests.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CountedIn {
    /// The memory of each gate.
    Memory,
    /// Redis, for all gates.
    Redis,
}

/// The limits of the policy of a configuration.
pub(super) fn limits(settings: &Settings) -> Vec<LimitSummary> {
    let counted_in = match settings.shared_limits {
        Some(_) => CountedIn::Redis,
        None => CountedIn::Memory,
    };
    let limits = settings.policy.limits().into_iter();
    let (first, others): (Vec<_>, Vec<_>) = limits.partition(|limit| limit.rule == limit.first_rule);
    let summary = |PolicyLimit { rule, quota, mode, .. }| {
        let together = others.iter().filter(|other| other.first_rule == rule);
        LimitSummary {
            together_with: together.map(|other| other.rule.to_string()).collect(),
            rule: rule.to_string(),
            quota: quota.to_string(),
            mode: match mode {
                Mode::Enforce => "enforce",
                _ => "shadow",
            },
            counted_in,
        }
    };
    first.into_iter().map(summary).collect()
}

/// `POST /refunds: 60/m (10 at once) by initiator and actor, counted in the memory of each gate`.
impl fmt::Display for LimitSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = std::iter::once(&self.rule).chain(&self.together_with);
        let routes: Option<Vec<&str>> = rules.map(|rule| rule.strip_suffix(": limit")).collect();
        let routes = match routes.as_deref() {
            None => "every route without a limit of its own, together".to_owned(),
            Some([route]) => (*route).to_owned(),
            Some(routes) => format!("{}, together", routes.join(", ")),
        };
        let counted = match self.counted_in {
            CountedIn::Memory => "in the memory of each gate",
            CountedIn::Redis => "in Redis, for all gates",
        };
        write!(f, "{routes}: {}, counted {counted}", self.quota)?;
        match self.mode {
            "enforce" => Ok(()),
            _ => f.write_str("; in shadow: nothing is denied for it"),
        }
    }
}
