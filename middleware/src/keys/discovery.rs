//! Where an issuer publishes its keys: named in the configuration, or found by discovery.

use url::{Host, Url};

use crate::error::ConfigError;
use crate::json::{self, Json};
use crate::limits::Limits;

/// How the address of an issuer's keys is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the issuer's metadata: OpenID Connect Discovery 1.0, then RFC 8414.
    Discovery,
    /// From the configuration: the `jwks_uri` itself. No metadata is read.
    JwksUri(String),
}

/// Where the keys are sought.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Named(Endpoint),
    Metadata {
        issuer: Endpoint,
        /// What the metadata said, until it is asked again.
        found: Option<Endpoint>,
    },
}

impl Source {
    pub(super) fn origin(&self, issuer: &str) -> Result<Origin, ConfigError> {
        Ok(match self {
            Source::Discovery => Origin::Metadata {
                issuer: Endpoint::parse(issuer)?,
                found: None,
            },
            Source::JwksUri(uri) => Origin::Named(Endpoint::parse(uri)?),
        })
    }
}

impl Origin {
    /// Has the metadata asked again before the next fetch.
    pub(super) fn forget(&mut self) {
        if let Origin::Metadata { found, .. } = self {
            *found = None;
        }
    }
}

/// An address that may be fetched: `https`, or `http` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint(Url);

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Endpoint, ConfigError> {
        let refuse = |reason| ConfigError::Url {
            url: text.to_owned(),
            reason,
        };
        let url = Url::parse(text).map_err(|_| refuse("it is not an absolute URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it carries a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(refuse("it carries a fragment"));
        }
        match url.scheme() {
            "https" => Ok(Endpoint(url)),
            "http" if is_loopback(&url) => Ok(Endpoint(url)),
            "http" => Err(refuse("keys are fetched over https, or over http on loopback only")),
            _ => Err(refuse("its scheme is not https")),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The metadata documents of this issuer, in the order in which they are tried.
    pub(super) fn metadata(&self) -> Vec<Endpoint> {
        let path = self.0.path().trim_end_matches('/');
        let at = |path: String| {
            let mut url = self.0.clone();
            url.set_path(&path);
            Endpoint(url)
        };
        let mut documents = vec![at(format!("{path}/.well-known/openid-configuration"))];
        // RFC 8414 section 3.1 puts the well-known part before the path of the issuer.
        documents.push(at(format!("/.well-known/oauth-authorization-server{path}")));
        documents
    }

    /// The `jwks_uri` of a metadata document, if the document is this issuer's own.
    pub(super) fn jwks_uri(&self, issuer: &str, document: &[u8]) -> Result<Endpoint, &'static str> {
        let limits = Limits {
            json_values: 4096,
            ..Limits::default()
        };
        let document = json::object(document, &limits)?;
        // RFC 8414 section 3.3: without this comparison one issuer could speak for another.
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
    fn plain_http_is_for_loopback_only() {
        for good in [
            "https://idp.example",
            "http://127.0.0.1:9/jwks",
            "http://localhost:1",
            "http://[::1]:2",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://idp.example",
            "ftp://idp.example",
            "idp.example",
            "",
            "file:///etc/keys",
            "https://u:p@idp.example",
            "http://127.0.0.1.evil.example",
            "https://idp.example/#x",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_is_sought_in_both_places() {
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
    fn metadata_of_another_issuer_is_refused() {
        let issuer = Endpoint::parse("https://idp.example").unwrap();
        let read = |document: &str| issuer.jwks_uri("https://idp.example", document.as_bytes());
        let good = r#"{"issuer":"https://idp.example","jwks_uri":"https://idp.example/jwks"}"#;
        assert_eq!(read(good).unwrap().as_str(), "https://idp.example/jwks");
        for bad in [
            r#"{"issuer":"https://idp.example/","jwks_uri":"https://idp.example/jwks"}"#,
            r#"{"jwks_uri":"https://idp.example/jwks"}"#,
            r#"{"issuer":"https://idp.example"}"#,
            r#"{"issuer":"https://idp.example","jwks_uri":"http://127.0.0.1/jwks"}"#,
            "[]",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
