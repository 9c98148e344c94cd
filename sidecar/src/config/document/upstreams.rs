//! The structure of `upstream` and `upstreams`.

use std::fmt;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::credentials::{ApiKeyDocument, InternalAudienceDocument, TokenExchangeDocument};
use super::duration::duration;
#[cfg(test)]
use super::schema;

/// An upstream as it is written: a URL, or a mapping with it.
#[derive(Debug)]
pub(crate) enum UpstreamDocument {
    Url(String),
    Mapping(Box<UpstreamMapping>),
}

#[cfg(test)]
actgate_yaml::schema_of! { |generator|
    /// The URL of the API, or a mapping with it.
    UpstreamDocument = "UpstreamDocument", { "anyOf": [{ "type": "string", "minLength": 1 }, generator.subschema_for::<UpstreamMapping>()] };
}

/// An API behind the gate.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- url: VALUE`")]
pub(crate) struct UpstreamMapping {
    /// Its URL, or a list of one scheme: addresses of one service, which receive requests in turn. One that cannot be
    /// reached is left out for 1s to 30s.
    /// Example: `https://api.internal`
    pub(crate) url: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// The hosts of the requests that it receives, on every port. In `upstreams` alone. Default: any.
    /// Example: `[grpc.example.com]`
    pub(crate) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    /// The path of the requests that it receives, and every path below it. In `upstreams` alone.
    /// Example: `/shop.Orders`
    pub(crate) path: Option<Spanned<String>>,
    /// Roots (PEM) for this upstream alone, read again when the file changes. Default: those of the system.
    /// Example: `ca.crt`
    pub(crate) ca_file: Option<Spanned<String>>,
    /// The certificate of the gate (PEM) for this upstream, read again when the file changes.
    /// Example: `client.crt`
    pub(crate) certificate: Option<Spanned<String>>,
    /// The key of the certificate (PEM).
    /// Example: `client.key`
    pub(crate) key: Option<Spanned<String>>,
    /// The name in the certificate of the upstream. Default: the host of the URL.
    /// Example: `api.internal`
    pub(crate) server_name: Option<Spanned<String>>,
    /// The connections that are kept.
    /// Example: `{ idle: 4s, size: 256, lifetime: 5m }`
    pub(crate) pool: PoolDocument,
    pub(crate) internal_token: Option<InternalAudienceDocument>,
    pub(crate) api_key: Option<Spanned<ApiKeyDocument>>,
    pub(crate) token_exchange: Option<Spanned<TokenExchangeDocument>>,
}

/// The connections to the upstream that are kept.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PoolDocument {
    /// How long a connection is kept for the next request; 0s is a connection for each request. Default: 4s.
    /// Example: `4s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) idle: Option<Spanned<String>>,
    /// How many connections are kept, for each address. Default: 256.
    /// Example: `256`
    pub(crate) size: Option<Spanned<u32>>,
    /// After this time a connection gets no further request. Default: 5m.
    /// Example: `5m`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
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
