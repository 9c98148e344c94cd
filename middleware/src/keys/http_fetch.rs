//! Fetching with reqwest.

use std::time::Duration;

use bytes::BytesMut;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use reqwest::{Client, redirect};

use super::fetch::{Fetch, FetchError, FetchFuture};
use super::key_set::MAX_DOCUMENT_BYTES;
use crate::error::ConfigError;

/// Fetches over HTTP, at most 256 KiB.
///
/// [`new`](Self::new) makes a client with 2 s to connect, without redirects and without a proxy from the environment.
/// Certificates are checked against the roots of the operating system; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them
/// on Linux. [`with_client`](Self::with_client) takes another client: for a private root, a proxy, a client certificate.
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

impl HttpFetch {
    /// Fetches with `client`.
    ///
    /// The length of a document and the time of a whole attempt are limited all the same. The rest is of the client, so
    /// build it without redirects (`redirect::Policy::none()`): a redirect would let the server of one issuer name
    /// another server for its keys. The default client of reqwest follows redirects and reads a proxy from the environment.
    ///
    /// ```
    /// use actgate::keys::HttpFetch;
    /// use reqwest::{Client, redirect};
    ///
    /// let client = Client::builder()
    ///     .redirect(redirect::Policy::none())
    ///     .no_proxy()
    ///     // .tls_certs_only([Certificate::from_pem(…)?]) for a private root
    ///     .build()?;
    /// let fetch = HttpFetch::with_client(client); // for `Authorizer::start_with`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_client(client: Client) -> HttpFetch {
        HttpFetch(client)
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
                // RFC 9110 section 12.5.3: without it, any coding would be acceptable.
                .header("accept-encoding", "identity")
                .header("cache-control", "no-cache");
            let mut response = request.send().await.map_err(unreachable)?;
            if response.status() != http::StatusCode::OK {
                return Err(FetchError::Status(response.status().as_u16()));
            }
            if let Some(coding) = coding(response.headers()) {
                return Err(FetchError::Encoded(coding));
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

/// The content codings of a response other than `identity`.
fn coding(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let values = values.join(", ");
    let is_plain = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    (!values.split(',').map(str::trim).all(is_plain)).then_some(values)
}

/// The innermost cause, where a failure of TLS or DNS is named; without the URL, which can contain a secret.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request with `head` and `body`. Returns the address and the head that arrives.
    fn server(head: &'static str, body: Vec<u8>) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/jwks", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            while !received.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                received.push(byte[0]);
            }
            // A client that stops reading closes the connection.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
            String::from_utf8(received).unwrap()
        });
        (address, served)
    }

    #[tokio::test]
    async fn another_client_is_used_and_the_length_is_limited_all_the_same() {
        let client = || Client::builder().no_proxy().user_agent("own-client").build().unwrap();
        let fetch = HttpFetch::with_client(client());
        let (address, served) = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"{}".to_vec());
        assert_eq!(fetch.fetch(&address).await.unwrap(), "{}");
        assert!(served.join().unwrap().contains("user-agent: own-client\r\n"));

        let too_long = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        let (address, _served) = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", too_long);
        assert_eq!(fetch.fetch(&address).await, Err(FetchError::TooLong));
        let (address, _served) = server("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n", Vec::new());
        assert_eq!(fetch.fetch(&address).await, Err(FetchError::Status(404)));
    }

    #[tokio::test]
    async fn the_default_client_follows_no_redirect() {
        let redirect = "HTTP/1.1 302 Found\r\nlocation: /other\r\nconnection: close\r\n\r\n";
        let (address, _served) = server(redirect, Vec::new());
        let fetched = HttpFetch::new().unwrap().fetch(&address).await;
        assert_eq!(fetched, Err(FetchError::Status(302)));
    }
}
