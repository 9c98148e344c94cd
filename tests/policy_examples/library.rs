//! The cases by the library alone.

use std::collections::BTreeMap;

use actgate::Authorizer;
use actgate::analysis::{Case, CaseOutcome};
use actgate::clock::FixedClock;
use actgate::request::{Presented, Target};
use actgate::testing::{CaseRequest, TestIssuer};

use super::example::{Example, compare, compare_shadow, time_of, token_of};
use crate::narrowing::recorded;

#[tokio::test]
async fn every_case_gets_the_decision_it_expects() {
    let issuer = TestIssuer::new().unwrap();
    let clock = FixedClock::at(0);
    let (mut evaluated, mut failures) = (0, Vec::new());
    for example in Example::all() {
        let authorizer = example.authorizer(&issuer, &clock);
        for case in example.cases.iter() {
            evaluated += 1;
            clock.set(time_of(case));
            let (outcome, shadow) = decide(&authorizer, case, &issuer).await;
            if let Err(reason) = compare(case, &outcome).and_then(|()| compare_shadow(case, shadow.as_ref())) {
                failures.push(format!("{}: {reason}", example.place(case)));
            }
        }
    }
    println!(
        "policy examples: {evaluated} cases evaluated, {} failed",
        failures.len()
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The outcome, and that with the rules in shadow, if there are some.
async fn decide(authorizer: &Authorizer, case: &Case, issuer: &TestIssuer) -> (CaseOutcome, Option<CaseOutcome>) {
    let request = CaseRequest::new(case, token_of(case, issuer).as_deref()).unwrap();
    let target = match Target::new(&request.method, &request.uri) {
        Ok(target) => target,
        Err(error) => return (CaseOutcome::from(Err(&error)), None),
    };
    let decision = authorizer.decide_presented(&request.presented(&target)).await;
    (decision.outcome().into(), decision.shadow().map(CaseOutcome::from))
}

#[test]
fn the_facts_of_every_case_are_explained_as_its_token() {
    let issuer = TestIssuer::new().unwrap();
    let clock = FixedClock::at(0);
    let (mut seen, mut failures) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for example in Example::all() {
        let authorizer = example.authorizer(&issuer, &clock);
        for case in example.cases.iter() {
            clock.set(time_of(case));
            let request = CaseRequest::new(case, token_of(case, &issuer).as_deref()).unwrap();
            let Ok(target) = Target::new(&request.method, &request.uri) else {
                continue;
            };
            let (presented, now) = (request.presented(&target), time_of(case));
            let uri = request.uri.path().parse().unwrap();
            let alone = Target::new(&request.method, &uri).unwrap();
            let alone = Presented::token(&alone, "").client_certificate(request.certificate.as_ref());
            let compared = recorded::compare_changes(&authorizer, &presented, &alone, now);
            match compared.and_then(|()| recorded::compare(&authorizer, &presented, &alone, now)) {
                Ok(found) => *seen.entry(found).or_default() += 1,
                Err(reason) => failures.push(format!("{}: {reason}", example.place(case))),
            }
        }
    }
    println!("recorded facts of the policy examples: {seen:?}");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(
        seen["decided by hashes"] > 100 && seen["not decided by hashes"] > 5,
        "{seen:?}"
    );
}
