//! The policy in force, and what replaces it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::resources::Resources;
use super::rule_counts::RuleCounts;
use crate::error::ConfigError;
use crate::policy::Policy;

/// A policy with what depends on it. One decides on a request, whatever replaces it meanwhile.
pub(crate) struct InForce {
    pub(super) policy: Arc<Policy>,
    pub(super) resources: Resources,
    pub(super) counts: RuleCounts,
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InForce").field(self.policy.hash()).finish()
    }
}

/// What is in force now.
#[derive(Debug)]
pub(super) struct Current {
    in_force: ArcSwap<InForce>,
    /// The requirements that layers authorize by.
    required: Mutex<Vec<Arc<str>>>,
}

impl Current {
    pub(super) fn new(in_force: InForce) -> Current {
        Current {
            in_force: ArcSwap::from_pointee(in_force),
            required: Mutex::default(),
        }
    }

    pub(super) fn load(&self) -> Arc<InForce> {
        self.in_force.load_full()
    }

    /// The same, for a decision that is over at once: it costs half of what a shared one costs.
    pub(super) fn borrow(&self) -> Guard<Arc<InForce>> {
        self.in_force.load()
    }

    /// The name of a requirement, which every later policy has, too.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRequirement`].
    pub(super) fn require(&self, name: &str) -> Result<Arc<str>, ConfigError> {
        let mut required = self.required();
        has_requirement(&self.load().policy, name)?;
        if let Some(known) = required.iter().find(|known| ***known == *name) {
            return Ok(Arc::clone(known));
        }
        let name: Arc<str> = name.into();
        required.push(Arc::clone(&name));
        Ok(name)
    }

    /// # Errors
    /// [`ConfigError::UnknownRequirement`] for one that is required.
    pub(super) fn replace(&self, next: InForce) -> Result<(), ConfigError> {
        let required = self.required();
        required
            .iter()
            .try_for_each(|name| has_requirement(&next.policy, name))?;
        self.in_force.store(Arc::new(next));
        Ok(())
    }

    /// Goes on with the counters of `earlier`.
    pub(super) fn count_on_from(&self, earlier: &Current) {
        let now = self.load();
        self.in_force.store(Arc::new(InForce {
            counts: RuleCounts::new(&now.policy, &earlier.load().counts),
            policy: Arc::clone(&now.policy),
            resources: now.resources.clone(),
        }));
    }

    fn required(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.required.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_requirement(policy: &Policy, name: &str) -> Result<(), ConfigError> {
    let unknown = || ConfigError::UnknownRequirement(name.to_owned());
    policy.requirement(name).map(drop).ok_or_else(unknown)
}
