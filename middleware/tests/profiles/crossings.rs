//! Each preset at the tokens of the other issuer products.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use actgate::Error;
use actgate::profile::Profile;
use serde_json::Value;

use crate::fixture::Case;
use crate::gate::Gate;
use crate::{fixtures, folder};

/// Every fixture with every preset. A preset that is set at another issuer denies its tokens or reads the same facts: no
/// machine becomes a person, no ID token an access token, no party another one.
#[tokio::test]
async fn presets_at_the_tokens_of_other_issuers() {
    let gates: Vec<_> = Profile::names()
        .iter()
        .map(|name| (*name, Gate::with_preset(name)))
        .collect();
    let mut table = String::new();
    let mut misread = Vec::new();
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
                    misread.push(format!("{preset} at {issuer}: {}: {}", fixture.name, outcome(&got)));
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
