//! The structure of `upstream` and `upstreams`.

use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::credentials_document::{ApiKeyDocument, InternalAudienceDocument, TokenExchangeDocument};
use super::duration_text::duration;

/// An upstream as it is written: a URL, or a mapping with it.
#[derive(Debug)]
pub(super) enum UpstreamDocument {
    Url(String),
    Mapping(Box<UpstreamMapping>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- url: VALUE`")]
pub(super) struct UpstreamMapping {
    pub(super) url: Option<Spanned<OneOrMany<Spanned<String>>>>,
    pub(super) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) server_name: Option<Spanned<String>>,
    pub(super) pool: PoolDocument,
    pub(super) internal_token: Option<InternalAudienceDocument>,
    pub(super) api_key: Option<Spanned<ApiKeyDocument>>,
    pub(super) token_exchange: Option<Spanned<TokenExchangeDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PoolDocument {
    #[serde(deserialize_with = "duration")]
    pub(super) idle: Option<Spanned<String>>,
    pub(super) size: Option<Spanned<u32>>,
    #[serde(deserialize_with = "duration")]
    pub(super) lifetime: Option<Spanned<String>>,
}

impl UpstreamDocument {
    /// The first URL.
    pub(super) fn url(&self) -> &str {
        match self {
            UpstreamDocument::Url(url) => url,
            UpstreamDocument::Mapping(mapping) => mapping.first_url(),
        }
    }

    pub(super) fn mapping(&self) -> Option<&UpstreamMapping> {
        match self {
            UpstreamDocument::Url(_) => None,
            UpstreamDocument::Mapping(mapping) => Some(mapping),
        }
    }
}

impl UpstreamMapping {
    /// The first URL; empty where none is written.
    pub(super) fn first_url(&self) -> &str {
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
