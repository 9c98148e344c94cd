//! The servers of the demo: the issuer, the sample API, and a gate for each of two audiences.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use actgate_issuer::{Registry, Server, Settings};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::credentials::{Credentials, ORDERS, SHIPPING};
use super::flows::Flows;
use super::http_client::HttpClient;
use super::sample_api;
use super::scenarios::Api;
use crate::config;
use crate::exit::{Context as _, Failure};
use crate::log::decision_log::DecisionLog;
use crate::log::line_writer::Sink;
use crate::server::cores::Cores;
use crate::start::start;

/// The policy of the orders API.
pub(crate) const ORDERS_POLICY: &str = include_str!("orders.yaml");
const SHIPPING_POLICY: &str = include_str!("shipping.yaml");

/// The running servers.
pub(crate) struct Environment {
    /// The issuer's identifier and address.
    pub(crate) issuer_url: String,
    pub(crate) http: HttpClient,
    pub(crate) credentials: Credentials,
    orders: SocketAddr,
    shipping: SocketAddr,
    /// The decisions of both gates.
    pub(crate) decisions: UnboundedReceiver<Value>,
}

impl Environment {
    /// Starts every server on a free loopback port. They run as long as the process.
    pub(crate) async fn start() -> Result<Environment, Failure> {
        let registry = Registry::demo().context("bundled issuer")?;
        let server = Server::bind(([127, 0, 0, 1], 0).into(), Settings::default(), registry).await;
        let server = server.context("bundled issuer")?;
        let http = HttpClient::new();
        let issuer_url = server.issuer_url().to_owned();
        let credentials = Credentials {
            flows: Flows {
                http: http.clone(),
                issuer: issuer_url.clone(),
            },
            issuer: server.handle(),
            strong_login: tokio::sync::OnceCell::new(),
        };
        tokio::spawn(server.serve(std::future::pending()));

        let upstream = sample_api::start().await?;
        let (sender, decisions) = unbounded_channel();
        let gate = async |audience, policy| gate(&issuer_url, upstream, audience, policy, sender.clone()).await;
        Ok(Environment {
            orders: gate(ORDERS, ORDERS_POLICY).await?,
            shipping: gate(SHIPPING, SHIPPING_POLICY).await?,
            http,
            credentials,
            issuer_url,
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
    let log = DecisionLog::to(Decisions(decisions)).context("decision log")?;
    let server = start(settings, log).await?.server;
    let listener = server.clients.as_ref().ok_or("it does not listen").context("gate")?;
    let address = listener.tcp_address().context("gate")?;
    server.current.load().gate.authorizer.ready().await;
    tokio::spawn(server.serve(Cores::default(), std::future::pending()));
    Ok(address)
}

/// A decision log that sends each decision to a channel.
struct Decisions(UnboundedSender<Value>);

impl Sink for Decisions {}

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
