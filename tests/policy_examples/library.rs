//! The cases by the library alone.

use actgate::Authorizer;
use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;

use super::example::{Case, Denial, Example};

type Outcome = Result<(), Denial>;

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
            let (outcome, shadow) = decide(&authorizer, case, &issuer).await;
            if let Err(reason) = case.compare(outcome).and_then(|()| case.compare_shadow(shadow)) {
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
async fn decide(authorizer: &Authorizer, case: &Case, issuer: &TestIssuer) -> (Outcome, Option<Outcome>) {
    let message = case.message(case.minted(issuer).as_deref());
    let target = match Target::new(&message.method, &message.uri) {
        Ok(target) => target,
        Err(error) => return (Err(Denial::from(&error)), None),
    };
    let decision = authorizer.decide_presented(&message.presented(&target)).await;
    let shadow = decision.shadow().map(|shadow| shadow.map_err(Denial::from));
    (decision.outcome().map_err(Denial::from), shadow)
}
