//! The presets as profiles.

use std::str::FromStr;
use std::sync::OnceLock;

use serde::de::{Deserialize, Deserializer};

use super::document::ProfileDocument;
use super::presets::{ALL, NAMES, PresetName, UnknownProfile};
use super::{Profile, ProfileError};

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = ProfileDocument::deserialize(deserializer)?;
        let preset = preset(document.preset());
        Ok(document.with_preset(preset))
    }
}

/// The preset with every part.
fn preset(PresetName(index): PresetName) -> Profile {
    static READ: [OnceLock<Profile>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
    let (Some((name, text)), Some(read)) = (ALL.get(index), READ.get(index)) else {
        return Profile::accepting_nothing();
    };
    let profile = read.get_or_init(|| {
        // A test reads every document. One that could not be read would accept no token.
        let mut profile = complete(text).unwrap_or_else(|_| Profile::accepting_nothing());
        profile.name = Some(name);
        profile
    });
    profile.clone()
}

fn complete(text: &str) -> Result<Profile, ProfileError> {
    let document = ProfileError::check(actgate_yaml::read::<ProfileDocument>(text))?;
    Ok(document.complete().unwrap_or_else(Profile::accepting_nothing))
}

impl Profile {
    /// The names of all presets.
    pub fn names() -> &'static [&'static str] {
        NAMES
    }

    /// The document of a preset, with every part and comments: what `profile` of an issuer could contain.
    pub fn preset_document(name: &str) -> Result<&'static str, UnknownProfile> {
        let found = ALL.iter().find(|(preset, _)| *preset == name);
        found.map(|(_, text)| *text).ok_or(UnknownProfile)
    }
}

/// RFC 9068, with kinds from `sub_profile` (OAuth Entity Profiles, draft -01).
impl Default for Profile {
    fn default() -> Self {
        preset(PresetName::default())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        name.parse().map(preset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_every_part_and_is_found_by_its_name_alone() {
        for (name, text) in ALL {
            let document = ProfileError::check(actgate_yaml::read::<ProfileDocument>(text));
            let document = document.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(document.complete().is_some(), "{name} lacks a part");
            assert_eq!(name.parse::<Profile>().unwrap().preset(), Some(*name));
            assert!(!text.starts_with("preset:") && !text.contains("\npreset:"), "{name}");
        }
        for name in ["", "RFC9068", "rfc9068 ", "rfc-9068", "none"] {
            assert_eq!(name.parse::<Profile>(), Err(UnknownProfile), "{name:?}");
        }
    }

    #[test]
    fn another_name_of_a_product_has_its_preset_as_help() {
        for (name, preset) in [
            ("azure", "entra"),
            ("Entra-ID", "entra"),
            ("github", "github-actions"),
            ("k8s", "kubernetes"),
        ] {
            let error = Profile::from_yaml(&format!("preset: {name}")).unwrap_err().to_string();
            let expected = format!("1:9: unknown word `{name}`\n  help: the preset is named `{preset}`");
            assert_eq!(error, expected);
        }
    }
}
