//! The address of an issuer's keys: named in the configuration, or found by discovery.

use std::sync::Arc;

use url::{Host, Url};

use super::key_set::KeySet;
use crate::error::ConfigError;
use crate::json::{self, Json};
use crate::limits::Limits;

/// Where the keys of an issuer come from.
#[derive(Clone, Debug)]
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
    /// Where the keys are fetched, or their address is read; [`None`] for a static set.
    pub(crate) fn endpoint(&self, issuer: &str) -> Result<Option<Endpoint>, ConfigError> {
        match self {
            KeySource::Static(_) => Ok(None),
            KeySource::Discovery => Endpoint::parse(issuer).map(Some),
            KeySource::JwksUri(uri) => Endpoint::parse(uri).map(Some),
        }
    }
}

/// An address that may be fetched: `https`, or `http` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Endpoint, ConfigError> {
        let invalid = |reason| ConfigError::Url {
            url: text.to_owned(),
            reason,
        };
        let url = Url::parse(text).map_err(|_| invalid("it is not an absolute URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it contains a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(invalid("it contains a fragment"));
        }
        match url.scheme() {
            "https" => Ok(Endpoint(url)),
            "http" if is_loopback(&url) => Ok(Endpoint(url)),
            "http" => Err(invalid("keys are fetched over https, or over http on loopback only")),
            _ => Err(invalid("its scheme is not https")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The metadata documents of this issuer, in the order in which they are tried.
    pub(super) fn metadata(&self) -> [Endpoint; 2] {
        let path = self.0.path().trim_end_matches('/');
        let paths = [
            format!("{path}/.well-known/openid-configuration"),
            // RFC 8414 section 3.1 puts the well-known part before the path of the issuer.
            format!("/.well-known/oauth-authorization-server{path}"),
        ];
        paths.map(|path| {
            let mut url = self.0.clone();
            url.set_path(&path);
            Endpoint(url)
        })
    }

    /// The `jwks_uri` of a metadata document, if the document names this issuer.
    pub(super) fn jwks_uri(&self, issuer: &str, document: &[u8]) -> Result<Endpoint, &'static str> {
        let limits = Limits {
            json_values: 4096,
            ..Limits::default()
        };
        let document = json::object(document, &limits).map_err(|_| "the metadata is not strict JSON")?;
        // RFC 8414 section 3.3: without this comparison the metadata of one issuer could replace that of another.
        if document.get("issuer").and_then(Json::as_str) != Some(issuer) {
            return Err("the metadata names another issuer");
        }
        let uri = document
            .get("jwks_uri")
            .and_then(Json::as_str)
            .ok_or("the metadata names no jwks_uri")?;
        let endpoint = Endpoint::parse(uri).map_err(|_| "the jwks_uri cannot be used")?;
        if self.0.scheme() == "https" && endpoint.0.scheme() != "https" {
            return Err("the jwks_uri of an https issuer is not https");
        }
        Ok(endpoint)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_accepted_on_loopback_only() {
        for valid in [
            "https://idp.example",
            "http://127.0.0.1:9/jwks",
            "http://localhost:1",
            "http://[::1]:2",
        ] {
            assert!(Endpoint::parse(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "http://idp.example",
            "ftp://idp.example",
            "idp.example",
            "",
            "file:///etc/keys",
            "https://u:p@idp.example",
            "http://127.0.0.1.evil.example",
            "https://idp.example/#x",
        ] {
            assert!(Endpoint::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn metadata_has_two_addresses() {
        let issuer = Endpoint::parse("https://idp.example/tenant/").unwrap();
        let urls: Vec<_> = issuer.metadata().iter().map(|url| url.as_str().to_owned()).collect();
        assert_eq!(
            urls,
            [
                "https://idp.example/tenant/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/tenant"
            ]
        );
    }

    #[test]
    fn metadata_of_another_issuer_is_an_error() {
        let issuer = Endpoint::parse("https://idp.example").unwrap();
        let read = |document: &str| issuer.jwks_uri("https://idp.example", document.as_bytes());
        let valid = r#"{"issuer":"https://idp.example","jwks_uri":"https://idp.example/jwks"}"#;
        assert_eq!(read(valid).unwrap().as_str(), "https://idp.example/jwks");
        for invalid in [
            r#"{"issuer":"https://idp.example/","jwks_uri":"https://idp.example/jwks"}"#,
            r#"{"jwks_uri":"https://idp.example/jwks"}"#,
            r#"{"issuer":"https://idp.example"}"#,
            r#"{"issuer":"https://idp.example","jwks_uri":"http://127.0.0.1/jwks"}"#,
            "[]",
        ] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
    }
}
