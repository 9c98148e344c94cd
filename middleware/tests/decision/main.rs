//! What an authorizer decides and explains, by the public interface of the library.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a request that cannot be made fails the test"
)]

mod bodies;
mod explained;
mod policies;
mod requirements;

use actgate::clock::FixedClock;
use actgate::policy::Check;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, AuthorizerBuilder, Explanation, Policy};
use http::{Method, Uri};

fn policy(text: &str) -> Policy {
    Policy::from_yaml(text).unwrap()
}

/// A builder that trusts `issuer`, at a fixed time.
fn builder(issuer: &TestIssuer, text: &str) -> AuthorizerBuilder {
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    builder.policy(policy(text)).clock(FixedClock::at(TestIssuer::NOW))
}

fn explain(authorizer: &Authorizer, request: &str, token: &str) -> Explanation {
    let (method, uri) = request.split_once(' ').unwrap();
    let (method, uri) = (method.parse::<Method>().unwrap(), uri.parse::<Uri>().unwrap());
    let target = Target::with_escaped_slashes(&method, &uri).unwrap();
    authorizer.explain(&Presented::token(&target, token), TestIssuer::NOW)
}

fn check<'e>(explanation: &'e Explanation, rule: &str) -> &'e Check {
    let mut checks = explanation.checks().iter();
    checks
        .find(|check| check.rule == rule)
        .unwrap_or_else(|| panic!("no check `{rule}`"))
}
