//! The presets, by the tokens that each issuer product writes: one JSON file of fixtures for each, and `others.json` for
//! products without a preset. Each token goes through the layer.
//!
//! In a fixture `{issuer}` and `{audience}` are those that the layer trusts, `{absent}` is a claim that is left out, and
//! `iss`, `aud` and `exp` are added where they are not written. The trust domain `td.example` is trusted too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that cannot be read fails the test"
)]

mod crossings;
mod fixture;
mod gate;
mod media_types;
mod reviewed;

use std::path::PathBuf;

use actgate::profile::{Kind, Profile};

use fixture::{Case, Fixture};
use gate::Gate;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/profiles")
}

fn fixtures(name: &str) -> Vec<Fixture> {
    fixture::read(&folder(), name)
}

#[tokio::test]
async fn every_preset_reads_its_fixtures() {
    let mut wrong = Vec::new();
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        for fixture in fixtures(name) {
            wrong.extend(gate.compare(name, &fixture).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn tokens_of_other_products_are_read_with_a_profile_of_the_owner() {
    let mut wrong = Vec::new();
    for fixture in fixtures("others") {
        let profile = fixture.profile.as_deref().unwrap();
        let profile = Profile::from_yaml(profile).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        wrong.extend(Gate::new(profile).compare("others", &fixture).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_preset_has_a_fixture_of_each_case() {
    for name in Profile::names() {
        let fixtures = fixtures(name);
        for case in [Case::Human, Case::Machine, Case::Delegated, Case::IdToken, Case::Trap] {
            let found = fixtures.iter().any(|fixture| fixture.case == Some(case));
            assert!(found, "{name} has no fixture of {case:?}");
        }
    }
}

#[tokio::test]
async fn a_person_initiates_where_the_preset_can_prove_it_and_no_machine_does() {
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        let proves = name.parse::<Profile>().unwrap().can_prove(Kind::Human);
        for fixture in fixtures(name) {
            let is_allowed = gate.read("/human", &fixture.token()).await.is_ok();
            match fixture.case {
                Some(Case::Human) => assert_eq!(is_allowed, proves, "{name}: {}", fixture.name),
                Some(Case::Machine | Case::IdToken) => assert!(!is_allowed, "{name}: {}", fixture.name),
                _ => assert_eq!(
                    is_allowed,
                    fixture.expect["kind"] == "human",
                    "{name}: {}",
                    fixture.name
                ),
            }
        }
    }
}
