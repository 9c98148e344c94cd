//! `/reload`: reads the configuration again, and what came of the reloads so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Where reloads are requested and reported.
pub(crate) const PATH: &str = "/reload";

/// The requests that may wait.
const WAITING: usize = 8;

/// What came of one reload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// When it ended, in UTC (RFC 3339).
    pub(crate) time: String,
    /// Whether what was read is in force. If not, what was in force before still is.
    pub(crate) in_force: bool,
    /// The hash of the policy that is in force.
    pub(crate) policy: String,
    /// Why it is not in force: every mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// The reloads since the start.
#[derive(Debug, Default)]
struct Counts {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last: ArcSwapOption<Outcome>,
    last_success: ArcSwapOption<Outcome>,
}

#[derive(Serialize)]
struct Report<'a> {
    /// The reloads since the start that are or were in force.
    succeeded: u64,
    /// The others.
    failed: u64,
    /// The end of the last one that is in force.
    last_success: Option<&'a str>,
    last: Option<&'a Outcome>,
}

/// A request for a reload. Dropped without an outcome, the gate is about to end.
pub(crate) type ReloadRequest = oneshot::Sender<Arc<Outcome>>;

/// The reloads of a gate. Clones are of the same gate.
#[derive(Clone, Debug)]
pub(crate) struct Reloads {
    requests: mpsc::Sender<ReloadRequest>,
    counts: Arc<Counts>,
}

impl Reloads {
    /// The reloads of a gate, and the requests for them.
    pub(crate) fn new() -> (Reloads, mpsc::Receiver<ReloadRequest>) {
        let (requests, received) = mpsc::channel(WAITING);
        let counts = Arc::default();
        (Reloads { requests, counts }, received)
    }

    /// Counts a reload.
    pub(crate) fn ended(&self, outcome: Outcome) -> Arc<Outcome> {
        let outcome = Arc::new(outcome);
        let counts = &self.counts;
        counts.last.store(Some(outcome.clone()));
        if outcome.in_force {
            counts.succeeded.fetch_add(1, Ordering::Relaxed);
            counts.last_success.store(Some(outcome.clone()));
        } else {
            counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// The number of reloads that are or were in force, and of the others.
    pub(super) fn counts(&self) -> (u64, u64) {
        let counts = &self.counts;
        let [succeeded, failed] = [&counts.succeeded, &counts.failed].map(|count| count.load(Ordering::Relaxed));
        (succeeded, failed)
    }

    async fn request(&self) -> Option<Arc<Outcome>> {
        let (request, outcome) = oneshot::channel();
        self.requests.try_send(request).ok()?;
        outcome.await.ok()
    }

    fn report(&self) -> Response<Full<Bytes>> {
        let counts = &self.counts;
        let (last, success) = (counts.last.load(), counts.last_success.load());
        let (succeeded, failed) = self.counts();
        let report = Report {
            succeeded,
            failed,
            last_success: success.as_ref().map(|outcome| &*outcome.time),
            last: last.as_deref(),
        };
        json(StatusCode::OK, &report)
    }
}

/// POST reads the configuration again and answers when that has ended; GET reports.
pub(super) async fn answer<B>(request: &Request<B>, reloads: &Reloads) -> Response<Full<Bytes>> {
    match *request.method() {
        Method::GET | Method::HEAD => reloads.report(),
        // A web page in a browser of this machine can send it.
        Method::POST if request.headers().contains_key(ORIGIN) => {
            text(StatusCode::FORBIDDEN, "no web page may reload the configuration\n")
        }
        Method::POST => match reloads.request().await {
            Some(outcome) if outcome.in_force => json(StatusCode::OK, &*outcome),
            Some(outcome) => json(StatusCode::UNPROCESSABLE_ENTITY, &*outcome),
            None => text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many reloads wait, or the gate ends\n",
            ),
        },
        _ => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST are served here\n");
            let allowed = HeaderValue::from_static("GET, HEAD, POST");
            response.headers_mut().insert(ALLOW, allowed);
            response
        }
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let body = serde_json::to_vec(value).unwrap_or_default();
    response(status, "application/json", body)
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", text)
}

fn response(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};

    use super::*;

    fn outcome(in_force: bool) -> Outcome {
        Outcome {
            time: format!("2026-01-01T00:00:0{}.000Z", u8::from(in_force)),
            in_force,
            policy: "hash".to_owned(),
            reason: (!in_force).then(|| "a mistake".to_owned()),
        }
    }

    async fn ask(reloads: &Reloads, request: http::request::Builder) -> (u16, Value) {
        let response = answer(&request.uri("/reload").body(()).unwrap(), reloads).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_reload_is_requested_and_reported() {
        let (reloads, mut requests) = Reloads::new();
        let empty = json!({ "succeeded": 0, "failed": 0, "last_success": null, "last": null });
        assert_eq!(ask(&reloads, Request::get("/")).await, (200, empty));
        let ended = reloads.clone();
        let gate = async {
            for in_force in [true, false] {
                let request = requests.recv().await.unwrap();
                request.send(ended.ended(outcome(in_force))).unwrap();
            }
        };
        let client = async {
            assert_eq!(ask(&reloads, Request::post("/")).await, (200, json!(outcome(true))));
            assert_eq!(ask(&reloads, Request::post("/")).await, (422, json!(outcome(false))));
        };
        tokio::join!(gate, client);
        let (_, report) = ask(&reloads, Request::get("/")).await;
        assert_eq!((&report["succeeded"], &report["failed"]), (&json!(1), &json!(1)));
        assert_eq!(report["last"]["reason"], "a mistake");
        assert_eq!(report["last_success"], "2026-01-01T00:00:01.000Z");
        drop(requests);
        assert_eq!(ask(&reloads, Request::post("/")).await.0, 503);
    }

    #[tokio::test]
    async fn neither_a_web_page_nor_another_method_reloads() {
        let (reloads, mut requests) = Reloads::new();
        let page = Request::post("/").header(ORIGIN, "http://127.0.0.1:9901");
        assert_eq!(ask(&reloads, page).await.0, 403);
        assert_eq!(ask(&reloads, Request::put("/")).await.0, 405);
        assert!(requests.try_recv().is_err());
    }
}
