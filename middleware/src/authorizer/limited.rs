//! The limit of a route: an allowed request is counted, and denied where its party has made too many.

use std::sync::Arc;
use std::time::Duration;

use super::Authorizer;
use super::counter::{Counter, Counting};
use super::decision::Decision;
use crate::error::Error;
use crate::policy::{Limit, Mode};
use crate::quota::{CountUnavailable, Counted};

/// When to try again if requests cannot be counted, in seconds.
const UNAVAILABLE_SECONDS: u32 = 1;

impl Authorizer {
    /// Counts the request of a decision by the rules. One that is denied is not counted.
    pub(crate) fn count(&self, decision: Decision) -> Counting {
        let Some((limit, identity)) = decision.limit() else {
            return Counting::Done(decision);
        };
        let count = limit.count(identity.facts());
        match &self.inner.counter {
            Counter::InMemory(counts) => {
                let counted = counts.count(&count);
                Counting::Done(decision.counted(Ok(counted)))
            }
            Counter::Shared(counter) => {
                let counter = Arc::clone(counter);
                Counting::Asked(Box::pin(async move {
                    let counted = counter.count(&count).await;
                    decision.counted(counted)
                }))
            }
        }
    }
}

impl Decision {
    /// The decision on a request that has been counted.
    fn counted(self, counted: Result<Counted, CountUnavailable>) -> Decision {
        let Some((limit, _)) = self.limit() else {
            return self;
        };
        let Some(error) = error_of(limit, counted) else {
            return self;
        };
        // An outage says nothing of the party.
        let unmet = counted.is_ok().then(|| Arc::clone(&limit.name));
        match limit.mode {
            Mode::Enforce => self.denied_by(unmet, error),
            Mode::Shadow => self.denied_in_shadow_by(unmet, error),
        }
    }
}

fn error_of(limit: &Limit, counted: Result<Counted, CountUnavailable>) -> Option<Error> {
    let rule = Arc::clone(&limit.name);
    match counted {
        Ok(Counted::Within) => None,
        Ok(Counted::Exceeded { retry_after }) => Some(Error::LimitExceeded {
            rule,
            quota: Arc::clone(&limit.quota_in_words),
            retry_after: whole_seconds(retry_after),
        }),
        Err(CountUnavailable) => Some(Error::LimitUnavailable {
            rule,
            retry_after: UNAVAILABLE_SECONDS,
        }),
    }
}

/// Rounded up, so that a request after them is within the quota; at least one.
fn whole_seconds(time: Duration) -> u32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}
