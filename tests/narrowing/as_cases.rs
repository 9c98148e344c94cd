//! The cases of `actgate test` and enforcement agree on random policies, tokens and requests.

use std::thread;

use actgate::analysis::{Case, CaseOutcome, Cases};
use actgate::request::{Presented, Target};
use actgate::testing::{CaseRequest, PolicyTest};
use actgate::{Error, Policy};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::NOW;
use super::policies::policy;
use super::requests::{gate, requests};
use super::tokens::claims;
use super::triples::some;

/// Each policy is tried with so many tokens, each of them with so many requests.
const POLICIES: usize = 1_000;
const TOKENS: usize = 20;
const REQUESTS: usize = 5;
const THREADS: usize = 2;

#[test]
fn cases_and_enforcement_agree_on_a_hundred_thousand_policies_tokens_and_requests() {
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| compare(POLICIES / THREADS)))
            .collect();
        let counted = threads.into_iter().map(|thread| thread.join().unwrap());
        counted.fold((0, 0), |sum, counted| (sum.0 + counted.0, sum.1 + counted.1))
    });
    let (allowed, denied) = counts;
    println!("cases as enforced: {allowed} allowed, {denied} denied");
    assert_eq!(allowed + denied, POLICIES * TOKENS * REQUESTS);
    assert!(allowed > 1_000, "{allowed}");
}

/// Compares both for so many policies, and counts what is allowed and denied.
fn compare(policies: usize) -> (usize, usize) {
    let mut runner = TestRunner::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (all_policies, all_claims) = (policy(), claims());
    // A case cannot state a body without a media type.
    let all_requests = requests().prop_filter("no body without its media type", |request| request.has_media_type());
    let mut counts = (0, 0);
    for _ in 0..policies {
        let policy = some(&all_policies, &mut runner);
        let mut cases = Vec::new();
        for _ in 0..TOKENS {
            let claims = some(&all_claims, &mut runner);
            for _ in 0..REQUESTS {
                let mut case = some(&all_requests, &mut runner).case();
                case["name"] = cases.len().to_string().into();
                case["token"] = claims.clone();
                // The decision of the run is compared with that of enforcement.
                case["expect"] = json!({ "deny": "no_route", "status": 403 });
                cases.push(case);
            }
        }
        let cases = Cases::from_yaml(&json!({ "cases": cases }).to_string()).unwrap();
        let compiled = Policy::from_yaml(&policy.to_string()).unwrap();
        let test = PolicyTest::new(compiled, &cases).unwrap();
        for case in cases.iter() {
            let enforced = runtime.block_on(enforce(&test, case));
            let enforced = CaseOutcome::from(enforced.as_ref().copied());
            let result = test.run(case, NOW).unwrap();
            assert_eq!(*result.outcome(), enforced, "{policy}\n{case:?}");
            match enforced.is_allowed() {
                true => counts.0 += 1,
                false => counts.1 += 1,
            }
        }
    }
    counts
}

/// The outcome of the request of a case, as a layer enforces it.
async fn enforce(test: &PolicyTest, case: &Case) -> Result<(), Error> {
    let token = test.token(case, NOW).unwrap();
    let request = CaseRequest::new(case, token.as_deref()).unwrap();
    let target = Target::new(&request.method, &request.uri).unwrap();
    let (authorizer, _) = test.authorizer();
    let body = request.body.as_deref().unwrap_or_default();
    let decision = gate(authorizer, Presented::headers(&target, &request.headers), Some(body)).await;
    decision.outcome().map_err(Clone::clone)
}
