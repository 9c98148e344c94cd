//! Everything that the demo starts: the issuer, the sample API, and a gate for each of its two audiences.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use actgate_issuer::{IssuerHandle, Registry, Server, Settings};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::credentials;
use super::sample_api;
use super::scenarios::Api;
use crate::cli::run;
use crate::config;
use crate::exit::Failure;
use crate::log::decision_log::DecisionLog;

/// What the policy of the orders API says.
pub const ORDERS_POLICY: &str = include_str!("orders.yaml");
const SHIPPING_POLICY: &str = include_str!("shipping.yaml");

/// The running parts.
pub struct Stage {
    /// The issuer's identifier and address.
    pub issuer_url: String,
    /// A way to steer the issuer.
    pub issuer: IssuerHandle,
    orders: SocketAddr,
    shipping: SocketAddr,
    /// The decisions of both gates, as they write them.
    pub decisions: UnboundedReceiver<Value>,
}

impl Stage {
    /// Starts every part on a free port of loopback. They run as long as the process.
    pub async fn set() -> Result<Stage, Failure> {
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
        Ok(Stage {
            issuer_url,
            issuer,
            orders,
            shipping,
            decisions,
        })
    }

    /// The gate in front of an API.
    pub fn gate(&self, api: Api) -> SocketAddr {
        match api {
            Api::Orders => self.orders,
            Api::Shipping => self.shipping,
        }
    }
}

/// A gate as `actgate run` starts it, but for the file and for where its decisions go.
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
    chain: complete
    prior_actors: restrict
    keys: {{ cooldown: 10ms }}   # the demo replaces keys sooner after the last fetch than any issuer would
{policy}"
    );
    let settings = config::parse(Path::new("demo"), &configuration)?;
    let log = DecisionLog::to(Decisions(decisions)).map_err(|error| Failure::runtime("decision log", error))?;
    let listening = run::listen(settings, log).await?;
    let address = listening.address().map_err(|error| Failure::runtime("gate", error))?;
    listening.keys_ready().await;
    tokio::spawn(listening.serve(std::future::pending()));
    Ok(address)
}

/// Takes the decision log line by line.
struct Decisions(UnboundedSender<Value>);

impl Write for Decisions {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The log writes whole lines.
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let _ = self.0.send(serde_json::from_slice(line)?);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
