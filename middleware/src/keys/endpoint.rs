//! An address that may be fetched.

use std::fmt;

use url::{Host, Url};

use crate::error::ConfigError;

/// An address that may be fetched: `https`, or `http` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

impl Endpoint {
    pub(super) fn parse(text: &str) -> Result<Endpoint, ConfigError> {
        Endpoint::check(text).map_err(|reason| ConfigError::Url {
            url: without_user(text),
            reason,
        })
    }

    /// # Errors
    /// What is wrong with the address.
    pub(super) fn check(text: &str) -> Result<Endpoint, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is not an absolute URL")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it contains a user name or password");
        }
        if url.fragment().is_some() {
            return Err("it contains a fragment");
        }
        match url.scheme() {
            "https" => Ok(Endpoint(url)),
            "http" if is_loopback(&url) => Ok(Endpoint(url)),
            "http" => Err("keys are fetched over https, or over http on loopback only"),
            _ => Err("its scheme is not https"),
        }
    }

    /// The same address with another path.
    pub(super) fn with_path(&self, path: &str) -> Endpoint {
        let mut url = self.0.clone();
        url.set_path(path);
        Endpoint(url)
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Without its query, which can contain a secret.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str().split_once('?') {
            Some((address, _)) => write!(f, "{address}?…"),
            None => f.write_str(self.as_str()),
        }
    }
}

/// A password must not reach a message.
fn without_user(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            let (_, _) = (url.set_username(""), url.set_password(None));
            url.into()
        }
        _ => text.to_owned(),
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
    fn a_password_is_not_shown() {
        let error = Endpoint::parse("https://user:secret@idp.example/jwks")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`https://idp.example/jwks` cannot be used: it contains a user name or password"
        );
    }

    #[test]
    fn the_query_is_not_shown() {
        let shown = |text: &str| Endpoint::check(text).unwrap().to_string();
        assert_eq!(
            shown("https://idp.example/jwks?code=secret"),
            "https://idp.example/jwks?…"
        );
        assert_eq!(shown("https://idp.example/jwks"), "https://idp.example/jwks");
    }
}
