//! Liveness and readiness of the process.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actgate::Authorizer;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::method::not_allowed;
use super::reach::Reach;

/// Whether the process is about to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draining(Arc<AtomicBool>);

impl Draining {
    /// The gate is not ready from now on.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is.
    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether the gate can serve requests: it can with the keys of every issuer, until it drains.
fn readiness(authorizer: &Authorizer, draining: &Draining) -> (StatusCode, Cow<'static, str>) {
    let waiting: Vec<&str> = authorizer.issuers_without_keys().collect();
    if draining.has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n".into())
    } else if !waiting.is_empty() {
        let waiting = format!("waiting for the signing keys of {}\n", waiting.join(", "));
        (StatusCode::SERVICE_UNAVAILABLE, waiting.into())
    } else {
        (StatusCode::OK, "ready\n".into())
    }
}

/// The connections of clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionCount {
    pub(crate) open: usize,
    pub(crate) limit: u32,
}

/// Answers a request for `/livez` or `/readyz`.
pub(super) fn answer<B>(
    request: &Request<B>,
    reach: Reach,
    authorizer: &Authorizer,
    draining: &Draining,
    connections: ConnectionCount,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if let ("/livez" | "/readyz", Some(response)) = (path, not_allowed(request.method())) {
        return response;
    }
    let (status, text): (_, Cow<'_, str>) = match path {
        "/livez" => (StatusCode::OK, "alive\n".into()),
        "/readyz" => {
            let (status, state) = readiness(authorizer, draining);
            let ConnectionCount { open, limit } = connections;
            (status, format!("{state}connections: {open} of {limit}\n").into())
        }
        _ => (
            StatusCode::NOT_FOUND,
            format!("{} are served here\n", reach.paths()).into(),
        ),
    };
    let mut response = Response::new(Full::from(text.into_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use actgate::testing::TestIssuer;
    use actgate::{Policy, TrustedIssuer};
    use http::Method;

    use super::*;

    fn status(authorizer: &Authorizer, draining: &Draining, method: &Method, path: &str) -> u16 {
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().unwrap();
        let connections = ConnectionCount { open: 1, limit: 2 };
        let response = answer(&request, Reach::Network, authorizer, draining, connections);
        response.status().as_u16()
    }

    #[test]
    fn readiness_is_withdrawn_and_liveness_stays() {
        let policy = Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        let issuer = TestIssuer::new().unwrap().trusted("https://api.example").unwrap();
        let authorizer = Authorizer::builder().issuer(issuer).policy(policy).build().unwrap();
        let draining = Draining::default();
        let status = |method, path| status(&authorizer, &draining, &method, path);
        assert_eq!(status(Method::GET, "/livez"), 200);
        assert_eq!(status(Method::GET, "/readyz"), 200);
        draining.begin();
        assert_eq!(status(Method::HEAD, "/livez"), 200);
        assert_eq!(status(Method::GET, "/readyz"), 503);
        assert_eq!(status(Method::POST, "/readyz"), 405);
        assert_eq!(status(Method::GET, "/metrics"), 404);
    }

    #[test]
    fn the_issuers_that_it_waits_for_are_named() {
        let policy = Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        let waiting = |issuer| TrustedIssuer::discover(issuer).unwrap().audience("a").unwrap();
        let builder = Authorizer::builder().issuer(TestIssuer::new().unwrap().trusted("a").unwrap());
        let builder = builder
            .issuer(waiting("https://a.example"))
            .issuer(waiting("https://b.example"));
        let (status, text) = readiness(&builder.policy(policy).build().unwrap(), &Draining::default());
        assert_eq!(status, 503);
        assert_eq!(
            text,
            "waiting for the signing keys of https://a.example, https://b.example\n"
        );
    }
}
