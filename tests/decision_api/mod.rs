//! Decisions for servers that enforce them: each API answers as the gate does.

mod examples;
mod forward_auth;
mod mistakes;
pub mod rows;

use std::net::SocketAddr;

use serde_json::Value;

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, Answer};

/// A gate with a listener for decisions.
pub struct Decisions {
    pub deployment: Deployment,
    pub address: SocketAddr,
}

impl Decisions {
    /// One with the policy of [`rows`] and these lines under `decision_api`, each indented by two.
    pub fn start(apis: &str) -> Self {
        Self::start_with(apis, Configuration::of_policy(rows::POLICY))
    }

    /// The same with another configuration.
    pub fn start_with(apis: &str, mut configuration: Configuration) -> Self {
        let top = &configuration.top;
        configuration.top = format!("decision_api:\n  listen: 127.0.0.1:0\n{apis}{top}");
        let mut deployment = Deployment::start(TokenIssuer::new(), &configuration);
        let address = deployment.gate.process.address("actgate: decisions on ");
        Self { deployment, address }
    }

    /// Sends a request to the listener for decisions; returns the answer and the line in the decision log.
    pub fn ask(&self, request: &[u8]) -> (Answer, Value) {
        self.exchange(self.address, request)
    }

    /// Sends a request to `address`, and waits for the line of the decision.
    pub fn exchange(&self, address: SocketAddr, request: &[u8]) -> (Answer, Value) {
        let known = self.deployment.gate.decisions().len();
        let answer = wire::answer(address, request);
        let line = self.deployment.gate.decision_after(known);
        (answer, line)
    }
}

/// What of a line is the decision.
pub fn decision(line: &Value) -> [&Value; 5] {
    ["decision", "status", "code", "route", "chain"].map(|member| &line[member])
}
