//! Before the start, at the start, and in place of another authorizer.

use std::time::Duration;

use actgate::clock::FixedClock;
use actgate::introspection::{IntrospectedTokens, Introspection};
use actgate::keys::KeySource;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, ConfigError, Error, Policy, TrustedIssuer};
use serde_json::json;

use crate::answering::{Answering, POLICY, decide};

#[tokio::test(start_paused = true)]
async fn an_authorizer_in_place_of_another_keeps_the_answers_of_an_endpoint_of_the_same_name() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    answering.activate("a", json!({}));
    let built = |name: &str, cache| {
        let introspection = Introspection::new(answering.clone()).named(name);
        let introspection = introspection.cache(Duration::from_secs(cache)).unwrap();
        let trusted = issuer
            .trusted(TestIssuer::AUDIENCE)
            .unwrap()
            .introspection(introspection);
        let builder = Authorizer::builder()
            .issuer(trusted)
            .clock(FixedClock::at(TestIssuer::NOW));
        builder.policy(Policy::from_yaml(POLICY).unwrap()).build().unwrap()
    };
    let asked = async |authorizer: &Authorizer| {
        assert_eq!(decide(authorizer, "/orders", "a").await.outcome(), Ok(()));
        answering.count()
    };
    let mut running = built("one", 60).start().unwrap();
    assert_eq!(asked(&running).await, 1);
    for (name, cache, expected) in [("one", 60, 1), ("one", 30, 2), ("two", 30, 3), ("two", 30, 3)] {
        running = built(name, cache).in_place_of(&running).start().unwrap();
        assert_eq!(asked(&running).await, expected, "{name} {cache}");
    }
}

#[tokio::test]
async fn before_the_start_there_is_no_answer() {
    let (issuer, answering) = (TestIssuer::new().unwrap(), Answering::default());
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted.introspection(Introspection::new(answering.clone()));
    let builder = Authorizer::builder()
        .issuer(trusted)
        .policy(Policy::from_yaml(POLICY).unwrap());
    let built = builder.build().unwrap();
    let decision = decide(&built, "/orders", "a").await;
    assert_eq!(decision.error().map(Error::code), Some("introspection_unavailable"));
    assert_eq!(answering.count(), 0);
    let started = std::thread::spawn(move || built.start().err()).join().unwrap();
    assert_eq!(started, Some(ConfigError::NoRuntime));
}

#[test]
fn one_issuer_can_have_opaque_tokens() {
    let trusted = |name: &str, tokens| {
        let issuer = TrustedIssuer::discover(name).unwrap().audience("a").unwrap();
        issuer.introspection(Introspection::new(Answering::default()).tokens(tokens))
    };
    let check = |second| {
        let builder = Authorizer::builder().policy(Policy::from_yaml(POLICY).unwrap());
        let builder = builder.issuer(trusted("https://a.example", IntrospectedTokens::Opaque));
        builder.issuer(trusted("https://b.example", second)).check()
    };
    assert!(
        !check(IntrospectedTokens::Signed)
            .iter()
            .any(|error| matches!(error, ConfigError::OpaqueTokens { .. }))
    );
    for second in [IntrospectedTokens::Opaque, IntrospectedTokens::All] {
        assert!(
            check(second)
                .iter()
                .any(|error| matches!(error, ConfigError::OpaqueTokens { .. }))
        );
    }
}

#[test]
fn keys_that_are_to_be_fetched_need_a_runtime() {
    let source = KeySource::JwksUri("http://127.0.0.1:1/jwks".to_owned());
    let trusted = TrustedIssuer::new("https://a.example", source).unwrap();
    let builder = Authorizer::builder().issuer(trusted.audience("a").unwrap());
    let policy = Policy::from_yaml("routes: [{ match: GET /orders }]").unwrap();
    let built = builder.policy(policy).build().unwrap();
    assert_eq!(built.start().err(), Some(ConfigError::NoRuntime));
}

#[test]
fn times_out_of_range_are_errors() {
    let introspection = || Introspection::new(Answering::default());
    for (milliseconds, cache, timeout) in [
        (9, false, false),
        (10, true, true),
        (60_000, true, true),
        (60_001, true, false),
        (3_600_000, true, false),
        (3_600_001, false, false),
    ] {
        let time = Duration::from_millis(milliseconds);
        let found = (
            introspection().cache(time).is_ok(),
            introspection().timeout(time).is_ok(),
        );
        assert_eq!(found, (cache, timeout), "{milliseconds} ms");
    }
}
