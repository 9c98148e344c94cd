//! The requests to a collector.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use reqwest::{Client, redirect};
use url::Url;

/// The longest response.
const MAX_BYTES: usize = 64 * 1024;

const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Sends spans to a collector, and notes what came of it.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    client: Client,
    last: Arc<Mutex<Outcome>>,
}

/// What came of the last request.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Why there was no response.
    pub(super) cause: Option<String>,
    /// The spans that the collector did not take.
    pub(super) rejected: u64,
}

impl Collector {
    /// `timeout` is for one request.
    pub(super) fn new(endpoint: &Url, timeout: Duration) -> Result<Collector, reqwest::Error> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIME)
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .no_proxy();
        let client = match endpoint.scheme() {
            // A system without root certificates is no obstacle to plain http.
            "http" => builder.tls_certs_only([]).build()?,
            _ => builder.build()?,
        };
        Ok(Collector {
            client,
            last: Arc::default(),
        })
    }

    /// What came of the last request, once.
    pub(super) fn take_outcome(&self) -> Outcome {
        std::mem::take(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, outcome: Outcome) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut response = self.client.execute(request.try_into()?).await?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Err("the response is longer than 64 KiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        (*response.status_mut(), *response.headers_mut()) = (status, headers);
        Ok(response)
    }
}

impl HttpClient for Collector {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let result = self.send(request).await;
            self.note(match &result {
                Ok(response) => Outcome {
                    cause: None,
                    rejected: rejected(response),
                },
                Err(error) => Outcome {
                    cause: Some(innermost(&**error)),
                    rejected: 0,
                },
            });
            result
        })
    }
}

/// The spans that a collector has taken the others without.
fn rejected(response: &Response<Bytes>) -> u64 {
    let body = ExportTraceServiceResponse::decode(response.body().clone()).ok();
    let partial = body.filter(|_| response.status().is_success());
    let rejected = partial.and_then(|body| body.partial_success);
    rejected.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0))
}

fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
