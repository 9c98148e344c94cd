//! An HTTP client that sends requests byte for byte, as the invalid requests of the demo need.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::exit::{Context as _, Failure};

const MAX_BODY_BYTES: usize = 256 * 1024;
const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP client without redirects or rewriting of paths. A cookie goes from a response to the next request by hand.
#[derive(Clone)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

/// A response with its body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The cookie that a browser has from then on: that of the response, or of the request.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Reply {
    /// The body as JSON; null when it is not JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl HttpClient {
    pub(crate) fn new() -> HttpClient {
        HttpClient(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: &Method, url: &str, token: Option<&str>) -> Result<Reply, Failure> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.exchange(request.body(Full::default())).await
    }

    /// Posts a form.
    pub(crate) async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Reply, Failure> {
        self.post_with(None, url, form).await
    }

    /// Posts a form with a cookie.
    pub(crate) async fn post_with(
        &self,
        cookie: Option<HeaderValue>,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Reply, Failure> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = Full::from(body.extend_pairs(form).finish());
        let mut request = Request::post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        self.exchange(request.body(body)).await
    }

    async fn exchange(&self, request: http::Result<Request<Full<Bytes>>>) -> Result<Reply, Failure> {
        let request = request.context("request")?;
        let sent = request.headers().get(header::COOKIE).cloned();
        let response = self.0.request(request);
        let exchange = async {
            let (parts, body) = response.await.context("request")?.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
            Ok(Reply {
                status: parts.status,
                cookie: cookie(&parts.headers).or(sent),
                headers: parts.headers,
                body: body.context("response")?.to_bytes(),
            })
        };
        tokio::time::timeout(TIMEOUT, exchange).await.context("request")?
    }
}

/// The cookie that a response sets, without its attributes.
fn cookie(headers: &HeaderMap) -> Option<HeaderValue> {
    let set = headers.get(header::SET_COOKIE)?.to_str().ok()?;
    HeaderValue::try_from(set.split(';').next()?).ok()
}
