//! Requests to the admin listener of a gate that runs on this machine.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::config;
use crate::exit::Failure;

/// The longest response that is read.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The admin listener of a gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminClient(SocketAddr);

impl AdminClient {
    /// The listener at `address`, or without it at the one that a configuration names, whatever else is wrong with that.
    ///
    /// # Errors
    /// [`Failure::Usage`] where no address is known.
    pub(crate) fn new(address: Option<SocketAddr>, configuration: &Path) -> Result<AdminClient, Failure> {
        let usage = |reason: &str| {
            let file = configuration.display();
            Err(Failure::Usage(format!(
                "`{file}` {reason}; name the address of the gate with `--admin ADDRESS`"
            )))
        };
        match address.map_or_else(|| config::admin_of(configuration), |address| Ok(Some(address))) {
            Ok(Some(address)) if address.port() != 0 => Ok(AdminClient(address)),
            Ok(Some(_)) => usage("leaves the port of `admin` to the system"),
            Ok(None) => usage("has no `admin`"),
            Err(error) => usage(&format!("cannot be used: {error}")),
        }
    }

    /// Sends a request without a body, and returns the status and the body of its response.
    ///
    /// # Errors
    /// [`Failure::NoGate`] where no gate answers within `time`.
    pub(crate) async fn send(self, method: Method, path: &str, time: Duration) -> Result<(StatusCode, Bytes), Failure> {
        let failed = |reason: String| Failure::NoGate(format!("no gate answers on {}: {reason}", self.0));
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.0));
        let request = request.body(Empty::new()).map_err(|error| failed(error.to_string()))?;
        let exchange = async {
            let response = client.request(request).await.map_err(|error| causes(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok((parts.status, body))
        };
        match timeout(time, exchange).await {
            Ok(answer) => answer.map_err(failed),
            Err(_) => Err(failed(format!(
                "it took longer than {}",
                humantime::format_duration(time)
            ))),
        }
    }
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
