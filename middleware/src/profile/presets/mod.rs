//! The presets by name: one document for each issuer product.

use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A name, and the document with every part.
macro_rules! presets {
    ($($name:literal,)*) => {
        pub(super) const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!($name, ".yaml"))),)*];
        pub(super) const NAMES: &[&str] = &[$($name,)*];
    };
}

/// Calls a macro with the name of each preset.
macro_rules! for_each_preset {
    ($callback:ident) => {
        $callback! {
            "rfc9068",
            "actor-profile",
            "ping-aic",
            "pingam",
            "pingone",
            "thunderid",
            "keycloak",
            "auth0",
            "okta",
            "entra",
            "cognito",
            "wso2",
            "zitadel",
            "duende",
            "hydra",
            "authentik",
            "spring",
            "pingfederate",
            "cloudflare-access",
            "kubernetes",
            "spiffe",
            "github-actions",
            "gitlab",
        }
    };
}
pub(crate) use for_each_preset;

for_each_preset!(presets);

/// One of the presets, by its place in the list. The first is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PresetName(pub(super) usize);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The name of a preset. `actgate issuers` lists them.
    PresetName = "Preset", { "enum": NAMES };
}

impl FromStr for PresetName {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let index = NAMES.iter().position(|preset| *preset == name);
        index.map(PresetName).ok_or(UnknownProfile)
    }
}

impl<'de> Deserialize<'de> for PresetName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(|_| match other_name(&name) {
            Some(preset) => D::Error::custom(format!("unknown word `{name}`\nthe preset is named `{preset}`")),
            None => D::Error::unknown_variant(&name, NAMES),
        })
    }
}

/// The preset that another name of its product means.
fn other_name(name: &str) -> Option<&'static str> {
    let folded = name.to_ascii_lowercase().replace(['-', '_', ' '], "");
    Some(match &*folded {
        "aad" | "azure" | "azuread" | "entraid" | "microsoft" | "microsoftentra" => "entra",
        "amazoncognito" | "aws" | "awscognito" => "cognito",
        "asgardeo" => "wso2",
        "cloudflare" => "cloudflare-access",
        "default" | "jwt" | "oauth2" | "oidc" => "rfc9068",
        "forgerock" | "openam" => "pingam",
        "github" => "github-actions",
        "gitlabci" => "gitlab",
        "identityserver" => "duende",
        "k8s" => "kubernetes",
        "ory" | "oryhydra" => "hydra",
        "pingidentity" => "pingone",
        "spire" => "spiffe",
        "springauthorizationserver" | "springsecurity" => "spring",
        _ => return None,
    })
}

/// The name is not the name of a preset; the message lists those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown profile; expected one of {}", NAMES.join(", "))]
pub struct UnknownProfile;
