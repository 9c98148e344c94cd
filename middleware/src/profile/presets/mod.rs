//! The presets by name: one file for each issuer product.

mod keycloak;
mod rfc9068;

use std::str::FromStr;

use super::Profile;
use keycloak::KEYCLOAK;
use rfc9068::RFC9068;

const ALL: [Profile; 2] = [RFC9068, KEYCLOAK];

const NAMES: [&str; ALL.len()] = [RFC9068.name, KEYCLOAK.name];

impl Profile {
    /// The names of all presets.
    pub fn names() -> &'static [&'static str] {
        &NAMES
    }
}

/// RFC 9068, with kinds from `sub_profile` (OAuth Entity Profiles, draft -01).
impl Default for Profile {
    fn default() -> Self {
        RFC9068
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let mut presets = ALL.into_iter();
        presets.find(|preset| preset.name == name).ok_or(UnknownProfile)
    }
}

impl<'de> serde::Deserialize<'de> for Profile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse()
            .map_err(|_| serde::de::Error::unknown_variant(&name, Profile::names()))
    }
}

/// The name is not the name of a preset; the message lists those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile; expected one of {}", NAMES.join(", "))]
pub struct UnknownProfile;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_found_by_its_name_alone() {
        for name in Profile::names() {
            assert_eq!(name.parse::<Profile>().unwrap().name(), *name);
        }
        for name in ["", "RFC9068", "rfc9068 ", "rfc-9068", "none"] {
            assert_eq!(name.parse::<Profile>(), Err(UnknownProfile), "{name:?}");
        }
    }
}
