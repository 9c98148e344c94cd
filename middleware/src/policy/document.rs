//! The written form of a policy.

use std::collections::BTreeMap;
use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::rules::{ROUTE_KEYS, RequirementDocument};

/// A policy as a document of its own.
#[derive(Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(super) struct Document {
    pub(super) requirements: Requirements,
    pub(super) routes: Routes,
}

/// A policy as part of a larger document, whose other members are ignored.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Members {
    requirements: Requirements,
    routes: Routes,
}

pub(super) type Requirements = BTreeMap<String, Spanned<RequirementDocument>>;
type Routes = Vec<Spanned<RouteDocument>>;

/// A route: where it applies, and its requirement.
#[derive(Debug)]
pub(super) struct RouteDocument {
    pub(super) matches: OneOrMany<Spanned<String>>,
    pub(super) public: bool,
    pub(super) requirement: RequirementDocument,
}

impl From<Members> for Document {
    fn from(Members { requirements, routes }: Members) -> Self {
        Document { requirements, routes }
    }
}

impl<'de> Deserialize<'de> for RouteDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Route;
        impl<'de> Visitor<'de> for Route {
            type Value = RouteDocument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RouteDocument, A::Error> {
                let mut keys = RouteKeys {
                    map,
                    matches: None,
                    public: false,
                };
                let requirement = RequirementDocument::deserialize(MapAccessDeserializer::new(&mut keys))?;
                Ok(RouteDocument {
                    matches: keys.matches.ok_or_else(|| A::Error::missing_field("match"))?,
                    public: keys.public,
                    requirement,
                })
            }
        }
        deserializer.deserialize_map(Route)
    }
}

/// The keys of a route: keeps its own two, and hands on those of its requirement.
struct RouteKeys<A> {
    map: A,
    matches: Option<OneOrMany<Spanned<String>>>,
    public: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for &mut RouteKeys<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            match &*key {
                "match" => self.matches = Some(self.map.next_value()?),
                "public" => self.public = self.map.next_value()?,
                key if ROUTE_KEYS.contains(&key) => return seed.deserialize(StrDeserializer::new(key)).map(Some),
                key => return Err(A::Error::unknown_field(key, ROUTE_KEYS)),
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
