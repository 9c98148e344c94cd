//! `actgate issuers`: the presets for the products that issue tokens.

use std::fmt;

use actgate::profile::{Kind, Profile, UnknownProfile};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::help::{WIDTH, wrapped};
use crate::cli::output::{Output, print, print_json};
use crate::cli::terminal::{faint, strong};
use crate::exit::{Context as _, Failure};

const HEADINGS: Row<'_> = ["name", "product", "kinds", "chain"];

/// The columns of the list but the last: the widest cell and a gap.
const WIDTHS: [usize; 3] = [19, 36, 7];

const NOTES: &str = "
kinds              those that claims of every token prove: h human, a agent,
                   s service; name other evidence with `kinds` of the issuer
complete           the chain has every actor since the initiator
actor-token-only   those of the actor token; those of the subject token are lost
outer-only         the current actor only
none               the issuer writes no `act`

Write `profile: NAME` in an entry of `issuers`. `actgate issuers show NAME`
prints what to configure at the issuer, and every part of the preset, as it can
be written and changed there.
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
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let indentation = if line.is_empty() { "" } else { "      " };
        entry.extend([indentation, line, "\n"]);
        if line == "about: >-" {
            // A break within a folded text is a space of it.
            let mut about = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
                about.extend([line, " "]);
            }
            entry.push_str(&wrapped(&about, "        ", WIDTH));
        }
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
    /// Evidence of each kind, in words.
    human: Vec<String>,
    agent: Vec<String>,
    service: Vec<String>,
    chain_completeness: String,
}

impl Preset {
    fn read(name: &'static str) -> Result<Preset, UnknownProfile> {
        let profile: Profile = name.parse()?;
        let evidence = |kind| profile.evidence(kind).collect();
        let chain_completeness = document(name)?.remove("chain_completeness");
        Ok(Preset {
            name,
            product: profile.product().to_owned(),
            about: profile.about().to_owned(),
            human: evidence(Kind::Human),
            agent: evidence(Kind::Agent),
            service: evidence(Kind::Service),
            chain_completeness: chain_completeness
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// A letter for each kind that it proves.
    fn kinds(&self) -> String {
        let evidence = [("h", &self.human), ("a", &self.agent), ("s", &self.service)];
        let letters = evidence.map(|(letter, evidence)| if evidence.is_empty() { "-" } else { letter });
        letters.join(" ")
    }
}

/// The list as a table for people.
struct List<'a>(&'a [Preset]);

/// The cells of one line.
type Row<'a> = [&'a str; 4];

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", faint(&line(HEADINGS)))?;
        for preset in self.0 {
            let kinds = preset.kinds();
            let line = line([preset.name, &preset.product, &kinds, &preset.chain_completeness]);
            let (name, rest) = line.split_at(preset.name.len());
            writeln!(f, "{}{rest}", strong(name))?;
        }
        f.write_str(NOTES)
    }
}

fn line([name, product, kinds, chain]: Row<'_>) -> String {
    let [first, second, third] = WIDTHS;
    format!("{name:first$}{product:second$}{kinds:third$}{chain}")
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
    fn the_list_names_every_preset_and_fits_80_columns() {
        let presets = presets();
        let text = anstream::adapter::strip_str(&List(&presets).to_string()).to_string();
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{text}");
        for preset in &presets {
            let row = |line: &str| line.split(' ').next() == Some(preset.name);
            assert_eq!(text.lines().filter(|line| row(line)).count(), 1, "{}", preset.name);
            let cells = [preset.name, &preset.product, &preset.kinds()].map(|cell| cell.chars().count());
            assert!(
                cells.iter().zip(WIDTHS).all(|(cell, width)| *cell < width),
                "{}",
                preset.name
            );
        }
        assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
    }

    #[test]
    fn the_text_about_a_preset_fits_80_columns() {
        for name in Profile::names() {
            let entry = entry(name).unwrap();
            let prose = entry
                .lines()
                .skip(2)
                .take_while(|line| !line.starts_with("      access_token"));
            assert!(prose.clone().count() > 2, "{entry}");
            for line in prose.filter(|line| line.starts_with("        ")) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
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
