//! Tokens of issuer products, one file for each preset.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::profile::for_each_preset;

/// The presets with the fixtures of each.
macro_rules! fixtures {
    ($($preset:literal,)*) => {
        const ALL: &[(&str, &str)] = &[$(($preset, include_str!(concat!("../../tests/profiles/", $preset, ".json"))),)*];
    };
}

for_each_preset!(fixtures);

/// A token of a product. `{issuer}` and `{audience}` in its claims are those of the gate; a claim `{absent}` is not in it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Fixture {
    /// What every preset has a fixture of: `human`, `machine`, `delegated`, `id-token`.
    case: Option<String>,
    name: String,
    #[serde(default)]
    header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl Fixture {
    /// The `typ` in the header; [`None`] for a header without it.
    pub(super) fn header_type(&self) -> Option<&str> {
        self.header.get("typ")?.as_str()
    }
}

/// The fixtures of a preset, in the order of their file.
pub(super) fn of(preset: &str) -> Vec<Fixture> {
    let text = ALL.iter().find(|(name, _)| *name == preset).map(|(_, text)| *text);
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The fixture of a preset: the first of a word, or the one of a whole name.
pub(super) fn named(preset: &str, name: &str) -> Option<Fixture> {
    let is_named = |fixture: &Fixture| fixture.case.as_deref() == Some(name) || fixture.name == name;
    of(preset).into_iter().find(is_named)
}

/// What `fixture` of a token can be for a preset: words first, then whole names; none for an unknown preset.
///
/// ```
/// use actgate::analysis::fixture_names;
///
/// let names = fixture_names("keycloak");
/// assert!(names.iter().any(|name| name == "human"));
/// assert!(names.iter().any(|name| name == "a service account"));
/// ```
pub fn fixture_names(preset: &str) -> Vec<String> {
    let fixtures = of(preset);
    let mut names: Vec<String> = Vec::new();
    let words = fixtures.iter().filter_map(|fixture| fixture.case.as_ref());
    for name in words.chain(fixtures.iter().map(|fixture| &fixture.name)) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn every_preset_has_the_fixtures_that_are_named_by_a_word() {
        for preset in Profile::names() {
            for word in ["human", "machine", "delegated", "id-token"] {
                assert!(named(preset, word).is_some(), "{preset}: {word}");
            }
        }
        assert!(fixture_names("no-such-preset").is_empty());
    }
}
