//! Fetching with reqwest.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::Timestamp;
use reqwest::{Certificate, Client, ClientBuilder, Response, redirect};

use super::bearer_token::BearerToken;
use super::fetch::{Fetch, FetchError, FetchFuture, FetchedDocument};
use super::freshness::{max_age, retry_after};
use super::key_set::MAX_DOCUMENT_BYTES;
use crate::error::ConfigError;

/// The longest time to connect.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Fetches over HTTP, at most 256 KiB.
///
/// [`new`](Self::new) makes a client with 2 s to connect, without redirects and without a proxy from the environment.
/// Certificates are checked against the roots of the operating system; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them
/// on Linux. [`with_roots`](Self::with_roots) takes private roots instead, [`with_client`](Self::with_client) another client:
/// for a proxy, a client certificate. For one issuer only:
/// [`TrustedIssuer::fetch_with`](crate::TrustedIssuer::fetch_with).
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: Client,
    bearer_token: Option<BearerToken>,
    /// Whether the system has no root certificate.
    lacks_roots: bool,
}

/// Without a root no certificate can be checked. A minimal container image has none.
const NO_ROOTS: &str = "the system has no root certificates to check the issuer's with; install them \
    (`ca-certificates`), or name a file of them in SSL_CERT_FILE";

impl HttpFetch {
    /// A client with the bounds above. Without any root certificate it fetches on loopback only.
    ///
    /// # Errors
    /// [`ConfigError::Client`] when TLS cannot be set up.
    pub fn new() -> Result<HttpFetch, ConfigError> {
        if let Ok(client) = builder().build() {
            return Ok(HttpFetch::with_client(client));
        }
        match builder().tls_certs_only([]).build() {
            Ok(client) => Ok(HttpFetch {
                lacks_roots: true,
                ..HttpFetch::with_client(client)
            }),
            Err(error) => Err(ConfigError::Client(reason(error))),
        }
    }

    /// A client with the bounds above that checks certificates against these roots (PEM) alone, such as those of a cluster.
    ///
    /// # Errors
    /// [`ConfigError::Client`] for a text without a certificate, or with one that cannot be read.
    pub fn with_roots(pem: &[u8]) -> Result<HttpFetch, ConfigError> {
        let invalid = |error: reqwest::Error| ConfigError::Client(reason(error));
        let roots = Certificate::from_pem_bundle(pem).map_err(invalid)?;
        if roots.is_empty() {
            let reason = "there is no certificate in PEM among its roots";
            return Err(ConfigError::Client(reason.to_owned()));
        }
        let client = builder().tls_certs_only(roots).build().map_err(invalid)?;
        Ok(HttpFetch::with_client(client))
    }

    /// Sends a bearer token to the origins of these addresses, and to no other: metadata can name keys elsewhere, and
    /// the token is not sent there. `token` is called at each fetch, so that a token that is rotated is read again; it may
    /// block for a short time.
    ///
    /// # Errors
    /// [`ConfigError::Url`] for an address that is neither `https` nor on loopback: the token could be read on the way.
    pub fn with_bearer_token<'a>(
        self,
        addresses: impl IntoIterator<Item = &'a str>,
        token: impl Fn() -> Result<String, String> + Send + Sync + 'static,
    ) -> Result<HttpFetch, ConfigError> {
        let bearer_token = Some(BearerToken::new(addresses, token)?);
        Ok(HttpFetch { bearer_token, ..self })
    }

    /// Checks that there is a root certificate, if one of the addresses is https. [`Authorizer::start`] does it for its
    /// issuers.
    ///
    /// # Errors
    /// [`ConfigError::Client`] when the system has none.
    ///
    /// [`Authorizer::start`]: crate::Authorizer::start
    pub fn check_roots<'a>(&self, mut addresses: impl Iterator<Item = &'a str>) -> Result<(), ConfigError> {
        if self.lacks_roots && addresses.any(is_https) {
            return Err(ConfigError::Client(NO_ROOTS.to_owned()));
        }
        Ok(())
    }

    /// As on a system without root certificates.
    #[cfg(test)]
    pub(crate) fn without_roots() -> HttpFetch {
        HttpFetch {
            lacks_roots: true,
            ..HttpFetch::with_client(Client::new())
        }
    }

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
        HttpFetch {
            client,
            bearer_token: None,
            lacks_roots: false,
        }
    }
}

