//! Where the keys of an issuer come from.

use std::sync::Arc;

use super::endpoint::{Endpoint, PlainHttp};
use super::key_set::KeySet;
use crate::error::ConfigError;

/// What the path of a metadata document contains.
const METADATA: [&str; 2] = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
];

/// Where the keys of an issuer come from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum KeySource {
    /// A set that never changes.
    Static(Arc<KeySet>),
    /// The issuer's metadata: OpenID Connect Discovery 1.0, then RFC 8414.
    Discovery,
    /// This `jwks_uri`. No metadata is read.
    JwksUri(String),
}

impl From<KeySet> for KeySource {
    fn from(keys: KeySet) -> Self {
        KeySource::Static(Arc::new(keys))
    }
}

impl KeySource {
    /// The address that is fetched first, or the issuer whose metadata names it; [`None`] for a static set.
    #[cfg(feature = "reqwest")]
    pub(crate) fn address<'a>(&'a self, issuer: &'a str) -> Option<&'a str> {
        match self {
            KeySource::Static(_) => None,
            KeySource::Discovery => Some(issuer),
            KeySource::JwksUri(uri) => Some(uri),
        }
    }

    /// Where the keys are fetched, or their address is read; [`None`] for a static set.
    pub(crate) fn endpoint(&self, issuer: &str, plain_http: PlainHttp) -> Result<Option<Endpoint>, ConfigError> {
        match self {
            KeySource::Static(_) => Ok(None),
            KeySource::Discovery => Endpoint::parse(issuer, plain_http).map(Some),
            KeySource::JwksUri(uri) => {
                let endpoint = Endpoint::parse(uri, plain_http)?;
                let path = endpoint.url().path();
                let is_metadata = METADATA.iter().any(|document| path.contains(document));
                if is_metadata {
                    return Err(ConfigError::Url {
                        url: uri.clone(),
                        reason: "it is the address of metadata, which discovery reads, not of a key set",
                    });
                }
                Ok(Some(endpoint))
            }
        }
    }
}
