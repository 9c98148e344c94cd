//! A bearer token for the servers of one issuer, such as the API server of a cluster.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use url::{Origin, Url};

use super::endpoint::{Endpoint, PlainHttp};
use super::fetch::FetchError;
use crate::error::ConfigError;

/// Where the token comes from; the error is a reason.
type Source = dyn Fn() -> Result<String, String> + Send + Sync;

/// A token, and the origins that it is sent to.
#[derive(Clone)]
pub(super) struct BearerToken {
    origins: Vec<Origin>,
    source: Arc<Source>,
}

impl BearerToken {
    /// # Errors
    /// [`ConfigError::Url`] for an address that the token could be read on the way to.
    pub(super) fn new<'a>(
        addresses: impl IntoIterator<Item = &'a str>,
        source: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<BearerToken, ConfigError> {
        let origins = addresses.into_iter().map(|address| {
            let endpoint = Endpoint::parse(address, PlainHttp::OnLoopback)?;
            Ok(endpoint.url().origin())
        });
        Ok(BearerToken {
            origins: origins.collect::<Result<_, ConfigError>>()?,
            source: Arc::new(source),
        })
    }

    /// Whether the token is sent to this address.
    pub(super) fn is_for(&self, address: &str) -> bool {
        Url::parse(address).is_ok_and(|url| self.origins.contains(&url.origin()))
    }

    /// The value of `Authorization`.
    ///
    /// # Errors
    /// [`FetchError::NoToken`].
    pub(super) fn field(&self) -> Result<HeaderValue, FetchError> {
        let text = (self.source)().map_err(FetchError::NoToken)?;
        let field = token_in(&text).and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
        let mut field = field.ok_or_else(|| FetchError::NoToken("it is empty or no text of one line".to_owned()))?;
        field.set_sensitive(true);
        Ok(field)
    }
}

/// The token in a text such as that of a file: without the end of the line. [`None`] where it is no one text of visible
/// ASCII.
///
/// ```
/// use actgate::keys::token_in;
///
/// assert_eq!(token_in("a.b.c\n"), Some("a.b.c"));
/// assert_eq!(token_in("a b"), None);
/// ```
pub fn token_in(text: &str) -> Option<&str> {
    let token = text.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token.then_some(token)
}

/// Prints no token.
impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(addresses: &[&str], text: &'static str) -> Result<BearerToken, ConfigError> {
        BearerToken::new(addresses.iter().copied(), || Ok(text.to_owned()))
    }

    #[test]
    fn a_token_is_for_the_origins_of_its_addresses_alone() {
        let token = token(&["https://api.cluster/openid/v1/jwks", "http://127.0.0.1:9"], "t").unwrap();
        for address in [
            "https://api.cluster/.well-known/openid-configuration",
            "https://API.cluster:443/x?y",
            "http://127.0.0.1:9/a",
        ] {
            assert!(token.is_for(address), "{address}");
        }
        for address in [
            "http://api.cluster/openid/v1/jwks",
            "https://api.cluster:6443/openid/v1/jwks",
            "https://api.cluster.evil.example/",
            "https://evil.example/?https://api.cluster/",
            "https://10.0.0.1/openid/v1/jwks",
            "http://127.0.0.1:10/a",
            "",
        ] {
            assert!(!token.is_for(address), "{address}");
        }
    }

    #[test]
    fn a_token_is_never_sent_over_plain_http_to_another_host() {
        for address in ["http://api.cluster/", "api.cluster", "rke", "ftp://api.cluster"] {
            assert!(
                matches!(token(&[address], "t"), Err(ConfigError::Url { .. })),
                "{address}"
            );
        }
    }

    #[test]
    fn a_token_is_one_text_and_is_not_printed() {
        let field = |text| token(&["https://api.cluster"], text).unwrap().field();
        assert_eq!(field("SECRET\n").unwrap(), "Bearer SECRET");
        assert!(field("SECRET").unwrap().is_sensitive());
        for text in ["", "\n", "a b", "a\r\nx: y", "SÉCRET"] {
            let error = field(text).unwrap_err().to_string();
            assert!(
                error.starts_with("there is no token to send: it is empty or no text of one line"),
                "{text}"
            );
        }
        let failing = BearerToken::new(["https://api.cluster"], || Err("no such file".to_owned())).unwrap();
        assert_eq!(failing.field(), Err(FetchError::NoToken("no such file".to_owned())));
        let shown = format!("{:?}", token(&["https://api.cluster"], "SECRET").unwrap());
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