impl HttpFetch {
    /// Sends a form as a client, and reads the JSON of the response with the bounds of a fetch.
    pub(crate) async fn post_form(&self, url: &str, client: HeaderValue, form: String) -> Result<Bytes, FetchError> {
        if self.lacks_roots && is_https(url) {
            return Err(FetchError::Unreachable(NO_ROOTS.to_owned()));
        }
        let request = self
            .client
            .post(url)
            .header(AUTHORIZATION, client)
            .header("accept", "application/json")
            .header("accept-encoding", "identity")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await;
        let response = response.map_err(|error| FetchError::Unreachable(reason(error)))?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(FetchError::ClientRefused(status));
            }
            status => return Err(FetchError::Status(status)),
        }
        if !is_json(response.headers()) {
            let value = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
            let value = String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
            return Err(FetchError::ContentType(value));
        }
        content(response).await
    }
}

/// Whether there is one content type, that of JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next();
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn builder() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_TIME)
        .redirect(redirect::Policy::none())
        .no_proxy()
        // Shorter than any refresh interval in use, so that a change of DNS is seen.
        .pool_idle_timeout(Duration::from_secs(5))
        .user_agent(concat!("actgate/", env!("CARGO_PKG_VERSION")))
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        Box::pin(async move {
            let unreachable = |error| FetchError::Unreachable(reason(error));
            if self.lacks_roots && is_https(url) {
                return Err(FetchError::Unreachable(NO_ROOTS.to_owned()));
            }
            let mut request = self
                .client
                .get(url)
                .header("accept", "application/json, application/jwk-set+json")
                // RFC 9110 section 12.5.3: without it, any coding would be acceptable.
                .header("accept-encoding", "identity")
                .header("cache-control", "no-cache");
            let is_elsewhere = match &self.bearer_token {
                Some(token) if token.is_for(url) => {
                    request = request.header(AUTHORIZATION, token.field()?);
                    false
                }
                token => token.is_some(),
            };
            let response = request.send().await.map_err(unreachable)?;
            match response.status() {
                StatusCode::OK => {}
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) if is_elsewhere => {
                    return Err(FetchError::WithoutToken(status));
                }
                status => {
                    return Err(match retry_after(response.headers(), Timestamp::now()) {
                        Some(retry_after) => FetchError::Busy { status, retry_after },
                        None => FetchError::Status(status),
                    });
                }
            }
            let max_age = max_age(response.headers());
            Ok(FetchedDocument {
                max_age,
                ..content(response).await?.into()
            })
        })
    }
}

/// The whole content of a response without a coding.
async fn content(mut response: Response) -> Result<Bytes, FetchError> {
    if let Some(coding) = coding(response.headers()) {
        return Err(FetchError::Encoded(coding));
    }
    let unreachable = |error| FetchError::Unreachable(reason(error));
    let mut document = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(FetchError::TooLong);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document.freeze())
}

fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
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
    if error.is_connect() && error.is_timeout() {
        return format!("no connection within {CONNECT_TIME:?}");
    }
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let cause = causes.last().map_or_else(String::new, ToString::to_string);
    let note = note(&cause);
    cause + note
}

