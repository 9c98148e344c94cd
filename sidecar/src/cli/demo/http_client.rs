//! An HTTP client that sends requests byte for byte, as the invalid requests of the demo need.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::exit::Failure;

const MAX_BODY_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP client without redirects, cookies or rewriting of paths.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is not JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl HttpClient {
    /// A client with its own connections.
    pub(crate) fn new() -> HttpClient {
        HttpClient(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: Method, url: &str, token: Option<&str>) -> Result<Reply, Failure> {
        let mut request = request(method, url, Bytes::new())?;
        if let Some(token) = token {
            let value =
                HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| Failure::runtime("token", error))?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        self.exchange(request).await
    }

    /// Posts a form.
    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Reply, Failure> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = request(Method::POST, url, Bytes::from(form))?;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        self.exchange(request).await
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, Failure> {
        let exchange = async {
            let response = self
                .0
                .request(request)
                .await
                .map_err(|error| Failure::runtime("request", error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES)
                .collect()
                .await
                .map_err(|error| Failure::runtime("response", error))?;
            Ok(Reply {
                status: parts.status,
                headers: parts.headers,
                body: body.to_bytes(),
            })
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .map_err(|error| Failure::runtime("request", error))?
    }
}

fn request(method: Method, url: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let uri: Uri = url.parse().map_err(|error| Failure::runtime(url, error))?;
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    Ok(request)
}
