//! Each preset at the tokens of the other issuer products.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use actgate::Error;
use actgate::profile::Profile;
use serde_json::Value;

use crate::fixture::Case;
use crate::gate::{Gate, NAMES};
use crate::reviewed::{REVIEWED, Reviewed};
use crate::{fixtures, folder};

/// Every fixture with every preset. A preset that is set at another issuer denies its tokens or reads the same facts, less of
/// them, or what was reviewed. No machine becomes a person and no ID token an access token, reviewed or not.
#[tokio::test]
async fn presets_at_the_tokens_of_other_issuers() {
    let gates: Vec<_> = Profile::names()
        .iter()
        .map(|name| (*name, Gate::with_preset(name)))
        .collect();
    let mut table = String::new();
    let mut misread = Vec::new();
    let mut different = BTreeSet::new();
    for issuer in Profile::names() {
        for fixture in fixtures(issuer) {
            let token = fixture.token();
            let mut outcomes = BTreeMap::<String, Vec<&str>>::new();
            for (preset, gate) in &gates {
                let got = gate.read("/any", &token).await;
                let is_misread = match (fixture.case, &got) {
                    (Some(Case::Machine), Ok(got)) => got["kind"] == "human",
                    (Some(Case::IdToken), Ok(_)) => true,
                    _ => false,
                };
                if is_misread {
                    misread.push(crossing(preset, issuer, &fixture.name, &outcome(&got)));
                }
                if got
                    .as_ref()
                    .is_ok_and(|got| !is_the_same(&fixture.expected(NAMES), got))
                {
                    different.insert(crossing(preset, issuer, &fixture.name, &outcome(&got)));
                }
                outcomes.entry(outcome(&got)).or_default().push(preset);
            }
            writeln!(table, "{issuer}: {}", fixture.name).unwrap();
            for (outcome, presets) in outcomes {
                writeln!(table, "    {outcome}: {}", presets.join(" ")).unwrap();
            }
        }
    }
    assert!(misread.is_empty(), "{}", misread.join("\n"));
    let reviewed = reviewed();
    let is_new = |crossing: &&String| !reviewed.contains_key(*crossing);
    let new: Vec<_> = different.iter().filter(is_new).collect();
    assert!(new.is_empty(), "not reviewed: {new:#?}");
    let is_past = |(crossing, _): &(&String, _)| !different.contains(*crossing);
    let past: Vec<_> = reviewed.iter().filter(is_past).collect();
    assert!(past.is_empty(), "reviewed, and no difference now: {past:#?}");
    let path = folder().join("crossings.txt");
    if fs::read_to_string(&path).unwrap_or_default() != table {
        let new = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crossings.txt");
        fs::write(&new, table).unwrap();
        panic!(
            "the decisions differ from the committed table; review them, and copy the new one:\n    cp {} {}",
            new.display(),
            path.display()
        );
    }
}

fn crossing(preset: &str, issuer: &str, fixture: &str, outcome: &str) -> String {
    format!("{preset} at {issuer}: {fixture}: {outcome}")
}

/// The reviewed crossings, each with its reason.
fn reviewed() -> BTreeMap<String, &'static str> {
    let one = |preset: &str, of: &Reviewed| (crossing(preset, of.issuer, of.fixture, of.outcome), of.reason);
    let each = |of: &'static Reviewed| of.presets.iter().map(move |preset| one(preset, of));
    REVIEWED.iter().flat_map(each).collect()
}

/// Whether the same parties and scopes are read as by the preset of the issuer. A kind can be unproven, and the client absent.
fn is_the_same(expected: &Value, got: &Value) -> bool {
    let is_equal = |member: &str| got[member] == expected[member];
    let is_denied = !expected["error"].is_null();
    !is_denied
        && ["subject", "actor", "prior", "depth", "scopes"]
            .into_iter()
            .all(is_equal)
        && ["kind", "actor_kind"]
            .into_iter()
            .all(|member| is_equal(member) || got[member] == "unknown")
        && (is_equal("client") || got["client"].is_null())
}

/// One line: the code of a denial, or the facts.
fn outcome(got: &Result<Value, Error>) -> String {
    let got = match got {
        Ok(got) => got,
        Err(error) => return format!("denied {}", error.code()),
    };
    let text = |member: &str| got[member].as_str().unwrap_or("-").to_owned();
    let mut line = format!("{} {}", text("kind"), text("subject"));
    if !got["actor"].is_null() {
        write!(line, ", actor {} {}", text("actor_kind"), text("actor")).unwrap();
    }
    let prior: Vec<_> = got["prior"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !prior.is_empty() {
        write!(line, ", prior {}", prior.join(" ")).unwrap();
    }
    write!(line, ", client {}", text("client")).unwrap();
    let scopes: Vec<_> = got["scopes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !scopes.is_empty() {
        write!(line, ", scopes {}", scopes.join(" ")).unwrap();
    }
    line
}