/// The words of rustls are those of its code.
fn note(cause: &str) -> &'static str {
    if cause.contains("InvalidContentType") {
        " (the port serves no TLS)"
    } else if cause.contains("UnknownIssuer") {
        " (the root of the certificate is not among those of the system, or of SSL_CERT_FILE)"
    } else if cause.contains("CaUsedAsEndEntity") {
        " (the server shows the certificate of an authority; it needs one of its own, signed by that authority)"
    } else {
        ""
    }
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
        assert_eq!(fetch.fetch(&address).await.unwrap().document, "{}");
        assert!(served.join().unwrap().contains("user-agent: own-client\r\n"));

        let too_long = vec![b' '; MAX_DOCUMENT_BYTES + 1];
        let (address, _served) = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", too_long);
        assert_eq!(fetch.fetch(&address).await, Err(FetchError::TooLong));
        let (address, _served) = server("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n", Vec::new());
        assert_eq!(
            fetch.fetch(&address).await,
            Err(FetchError::Status(http::StatusCode::NOT_FOUND))
        );
    }

    #[tokio::test]
    async fn no_content_coding_is_accepted() {
        for (line, coding) in [
            ("content-encoding: gzip\r\n", "gzip"),
            ("content-encoding: identity, br\r\n", "identity, br"),
            (
                "content-encoding: identity\r\ncontent-encoding: zstd\r\n",
                "identity, zstd",
            ),
        ] {
            let head = format!("HTTP/1.1 200 OK\r\n{line}connection: close\r\n\r\n");
            let (address, served) = server(head.leak(), b"{}".to_vec());
            let fetched = HttpFetch::new().unwrap().fetch(&address).await;
            assert_eq!(fetched, Err(FetchError::Encoded(coding.to_owned())), "{line}");
            assert!(served.join().unwrap().contains("accept-encoding: identity\r\n"));
        }
        for line in ["", "content-encoding: identity\r\n", "content-encoding: Identity, \r\n"] {
            let head = format!("HTTP/1.1 200 OK\r\n{line}connection: close\r\n\r\n");
            let (address, _served) = server(head.leak(), b"{}".to_vec());
            let fetched = HttpFetch::new().unwrap().fetch(&address).await;
            assert_eq!(fetched.unwrap().document, "{}", "{line}");
        }
    }

    #[tokio::test]
    async fn the_times_of_a_response_are_read() {
        let head = "HTTP/1.1 200 OK\r\ncache-control: max-age=90\r\nconnection: close\r\n\r\n";
        let (address, _served) = server(head, b"{}".to_vec());
        let fetched = HttpFetch::new().unwrap().fetch(&address).await.unwrap();
        assert_eq!(
            fetched,
            FetchedDocument::from(b"{}".to_vec()).with_max_age(Duration::from_secs(90))
        );

        let head = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\nconnection: close\r\n\r\n";
        let (address, _served) = server(head, Vec::new());
        let busy = FetchError::Busy {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Duration::from_secs(30),
        };
        assert_eq!(busy.to_string(), "status 429; the server asks to retry after 30 s");
        assert_eq!(HttpFetch::new().unwrap().fetch(&address).await, Err(busy));
    }

    #[tokio::test]
    async fn a_port_without_tls_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plain = format!("https://{}/jwks", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // Until the client closes.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let reason = HttpFetch::new().unwrap().fetch(&plain).await.unwrap_err().to_string();
        assert!(reason.ends_with("(the port serves no TLS)"), "{reason}");
    }

    #[test]
    fn a_fault_of_a_certificate_is_explained() {
        for (cause, text) in [
            ("CaUsedAsEndEntity", "the certificate of an authority"),
            ("UnknownIssuer", "the root of the certificate"),
            ("InvalidContentType", "the port serves no TLS"),
            ("Expired", ""),
        ] {
            let note = note(&format!("invalid peer certificate: Other(OtherError({cause}))"));
            assert!(
                note.contains(text) && text.is_empty() == note.is_empty(),
                "{cause}: {note}"
            );
        }
    }

    #[tokio::test]
    async fn the_default_client_follows_no_redirect() {
        let redirect = "HTTP/1.1 302 Found\r\nlocation: /other\r\nconnection: close\r\n\r\n";
        let (address, _served) = server(redirect, Vec::new());
        let fetched = HttpFetch::new().unwrap().fetch(&address).await;
        assert_eq!(fetched, Err(FetchError::Status(http::StatusCode::FOUND)));
    }
}
