//! The structure of an entry of `resources`.

use std::collections::BTreeMap;
use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// An API behind the gate, with its own audience.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- resource: VALUE`")]
#[cfg_attr(test, schemars(extend("required" = ["resource"])))]
pub(in crate::config) struct ResourceDocument {
    /// The identifier of the resource: an https URL.
    /// Example: `https://api.example.com/orders`
    pub(in crate::config) resource: Option<Spanned<String>>,
    /// Further values of `aud`, beside the resource. One under an issuer is in place of all others in the tokens of that
    /// issuer.
    /// Example: `[orders]`
    pub(in crate::config) audience: Option<OneOrMany<Spanned<ResourceAudience>>>,
    /// The hosts that requests name, on every port. Default: any.
    /// Example: `[api.example.com]`
    pub(in crate::config) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    /// This path and every path below it.
    /// Example: `/orders`
    pub(in crate::config) path: Option<Spanned<String>>,
    /// The name of the resource in its metadata.
    /// Example: `Orders`
    pub(in crate::config) name: Option<Spanned<String>>,
    /// The documentation of the resource in its metadata.
    /// Example: `https://docs.example.com/orders`
    pub(in crate::config) documentation: Option<Spanned<String>>,
    /// The scopes in the metadata, from which no rule follows. Default: those of the routes below the path.
    /// Example: `['orders:read']`
    pub(in crate::config) scopes_supported: Option<Vec<Spanned<String>>>,
    /// The authorization servers in the metadata. Default: the issuers where clients can obtain tokens by OAuth.
    /// Example: `['https://idp.example.com']`
    pub(in crate::config) authorization_servers: Option<Vec<Spanned<String>>>,
    /// Where the metadata is published, if not here.
    /// Example: `https://docs.example.com/orders/metadata`
    pub(in crate::config) resource_metadata: Option<Spanned<String>>,
}

/// An audience of a resource.
#[derive(Debug)]
pub(in crate::config) enum ResourceAudience {
    /// In the tokens of each issuer that is not named beside it.
    OfEach(String),
    /// In the tokens of the issuers that are the keys.
    Of(BTreeMap<String, Spanned<OneOrMany<Spanned<String>>>>),
}

#[cfg(test)]
actgate_yaml::schema_of! { |generator|
    /// An audience, or one under the issuer whose tokens have it.
    ResourceAudience = "ResourceAudience", { "anyOf": [
        { "type": "string", "minLength": 1 },
        { "type": "object", "additionalProperties": generator.subschema_for::<OneOrMany<String>>() },
    ] };
}

impl<'de> Deserialize<'de> for ResourceAudience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrMapping;
        impl<'de> Visitor<'de> for TextOrMapping {
            type Value = ResourceAudience;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text\nwrite an audience, or `{ ISSUER: AUDIENCE }` for the tokens of one issuer")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ResourceAudience, E> {
                Ok(ResourceAudience::OfEach(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResourceAudience, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(ResourceAudience::Of)
            }
        }
        deserializer.deserialize_any(TextOrMapping)
    }
}
