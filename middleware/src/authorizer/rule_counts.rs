//! How often each rule was not met.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::policy::{Mode, Policy};

/// A rule of a policy, and how often it was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleCount {
    /// The rule, as [`Error::rule`](crate::Error::rule) names it: `POST /refunds: fresh-human.initiator.kind`.
    pub rule: Arc<str>,
    /// Whether it is enforced.
    pub mode: Mode,
    /// The requests that did not meet it. Of an enforced rule, those that were denied for it: the first rule that is not met ends
    /// the evaluation. A rule in shadow is evaluated for every request with a valid token, also for those that other rules deny.
    pub unmet: u64,
}

/// The counters of all rules. A decision is counted without a lock, and a rule that is met is not looked up.
#[derive(Debug, Default)]
pub(super) struct RuleCounts(BTreeMap<Arc<str>, Counter>);

#[derive(Clone, Debug)]
struct Counter {
    mode: Mode,
    unmet: Arc<AtomicU64>,
}

impl RuleCounts {
    /// The counters of a policy. A rule that `earlier` has in the same mode keeps its counter.
    pub(super) fn new(policy: &Policy, earlier: &RuleCounts) -> RuleCounts {
        let counters = policy.rules().map(|(rule, mode)| {
            let kept = earlier.0.get(rule).filter(|counter| counter.mode == mode);
            let counter = kept.cloned().unwrap_or_else(|| Counter {
                mode,
                unmet: Arc::default(),
            });
            (Arc::clone(rule), counter)
        });
        RuleCounts(counters.collect())
    }

    /// Counts a request that did not meet a rule.
    pub(super) fn count(&self, rule: &str, mode: Mode) {
        if let Some(counter) = self.0.get(rule)
            && counter.mode == mode
        {
            counter.unmet.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters now, in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = RuleCount> {
        self.0.iter().map(|(rule, counter)| RuleCount {
            rule: Arc::clone(rule),
            mode: counter.mode,
            unmet: counter.unmet.load(Ordering::Relaxed),
        })
    }
}
