//! How long a decision takes.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actgate::request::Target;
use actgate::testing::CaseRequest;

use super::suite::Suite;
use crate::exit::{Context as _, Failure};

/// How long the decisions of a suite are measured.
const TIME: Duration = Duration::from_millis(200);

/// Decides every case again and again, and returns the nanoseconds of one decision.
///
/// Each token has been verified before, as those of most requests to a gate. It does NOT measure the gate: no request is received and
/// none is sent.
pub(super) fn ns_per_decision(suite: &Suite, now: u64) -> Result<u64, Failure> {
    let (authorizer, clock) = suite.test.authorizer();
    let mut requests = Vec::new();
    for case in suite.cases.iter().flat_map(|(_, cases)| cases.iter()) {
        let now = case.at().unwrap_or(now);
        let token = suite.test.token(case, now).context("token")?;
        // A case that no server accepts is no decision of the policy.
        requests.extend(
            CaseRequest::new(case, token.as_deref())
                .ok()
                .map(|request| (now, request)),
        );
    }
    let targets = requests.iter().filter_map(|(now, request)| {
        let target = Target::with_escaped_slashes(&request.method, &request.uri).ok()?;
        Some((*now, request, target))
    });
    let targets: Vec<_> = targets.collect();
    let decide_all = || {
        for (now, request, target) in &targets {
            clock.set(*now);
            let decision = pin!(authorizer.decide_presented(&request.presented(target)))
                .poll(&mut Context::from_waker(Waker::noop()));
            // Keys in memory are never waited for.
            debug_assert!(matches!(decision, Poll::Ready(_)));
        }
    };
    decide_all();
    let (begun, mut decisions) = (Instant::now(), 0);
    while begun.elapsed() < TIME && !targets.is_empty() {
        decide_all();
        decisions += targets.len() as u128;
    }
    let time = begun.elapsed().as_nanos().checked_div(decisions).unwrap_or_default();
    Ok(u64::try_from(time).unwrap_or(u64::MAX))
}
