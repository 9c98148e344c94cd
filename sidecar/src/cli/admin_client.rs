//! Requests to the admin listener of a gate that runs on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::admin::Reach;
use crate::config;
use crate::exit::Failure;

/// The longest response that is read.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// The admin listener of a gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminClient(SocketAddr);

/// What a command asks a gate for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// What each admin listener serves.
    Health,
    /// What is served on loopback alone.
    Administration,
}

impl AdminClient {
    /// The listener at `address`, or without it at one that a configuration names, whatever else is wrong with that.
    ///
    /// # Errors
    /// [`Failure::Usage`] where no address is known.
    pub(crate) fn new(address: Option<SocketAddr>, configuration: &Path, need: Need) -> Result<AdminClient, Failure> {
        let usage = |reason: &str| {
            let file = configuration.display();
            Err(Failure::Usage(format!(
                "`{file}` {reason}; name the address of the gate with `--admin ADDRESS`"
            )))
        };
        if let Some(address) = address {
            return Ok(AdminClient(address));
        }
        let mut addresses = match config::admin_of(configuration) {
            Ok(addresses) => addresses,
            Err(error) => return usage(&format!("cannot be used: {error}")),
        };
        addresses.sort_by_key(|address| Reach::of(*address) == Reach::Network);
        match addresses.first() {
            None => usage("has no `admin`"),
            Some(address) if need == Need::Administration && Reach::of(*address) == Reach::Network => {
                usage("has no `admin` on loopback")
            }
            Some(address) if address.port() == 0 => usage("leaves the port of `admin` to the system"),
            Some(address) => Ok(AdminClient(on_this_machine(*address))),
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

/// Where a client of this machine connects to.
fn on_this_machine(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
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
