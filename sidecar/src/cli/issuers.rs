//! `actgate issuers`: the presets for the products that issue tokens.

use std::fmt::{self, Write as _};

use actgate::profile::{Profile, UnknownProfile};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cli::output::{Output, print, print_json};
use crate::cli::terminal::{faint, strong};
use crate::exit::{Context as _, Failure};

/// The columns of the list without the gaps between them: at most 100 characters with those.
const WIDTHS: [usize; 5] = [17, 17, 19, 23, 16];
const HEADINGS: [&str; 5] = ["name", "for", "a person by", "a machine by", "chain"];
const GAP: usize = 2;

const NOTES: &str = "
-                 no claim proves it: name the evidence with `kinds` of the issuer
complete          the chain has every actor since the initiator
actor-token-only  those of the actor token; those of the subject token are lost
outer-only        the current actor only
none              the issuer writes no `act`

Write `profile: NAME` in an entry of `issuers`. `actgate issuers show NAME` prints what to configure
at the issuer, and every part of the preset, as it can be written and changed there.
";

/// Lists the presets on standard output.
pub(crate) fn list(output: Output) -> Result<(), Failure> {
    let presets: Result<Vec<Preset>, _> = Profile::names().iter().map(|name| Preset::read(name)).collect();
    let presets = presets.context("presets")?;
    match output {
        Output::Json => print_json(&json!({ "issuers": presets })),
        Output::Text => print(&List(&presets).to_string()),
    }
}

/// Prints one preset on standard output, as an entry of `issuers` has it.
pub(crate) fn show(name: &str, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => {
            let mut profile = document(name).context("preset")?;
            profile.insert("preset".to_owned(), name.into());
            print_json(&json!({ "profile": profile }))
        }
        Output::Text => print(&entry(name).context("preset")?),
    }
}

/// The key `profile` with every part, indented as in an entry of `issuers`.
fn entry(name: &str) -> Result<String, UnknownProfile> {
    let text = Profile::preset_document(name)?;
    let mut entry =
        format!("    profile:                          # the same as `profile: {name}`\n      preset: {name}\n");
    for line in text.lines() {
        let indentation = if line.is_empty() { "" } else { "      " };
        entry.extend([indentation, line, "\n"]);
    }
    Ok(entry)
}

/// The parts of a preset by their names.
fn document(name: &str) -> Result<Map<String, Value>, UnknownProfile> {
    let text = Profile::preset_document(name)?;
    Ok(actgate_yaml::read(text).value.unwrap_or_default())
}

/// What one preset means, in short.
#[derive(Serialize)]
struct Preset {
    name: &'static str,
    product: String,
    about: String,
    human: Vec<String>,
    agent: Vec<String>,
    service: Vec<String>,
    chain_completeness: String,
}

impl Preset {
    fn read(name: &'static str) -> Result<Preset, UnknownProfile> {
        let document = document(name)?;
        let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = text("about");
        let kind = |kind: &str| alternatives(document.get("kinds").and_then(|kinds| kinds.get(kind)));
        Ok(Preset {
            name,
            product: product(&about).to_owned(),
            human: kind("human"),
            agent: kind("agent"),
            service: kind("service"),
            chain_completeness: text("chain_completeness"),
            about,
        })
    }
}

/// The product at the beginning of what a preset says about itself.
fn product(about: &str) -> &str {
    let ends = [", ", ". ", "; ", ": ", " with ", " from "]
        .iter()
        .filter_map(|end| about.find(end));
    let end = ends.min().unwrap_or(about.len());
    about[..end].trim_end_matches('.')
}

/// Each item of a list of evidence in a few words.
fn alternatives(list: Option<&Value>) -> Vec<String> {
    let items = match list {
        None => &[],
        Some(Value::Array(items)) => &items[..],
        Some(item) => std::slice::from_ref(item),
    };
    let mut alternatives: Vec<String> = Vec::new();
    for evidence in items.iter().map(evidence) {
        if !alternatives.contains(&evidence) {
            alternatives.push(evidence);
        }
    }
    alternatives
}

