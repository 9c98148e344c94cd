//! The cases by the library alone.

use actgate::Authorizer;
use actgate::analysis::{Case, CaseOutcome};
use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::{CaseRequest, TestIssuer};

use super::example::{Example, compare, compare_shadow, time_of, token_of};

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
