//! The servers of the demo: the issuer, the sample API, and a gate for each of two audiences.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use actgate_issuer::{IssuerHandle, Registry, Server, Settings};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::credentials;
use super::sample_api;
use super::scenarios::Api;
use crate::config;
use crate::exit::Failure;
use crate::log::decision_log::DecisionLog;
use crate::start::start;

/// The policy of the orders API.
pub(crate) const ORDERS_POLICY: &str = include_str!("orders.yaml");
const SHIPPING_POLICY: &str = include_str!("shipping.yaml");

/// The running servers.
pub(crate) struct Environment {
    /// The issuer's identifier and address.
    pub(crate) issuer_url: String,
    pub(crate) issuer: IssuerHandle,
    orders: SocketAddr,
    shipping: SocketAddr,
    /// The decisions of both gates.
    pub(crate) decisions: UnboundedReceiver<Value>,
}

impl Environment {
    /// Starts every server on a free loopback port. They run as long as the process.
    pub(crate) async fn start() -> Result<Environment, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::runtime("bundled issuer", error);
        let registry = Registry::demo().map_err(|error| failed(&error))?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(address, Settings::default(), registry)
            .await
            .map_err(|error| failed(&error))?;
        let (issuer_url, issuer) = (server.issuer_url().to_owned(), server.handle());
        tokio::spawn(server.serve(std::future::pending()));

        let upstream = sample_api::start().await?;
        let (sender, decisions) = unbounded_channel();
        let orders = gate(
            &issuer_url,
            upstream,
            credentials::ORDERS,
            ORDERS_POLICY,
            sender.clone(),
        )
        .await?;
        let shipping = gate(&issuer_url, upstream, credentials::SHIPPING, SHIPPING_POLICY, sender).await?;
        Ok(Environment {
            issuer_url,
            issuer,
            orders,
            shipping,
            decisions,
        })
    }

    /// The gate in front of an API.
    pub(crate) fn gate(&self, api: Api) -> SocketAddr {
        match api {
            Api::Orders => self.orders,
            Api::Shipping => self.shipping,
        }
    }
}

/// Starts a gate as `actgate run` does, with its configuration and decisions in memory.
async fn gate(
    issuer: &str,
    upstream: SocketAddr,
    audience: &str,
    policy: &str,
    decisions: UnboundedSender<Value>,
) -> Result<SocketAddr, Failure> {
    let configuration = format!(
        "listen: 127.0.0.1:0
upstream: http://{upstream}
audience: {audience}
issuers:
  - issuer: {issuer}
    chain_completeness: complete
    prior_actors: enforce
    keys: {{ cooldown: 10ms }}   # the demo replaces keys soon after they were fetched
{policy}"
    );
    let settings = config::parse(Path::new("demo"), &configuration)?;
    let log = DecisionLog::to(Decisions(decisions)).map_err(|error| Failure::runtime("decision log", error))?;
    let server = start(settings, log).await?;
    let address = server.data.address().map_err(|error| Failure::runtime("gate", error))?;
    server.proxy.gate.authorizer.ready().await;
    tokio::spawn(server.serve(std::future::pending()));
    Ok(address)
}

/// A decision log that sends each decision to a channel.
struct Decisions(UnboundedSender<Value>);

impl Write for Decisions {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The log writes complete lines.
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let _ = self.0.send(serde_json::from_slice(line)?);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
