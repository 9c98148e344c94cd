//! `explain` and enforcement agree on random policies, tokens and requests.

use std::collections::BTreeMap;
use std::thread;

use actgate::policy::{Check, Outcome, Tier};
use actgate::request::Presented;
use actgate::{Authorizer, Error};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::policies::policy;
use super::requests::{Request, requests};
use super::tokens::claims;
use super::{ISSUER, NOW, authorizer};

/// Each policy is tried with so many tokens, each of them with so many requests.
const POLICIES: usize = 1_000;
const TOKENS: usize = 20;
const REQUESTS: usize = 5;
const THREADS: usize = 2;

#[test]
fn explain_and_enforcement_agree_on_a_hundred_thousand_policies_tokens_and_requests() {
    let outcomes = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| compare(POLICIES / THREADS)))
            .collect();
        let counted = threads.into_iter().flat_map(|thread| thread.join().unwrap());
        counted.fold(BTreeMap::<&str, usize>::new(), |mut all, (code, count)| {
            *all.entry(code).or_default() += count;
            all
        })
    });
    println!("explained as enforced: {outcomes:?}");
    assert_eq!(outcomes.values().sum::<usize>(), POLICIES * TOKENS * REQUESTS);
    // Without many outcomes the property is vacuous.
    assert!(outcomes["allowed"] > 1_000 && outcomes.len() > 40, "{outcomes:?}");
}

/// Compares both for so many policies, and counts the outcomes by their code.
fn compare(policies: usize) -> BTreeMap<&'static str, usize> {
    let mut runner = TestRunner::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (all_policies, all_claims, all_requests) = (policy(), claims(), requests());
    let mut outcomes = BTreeMap::new();
    for _ in 0..policies {
        let policy = some(&all_policies, &mut runner);
        let authorizer = authorizer(&policy);
        for _ in 0..TOKENS {
            let claims = some(&all_claims, &mut runner);
            let token = ISSUER.token(claims.clone()).unwrap();
            for _ in 0..REQUESTS {
                let request: Request = some(&all_requests, &mut runner);
                let enforced = runtime.block_on(request.decide(&authorizer, &token));
                let agreed = request.present(&token, |presented| agree(&authorizer, presented, enforced.outcome()));
                let code = agreed.unwrap_or_else(|difference| panic!("{difference}\n{policy}\n{claims}\n{request:?}"));
                *outcomes.entry(code).or_default() += 1;
            }
        }
    }
    outcomes
}

/// The code of the outcome, if the explanation has the same one, with the same rule, and with checks that lead to it.
fn agree(
    authorizer: &Authorizer,
    presented: &Presented<'_>,
    enforced: Result<(), &Error>,
) -> Result<&'static str, String> {
    let explanation = authorizer.explain(presented, NOW);
    let explained = explanation.decision().outcome();
    if explained != enforced {
        return Err(format!("enforced {enforced:?}, explained {explained:?}"));
    }
    let failed: Vec<&Check> = explanation
        .checks()
        .iter()
        .filter(|check| check.outcome == Outcome::Failed)
        .collect();
    match explained {
        Ok(()) if failed.is_empty() => Ok("allowed"),
        Err(error) if failed.iter().any(|check| shows(check, error)) => Ok(error.code()),
        _ => Err(format!("{explained:?} by the checks {failed:?}")),
    }
}

/// Whether a check shows why the request is denied. Those before the policy have names of their own.
fn shows(check: &Check, error: &Error) -> bool {
    let is_of_rule = |rule| check.tier == Tier::Token || rule == check.rule;
    check.code == Some(error.code()) && error.rule().is_none_or(is_of_rule)
}

/// A random value.
pub fn some<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}
