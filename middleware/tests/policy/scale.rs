//! A long policy takes a time in proportion to its routes.

use std::time::{Duration, Instant};

use actgate::analysis::{Cases, Coverage, RulePlaces};
use actgate::testing::{PolicyTest, TestIssuer};
use actgate::{Authorizer, Policy};

/// A policy with so many routes, each with rules of its own.
fn policy(routes: usize) -> String {
    let mut text = "requirements: { human: { initiator: { kind: human } } }\nroutes:\n".to_owned();
    for number in 0..routes / 2 {
        text += &format!("  - {{ match: 'GET /a{number}/{{id}}', scopes: ['a{number}:read'] }}\n");
        text += &format!("  - {{ match: POST /a{number}, scopes: ['a{number}:write'], require: [human] }}\n");
    }
    text
}

/// How long a policy of so many routes takes until it decides on a first request, with all that `check` and `test` find in it.
fn time_of(routes: usize) -> Duration {
    let text = policy(routes);
    let issuer = TestIssuer::new().unwrap();
    let case = "cases: [{ name: a, request: GET /a0/1, token: { scope: 'a0:read' }, expect: allow }]";
    let cases = Cases::from_yaml(case).unwrap();
    let begin = Instant::now();
    let policy = Policy::from_yaml(&text).unwrap();
    assert_eq!(policy.warnings().len(), 0);
    let places = RulePlaces::new(&policy, &text);
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    assert_eq!(builder.policy(policy).warnings().iter().count(), 0);
    let test = PolicyTest::new(Policy::from_yaml(&text).unwrap(), &cases).unwrap();
    let policy = test.policy();
    let mut coverage = Coverage::new(&policy, &places);
    for case in cases.iter() {
        coverage.record(test.run(case, TestIssuer::NOW).unwrap().explanation());
    }
    assert_eq!(coverage.reached(), 2);
    begin.elapsed()
}

#[test]
fn ten_thousand_routes_take_a_time_in_proportion_to_two_thousand() {
    let (mut short, mut long) = (Duration::MAX, Duration::MAX);
    // Other processes make single times longer, and the shortest of several less so.
    for _ in 0..8 {
        short = short.min(time_of(2_000));
        long = long.min(time_of(10_000));
        // Five times the routes; 25 times would be their square.
        if long < short * 9 {
            return;
        }
    }
    panic!("2,000 routes take {short:?}, and 10,000 take {long:?}");
}
