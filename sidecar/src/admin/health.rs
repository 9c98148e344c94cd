//! The admin listener: is the process alive, and should it get requests?

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actgate::Authorizer;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// Whether requests should be sent here.
#[derive(Clone, Debug)]
pub struct Readiness {
    authorizer: Authorizer,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Ready as soon as `authorizer` has the keys of every issuer.
    pub fn of(authorizer: Authorizer) -> Readiness {
        Readiness {
            authorizer,
            draining: Arc::default(),
        }
    }

    /// Not ready from now on: the process is about to end.
    pub fn withdraw(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    fn state(&self) -> (StatusCode, &'static str) {
        if self.draining.load(Ordering::Relaxed) {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        } else if !self.authorizer.ready() {
            (StatusCode::SERVICE_UNAVAILABLE, "waiting for the keys of an issuer\n")
        } else {
            (StatusCode::OK, "ready\n")
        }
    }
}

/// Serves `/livez` and `/readyz` until the task is dropped.
pub async fn serve(listener: TcpListener, readiness: Readiness) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of sockets, most likely: others will be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let readiness = readiness.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = answer(&request, &readiness);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(5))
                .max_buf_size(16 * 1024)
                .serve_connection(TokioIo::new(socket), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "admin connection ended");
            }
        });
    }
}

fn answer<B>(request: &Request<B>, readiness: &Readiness) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/livez") => (StatusCode::OK, "alive\n"),
        (&Method::GET | &Method::HEAD, "/readyz") => readiness.state(),
        (_, "/livez" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "only GET is served here\n"),
        _ => (StatusCode::NOT_FOUND, "/livez and /readyz are served here\n"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use actgate::Policy;
    use actgate::testing::Authority;

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
        let issuer = Authority::new().unwrap().trusted("https://api.example").unwrap();
        let readiness = Readiness::of(Authorizer::new([issuer], policy).unwrap());
        assert_eq!(status(&readiness, &Method::GET, "/livez"), 200);
        assert_eq!(status(&readiness, &Method::GET, "/readyz"), 200);
        readiness.withdraw();
        assert_eq!(status(&readiness, &Method::HEAD, "/livez"), 200);
        assert_eq!(status(&readiness, &Method::GET, "/readyz"), 503);
        assert_eq!(status(&readiness, &Method::POST, "/readyz"), 405);
        assert_eq!(status(&readiness, &Method::GET, "/metrics"), 404);
    }
}
