//! The last steps of a decision: what a body says of rules in shadow, and the count of a request that nothing in its head denies.

use actgate::chain::RecordedFacts;
use http::request::Parts;

use super::shadow::ReadInShadow;
use super::{Decided, Denial, Gate, Unforwarded, denial_note};

impl Decided {
    /// The body was read for rules in shadow alone, and these are the facts with it.
    pub(crate) fn read_in_shadow(&mut self, read: ReadInShadow, facts: Option<Box<RecordedFacts>>) {
        match read {
            ReadInShadow::Read(by_body) => {
                let decision = self.decision.take();
                self.decision = decision.map(|decision| decision.with_shadow_of(by_body));
            }
            ReadInShadow::Unread(error) => self.unread_in_shadow = Some(error),
        }
        self.facts = facts.or(self.facts.take());
    }
}

impl Gate {
    /// Counts a request that `outcome` allows, and denies it where its party has made too many. Every other check of its head comes
    /// before, so that no request is counted that one of them denies.
    pub(crate) async fn complete<T>(
        &self,
        request: &Parts,
        mut decided: Box<Decided>,
        outcome: Result<T, Unforwarded>,
    ) -> (Box<Decided>, Result<T, Unforwarded>) {
        let Some(decision) = decided.decision.take() else {
            return (decided, outcome);
        };
        if outcome.is_err() {
            // A rule on a body that was not read has decided nothing.
            if decision.body_limit().or(decision.shadow_body_limit()).is_none() {
                decision.conclude();
            }
            decided.decision = Some(decision);
            return (decided, outcome);
        }
        // Nothing is waited for without a limit.
        decided.decision = decision.counted_by().is_some().then(|| decision.clone());
        let mut uncounted = Uncounted {
            gate: self,
            request,
            decided: &decided,
            is_counted: false,
        };
        let decision = self.authorizer.complete(decision).await;
        uncounted.is_counted = true;
        drop(uncounted);
        let error = decision.error().cloned();
        decided.decision = Some(decision);
        match error {
            None => (decided, outcome),
            Some(error) => {
                decided.note = denial_note::note(self.cors.as_ref(), &self.authorizer, request, &error);
                (decided, Err(Denial::Authorization(error).into()))
            }
        }
    }
}

/// A request that is being counted. It has its line in the decision log if its client leaves, which drops this.
struct Uncounted<'g> {
    gate: &'g Gate,
    request: &'g Parts,
    decided: &'g Decided,
    is_counted: bool,
}

impl Drop for Uncounted<'_> {
    fn drop(&mut self) {
        if !self.is_counted {
            let Parts { method, uri, .. } = self.request;
            let reason = "the client left before its request was counted";
            self.gate.record_left(method, uri, self.decided, reason);
        }
    }
}
