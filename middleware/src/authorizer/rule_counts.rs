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
pub(super) struct RuleCounts(BTreeMap<Arc<str>, Counters>);

/// The counters of the rules of one name: one rule in shadow can have the name of an enforced one.
#[derive(Debug, Default)]
struct Counters {
    enforced: Option<Arc<AtomicU64>>,
    shadow: Option<Arc<AtomicU64>>,
}

impl Counters {
    fn of(&self, mode: Mode) -> Option<&Arc<AtomicU64>> {
        match mode {
            Mode::Enforce => self.enforced.as_ref(),
            Mode::Shadow => self.shadow.as_ref(),
        }
    }

    fn of_mut(&mut self, mode: Mode) -> &mut Option<Arc<AtomicU64>> {
        match mode {
            Mode::Enforce => &mut self.enforced,
            Mode::Shadow => &mut self.shadow,
        }
    }
}

impl RuleCounts {
    /// The counters of a policy. A rule that `earlier` has in the same mode keeps its counter.
    pub(super) fn new(policy: &Policy, earlier: &RuleCounts) -> RuleCounts {
        let mut counts = BTreeMap::<Arc<str>, Counters>::new();
        for (rule, mode) in policy.rules() {
            let counters = counts.entry(Arc::clone(rule)).or_default();
            let kept = || earlier.0.get(rule).and_then(|earlier| earlier.of(mode).cloned());
            counters.of_mut(mode).get_or_insert_with(|| kept().unwrap_or_default());
        }
        RuleCounts(counts)
    }

    /// Counts a request that did not meet a rule.
    pub(super) fn count(&self, rule: &str, mode: Mode) {
        if let Some(unmet) = self.0.get(rule).and_then(|counters| counters.of(mode)) {
            unmet.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters now, in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = RuleCount> {
        self.0.iter().flat_map(|(rule, counters)| {
            [Mode::Enforce, Mode::Shadow].into_iter().filter_map(|mode| {
                Some(RuleCount {
                    rule: Arc::clone(rule),
                    mode,
                    unmet: counters.of(mode)?.load(Ordering::Relaxed),
                })
            })
        })
    }
}