/// What one item of evidence reads. Tests of what is not there are left out beside others.
fn evidence(item: &Value) -> String {
    let mut parts = Vec::new();
    for key in ["subject", "client"] {
        parts.extend(item.get(key).map(|value| format!("{key} {}", first(value))));
    }
    let claims = item.get("claims").and_then(Value::as_object).into_iter().flatten();
    let tests = claims.filter_map(|(claim, test)| Some((claim, Test::deserialize(test).ok()?)));
    let (positive, negative): (Vec<_>, Vec<_>) = tests.partition(|(_, test)| !test.is_negative());
    let tests = if positive.is_empty() && parts.is_empty() {
        negative
    } else {
        positive
    };
    parts.extend(tests.into_iter().map(|(claim, test)| test.in_words(claim)));
    parts.join(", ")
}

/// A test on a claim, as a profile has it.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Test {
    Present(bool),
    Absent(bool),
    Prefix(Value),
    Suffix(Value),
    NotPrefix(Value),
    Word(Value),
    NotWord(Value),
    Facet(Value),
    NotFacet(Value),
    Contains(Value),
    EntityProfile(Value),
    SameAs(Value),
    NotSameAs(Value),
    #[serde(untagged)]
    Equals(Value),
}

impl Test {
    fn is_negative(&self) -> bool {
        match self {
            Test::Absent(_) | Test::NotPrefix(_) | Test::NotWord(_) | Test::NotFacet(_) | Test::NotSameAs(_) => true,
            Test::Present(_) | Test::Prefix(_) | Test::Suffix(_) | Test::Word(_) | Test::Facet(_) => false,
            Test::Contains(_) | Test::EntityProfile(_) | Test::SameAs(_) | Test::Equals(_) => false,
        }
    }

    /// In a few words, such as `idtyp: user`.
    fn in_words(&self, claim: &str) -> String {
        match self {
            Test::Present(_) => claim.to_owned(),
            Test::Absent(_) => format!("no {claim}"),
            Test::Prefix(value) => format!("{claim}: {}*", first(value)),
            Test::Suffix(value) => format!("{claim}: *{}", first(value)),
            Test::NotPrefix(value) => format!("{claim}: not {}*", first(value)),
            Test::NotWord(value) | Test::NotFacet(value) => format!("{claim}: not {}", first(value)),
            Test::SameAs(value) => format!("{claim} = {}", first(value)),
            Test::NotSameAs(value) => format!("{claim} ≠ {}", first(value)),
            Test::Word(value)
            | Test::Facet(value)
            | Test::Contains(value)
            | Test::EntityProfile(value)
            | Test::Equals(value) => format!("{claim}: {}", first(value)),
        }
    }
}

/// A value, or the first one of a list.
fn first(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => match &items[..] {
            [] => String::new(),
            [only] => first(only),
            [one, ..] => format!("{}, …", first(one)),
        },
        other => other.to_string(),
    }
}

/// The list as a table for people.
struct List<'a>(&'a [Preset]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_row(f, &HEADINGS.map(str::to_owned), [faint, faint])?;
        for preset in self.0 {
            let machine: Vec<&str> = preset.agent.iter().chain(&preset.service).map(String::as_str).collect();
            let human: Vec<&str> = preset.human.iter().map(String::as_str).collect();
            let proof = |alternatives: &[&str]| match alternatives {
                [] => "-".to_owned(),
                some => some.join(", or "),
            };
            let cells = [
                preset.name.to_owned(),
                preset.product.clone(),
                proof(&human),
                proof(&machine),
                preset.chain_completeness.clone(),
            ];
            write_row(f, &cells, [strong, str::to_owned])?;
        }
        f.write_str(NOTES)
    }
}

/// The style of the first cell of a row, and that of the others.
type Styles = [fn(&str) -> String; 2];

