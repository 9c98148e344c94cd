//! Liveness and readiness of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actgate::Authorizer;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

/// Whether the gate can serve requests.
#[derive(Clone, Debug)]
pub(crate) struct Readiness {
    authorizer: Authorizer,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Ready once `authorizer` has the keys of every issuer.
    pub(crate) fn of(authorizer: Authorizer) -> Readiness {
        Readiness {
            authorizer,
            draining: Arc::default(),
        }
    }

    /// Makes it not ready: the process is about to end.
    pub(crate) fn withdraw(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn state(&self) -> (StatusCode, &'static str) {
        if self.draining.load(Ordering::Relaxed) {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else if !self.authorizer.is_ready() {
            let waiting = "waiting for the signing keys of an issuer\n";
            (StatusCode::SERVICE_UNAVAILABLE, waiting)
        } else {
            (StatusCode::OK, "ready\n")
        }
    }
}

/// Answers a request for `/livez` or `/readyz`.
pub(crate) fn answer<B>(request: &Request<B>, readiness: &Readiness) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/livez") => (StatusCode::OK, "alive\n"),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness.state(),
        (_, "/livez" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n"),
        _ => (StatusCode::NOT_FOUND, "/livez and /readyz are served here\n"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use actgate::Policy;
    use actgate::testing::TestIssuer;

    use super::*;

    fn status(readiness: &Readiness, method: &Method, path: &str) -> u16 {
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.uri_mut() = path.parse().unwrap();
        answer(&request, readiness).status().as_u16()
    }

    #[test]
    fn readiness_is_withdrawn_and_liveness_stays() {
        let policy = Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        let issuer = TestIssuer::new().unwrap().trusted("https://api.example").unwrap();
        let readiness = Readiness::of(Authorizer::builder().issuer(issuer).policy(policy).build().unwrap());
        assert_eq!(status(&readiness, &Method::GET, "/livez"), 200);
        assert_eq!(status(&readiness, &Method::GET, "/readyz"), 200);
        readiness.withdraw();
        assert_eq!(status(&readiness, &Method::HEAD, "/livez"), 200);
        assert_eq!(status(&readiness, &Method::GET, "/readyz"), 503);
        assert_eq!(status(&readiness, &Method::POST, "/readyz"), 405);
        assert_eq!(status(&readiness, &Method::GET, "/metrics"), 404);
    }
}
