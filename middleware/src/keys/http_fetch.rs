//! Fetching with reqwest.

use std::time::Duration;

use bytes::BytesMut;
use reqwest::{Client, redirect};

use super::fetch::{Fetch, FetchError, FetchFuture};
use super::key_set::MAX_DOCUMENT_BYTES;
use crate::error::ConfigError;

/// Fetches over HTTP: 2 s to connect, no redirects, no proxy from the environment, at most 256 KiB.
///
/// Certificates are checked against the roots of the operating system.
#[derive(Clone, Debug)]
pub struct HttpFetch(Client);

impl HttpFetch {
    /// A client with the bounds above.
    ///
    /// # Errors
    /// [`ConfigError::Client`] when TLS cannot be set up.
    pub fn new() -> Result<HttpFetch, ConfigError> {
        Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .redirect(redirect::Policy::none())
            .no_proxy()
            // Shorter than any refresh interval in use, so that a change of DNS is seen.
            .pool_idle_timeout(Duration::from_secs(5))
            .user_agent(concat!("actgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(HttpFetch)
            .map_err(|error| ConfigError::Client(reason(error)))
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        Box::pin(async move {
            let unreachable = |error| FetchError::Unreachable(reason(error));
            let request = self
                .0
                .get(url)
                .header("accept", "application/json, application/jwk-set+json")
                .header("cache-control", "no-cache");
            let mut response = request.send().await.map_err(unreachable)?;
            if response.status() != http::StatusCode::OK {
                return Err(FetchError::Status(response.status().as_u16()));
            }
            let mut document = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
                if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                    return Err(FetchError::TooLong);
                }
                document.extend_from_slice(&chunk);
            }
            Ok(document.freeze())
        })
    }
}

/// The innermost cause, where a failure of TLS or DNS is named; without the URL, which can contain a secret.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}
