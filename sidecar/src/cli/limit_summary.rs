//! The limits of a policy, as `check` lists them.

use std::fmt;

use actgate::policy::{Mode, PolicyLimit};
use serde::Serialize;

use crate::config::Settings;

/// A limit, and where its requests are counted.
#[derive(Serialize)]
pub(super) struct LimitSummary {
    rule: String,
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
    let limits = limits.map(|PolicyLimit { rule, quota, mode, .. }| LimitSummary {
        rule: rule.to_string(),
        quota: quota.to_string(),
        mode: match mode {
            Mode::Enforce => "enforce",
            _ => "shadow",
        },
        counted_in,
    });
    limits.collect()
}

/// `POST /refunds: 60/m (10 at once) by initiator and actor, counted in the memory of each gate`.
impl fmt::Display for LimitSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes = self.rule.strip_suffix(": limit");
        let routes = routes.unwrap_or("every route without a limit of its own, together");
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
