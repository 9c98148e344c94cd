//! The structure of `upstream` and `upstreams`.

use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::credentials::{ApiKeyDocument, InternalAudienceDocument, TokenExchangeDocument};
use super::duration::duration;

/// An upstream as it is written: a URL, or a mapping with it.
#[derive(Debug)]
pub(crate) enum UpstreamDocument {
    Url(String),
    Mapping(Box<UpstreamMapping>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- url: VALUE`")]
pub(crate) struct UpstreamMapping {
    pub(crate) url: Option<Spanned<OneOrMany<Spanned<String>>>>,
    pub(crate) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) ca_file: Option<Spanned<String>>,
    pub(crate) certificate: Option<Spanned<String>>,
    pub(crate) key: Option<Spanned<String>>,
    pub(crate) server_name: Option<Spanned<String>>,
    pub(crate) pool: PoolDocument,
    pub(crate) internal_token: Option<InternalAudienceDocument>,
    pub(crate) api_key: Option<Spanned<ApiKeyDocument>>,
    pub(crate) token_exchange: Option<Spanned<TokenExchangeDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PoolDocument {
    #[serde(deserialize_with = "duration")]
    pub(crate) idle: Option<Spanned<String>>,
    pub(crate) size: Option<Spanned<u32>>,
    #[serde(deserialize_with = "duration")]
    pub(crate) lifetime: Option<Spanned<String>>,
}

impl UpstreamDocument {
    /// The first URL.
    pub(crate) fn url(&self) -> &str {
        match self {
            UpstreamDocument::Url(url) => url,
            UpstreamDocument::Mapping(mapping) => mapping.first_url(),
        }
    }

    pub(crate) fn mapping(&self) -> Option<&UpstreamMapping> {
        match self {
            UpstreamDocument::Url(_) => None,
            UpstreamDocument::Mapping(mapping) => Some(mapping),
        }
    }
}

impl UpstreamMapping {
    /// The first URL; empty where none is written.
    pub(crate) fn first_url(&self) -> &str {
        let first = self.url.as_ref().and_then(|url| url.value.first());
        first.map_or("", |url| url.value.as_str())
    }
}

impl<'de> Deserialize<'de> for UpstreamDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UrlOrMapping;
        impl<'de> Visitor<'de> for UrlOrMapping {
            type Value = UpstreamDocument;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL\nwrite the URL of the API, or a mapping with `url`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<UpstreamDocument, E> {
                Ok(UpstreamDocument::Url(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UpstreamDocument, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(UpstreamDocument::Mapping)
            }
        }
        deserializer.deserialize_any(UrlOrMapping)
    }
}
