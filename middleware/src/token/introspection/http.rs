//! Introspection over HTTP, by reqwest.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::form_urlencoded;

use super::introspect::{Introspect, IntrospectFuture};
use crate::error::ConfigError;
use crate::keys::{Endpoint, FetchError, HttpFetch, PlainHttp};

/// Where the secret comes from; the error is a reason.
type Secret = dyn Fn() -> Result<String, String> + Send + Sync;

/// Asks an introspection endpoint over HTTP, as a client with a secret (`client_secret_basic`, RFC 6749 section 2.3.1).
#[derive(Clone)]
pub struct HttpIntrospection {
    fetch: HttpFetch,
    endpoint: Endpoint,
    client_id: String,
    secret: Arc<Secret>,
}

impl HttpIntrospection {
    /// `secret` is called for each question, so that a secret that is rotated is read again; it may block for a short time.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for an endpoint that is neither `https` nor on loopback: tokens and the secret could be read on the
    /// way. [`ConfigError::Client`] when TLS cannot be set up. Root certificates are checked by [`check_roots`](Self::check_roots).
    pub fn new(
        endpoint: &str,
        client_id: &str,
        secret: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<HttpIntrospection, ConfigError> {
        HttpIntrospection::of(endpoint, PlainHttp::OnLoopback, client_id, secret)
    }

    /// As [`new`](Self::new), for an endpoint that may be plain `http` on any host.
    ///
    /// **Insecure**: a party on the network path can read tokens and the secret, and can answer that any token is active.
    ///
    /// # Errors
    /// As [`new`](Self::new), but for addresses of scheme `http`.
    pub fn with_insecure_http(
        endpoint: &str,
        client_id: &str,
        secret: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<HttpIntrospection, ConfigError> {
        HttpIntrospection::of(endpoint, PlainHttp::Everywhere, client_id, secret)
    }

    fn of(
        endpoint: &str,
        plain_http: PlainHttp,
        client_id: &str,
        secret: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<HttpIntrospection, ConfigError> {
        let endpoint = Endpoint::for_secrets(endpoint, plain_http)?;
        Ok(HttpIntrospection {
            fetch: HttpFetch::new()?,
            endpoint,
            client_id: client_id.to_owned(),
            secret: Arc::new(secret),
        })
    }

    /// Reaches the endpoint as `fetch` does: with private roots, or another client. A bearer token of `fetch` is NOT sent.
    #[must_use]
    pub fn with_fetch(mut self, fetch: HttpFetch) -> HttpIntrospection {
        self.fetch = fetch;
        self
    }

    /// Checks that there is a root certificate, if the endpoint is https.
    ///
    /// # Errors
    /// [`ConfigError::Client`] when the system has none.
    pub fn check_roots(&self) -> Result<(), ConfigError> {
        self.fetch.check_roots([self.endpoint.as_str()].into_iter())
    }

    fn authorization(&self) -> Result<HeaderValue, FetchError> {
        let secret = (self.secret)().map_err(FetchError::NoToken)?;
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encoded(&self.client_id), encoded(&secret)));
        let value = HeaderValue::try_from(format!("Basic {pair}"));
        let mut value = value.map_err(|_| FetchError::NoToken("the secret cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Introspect for HttpIntrospection {
    fn introspect<'a>(&'a self, token: &'a str) -> IntrospectFuture<'a> {
        Box::pin(async move {
            let (authorization, form) = (self.authorization()?, form(token));
            self.fetch.post_form(self.endpoint.as_str(), authorization, form).await
        })
    }
}

fn form(token: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token);
    form.append_pair("token_type_hint", "access_token");
    form.finish()
}

/// The secret and the client are not printed.
impl fmt::Debug for HttpIntrospection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpIntrospection")
            .field(&self.endpoint.to_string())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_encoded() {
        assert_eq!(form("a b&c=+"), "token=a+b%26c%3D%2B&token_type_hint=access_token");
    }

    #[test]
    fn an_https_endpoint_needs_root_certificates() {
        let endpoint = |address: &str| {
            let secret = || Ok("secret".to_owned());
            let endpoint = HttpIntrospection::new(address, "gate", secret).unwrap();
            endpoint.with_fetch(HttpFetch::without_roots())
        };
        assert!(endpoint("http://127.0.0.1:1/introspect").check_roots().is_ok());
        assert!(matches!(
            endpoint("https://a.example/introspect").check_roots(),
            Err(ConfigError::Client(_))
        ));
    }
}
