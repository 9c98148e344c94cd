//! The cases by the library alone.

use actgate::Authorizer;
use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;

use super::example::{Case, Denial, Example};

#[tokio::test]
async fn every_case_gets_the_decision_it_expects() {
    let issuer = TestIssuer::new().unwrap();
    let clock = FixedClock::at(0);
    let (mut evaluated, mut failures) = (0, Vec::new());
    for example in Example::all() {
        let authorizer = example.authorizer(&issuer, &clock);
        for case in &example.cases {
            evaluated += 1;
            clock.set(case.now());
            let outcome = decide(&authorizer, case, &issuer).await;
            if let Err(reason) = case.compare(outcome) {
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

async fn decide(authorizer: &Authorizer, case: &Case, issuer: &TestIssuer) -> Result<(), Denial> {
    let message = case.message(case.minted(issuer).as_deref());
    let target = Target::new(&message.method, &message.uri).map_err(|error| Denial::from(&error))?;
    let decision = authorizer.decide_presented(&message.presented(&target)).await;
    decision.outcome().map_err(Denial::from)
}