/// Writes a row of as many lines as its longest cell has.
fn write_row(f: &mut fmt::Formatter<'_>, cells: &[String; 5], [first, others]: Styles) -> fmt::Result {
    let cells: Vec<Vec<String>> = cells
        .iter()
        .zip(WIDTHS)
        .map(|(cell, width)| wrapped(cell, width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..height {
        let mut row = String::new();
        let mut missing = 0;
        for (column, (lines, width)) in cells.iter().zip(WIDTHS).enumerate() {
            let text = lines.get(line).map_or("", String::as_str);
            if !text.is_empty() {
                let _ = write!(row, "{:missing$}", "");
                missing = 0;
                row.push_str(&if column == 0 { first(text) } else { others(text) });
            }
            missing += width - text.chars().count() + GAP;
        }
        writeln!(f, "{row}")?;
    }
    Ok(())
}

/// A text in lines of at most `width` characters, broken at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.len() <= width => {
                line.push(' ');
                line.extend(word);
            }
            _ => {
                while word.len() > width {
                    lines.push(word.drain(..width).collect());
                }
                lines.push(word.into_iter().collect());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presets() -> Vec<Preset> {
        Profile::names()
            .iter()
            .map(|name| Preset::read(name).unwrap())
            .collect()
    }

    #[test]
    fn the_list_names_every_preset_and_fits_100_columns() {
        let presets = presets();
        let text = anstream::adapter::strip_str(&List(&presets).to_string()).to_string();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{text}");
        for preset in &presets {
            let row = |line: &str| line.split(' ').next() == Some(preset.name);
            assert_eq!(text.lines().filter(|line| row(line)).count(), 1, "{}", preset.name);
            assert!(
                (3..60).contains(&preset.product.len()),
                "{}: {}",
                preset.name,
                preset.product
            );
        }
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }

    #[test]
    fn evidence_is_shown_by_the_claims_that_must_be_there() {
        for (evidence, expected) in [
            ("[]", ""),
            ("{ claims: { aut: AGENT } }", "aut: AGENT"),
            (
                "[{ claims: { sid: { present: true }, name: { not_prefix: svc- } } }]",
                "sid",
            ),
            ("[{ claims: { sub: { absent: true } } }]", "no sub"),
            ("[{ claims: { name: { not_prefix: svc- } } }]", "name: not svc-*"),
            (
                "[{ subject: ['a|*', 'b|*'] }, { client: batch }]",
                "subject a|*, … | client batch",
            ),
            ("[{ claims: { sub: { same_as: cid } } }]", "sub = cid"),
            (
                "[{ claims: { fct: { facet: 11 } } }, { claims: { fct: { facet: 11 } } }]",
                "fct: 11",
            ),
            ("[{ claims: { grant_type: [code] } }]", "grant_type: code"),
        ] {
            let list: Option<Value> = actgate_yaml::read(evidence).value;
            assert_eq!(alternatives(list.as_ref()).join(" | "), expected, "{evidence}");
        }
    }

    #[test]
    fn the_product_begins_what_a_preset_says_about_itself() {
        for (about, expected) in [
            ("Keycloak. Access tokens", "Keycloak"),
            ("Okta, a custom server.", "Okta"),
            (
                "Spring Authorization Server with self-contained tokens",
                "Spring Authorization Server",
            ),
            ("ThunderID.", "ThunderID"),
        ] {
            assert_eq!(product(about), expected);
        }
    }

    #[test]
    fn a_preset_that_is_pasted_into_an_entry_of_issuers_is_the_preset() {
        for name in Profile::names() {
            let text = entry(name).unwrap();
            let profile = text
                .lines()
                .skip(1)
                .map(|line| line.strip_prefix("      ").unwrap_or(line));
            let profile = profile.collect::<Vec<_>>().join("\n");
            assert_eq!(Profile::from_yaml(&profile).unwrap(), name.parse().unwrap(), "{name}");
        }
    }
}
