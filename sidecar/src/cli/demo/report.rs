//! The output of the demo.

use serde_json::{Value, json};

use super::environment::Environment;
use super::scenarios::{Api, Outcome};
use crate::cli::chain_tree::{self, Node};
use crate::cli::terminal::{bad, faint, good, printable, strong};

/// The result of one scenario.
#[derive(Debug)]
pub(crate) struct ScenarioResult {
    pub(crate) name: &'static str,
    /// The chain in the claims of the token; empty without a token.
    pub(crate) chain: Vec<Node>,
    /// Whether the token was verified.
    pub(crate) verified: bool,
    pub(crate) request: String,
    pub(crate) outcome: Outcome,
    pub(crate) expected: Outcome,
    /// The rule that decided, or the reason.
    pub(crate) reason: Option<String>,
    /// The identity headers that the API received.
    pub(crate) identity: Option<Value>,
    /// The `WWW-Authenticate` header of the response.
    pub(crate) challenge: Option<String>,
}

impl ScenarioResult {
    /// Whether the outcome is the expected one.
    pub(crate) fn as_expected(&self) -> bool {
        self.outcome == self.expected
    }

    /// The result as text.
    pub(crate) fn text(&self, number: usize) -> String {
        let mut text = format!("{}\n", strong(&format!("{number:2}. {}", self.name)));
        for line in chain_tree::draw(&self.chain).lines() {
            text.push_str(&format!("      {line}\n"));
        }
        if !self.verified && !self.chain.is_empty() {
            let note = faint("from the claims of the token, which was not verified");
            text.push_str(&format!("      {note}\n"));
        }
        let outcome = match &self.outcome {
            Outcome::Allowed => good(&self.outcome.to_string()),
            _ => bad(&self.outcome.to_string()),
        };
        let reason = self
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(" ({})", printable(reason)));
        text.push_str(&format!(
            "    {}\n    -> {outcome}{}\n",
            printable(&self.request),
            faint(&reason)
        ));
        if let Some(challenge) = &self.challenge {
            text.push_str(&format!("       {}\n", faint(&printable(challenge))));
        }
        let mark = if self.as_expected() { good("✓") } else { bad("✗") };
        text.push_str(&format!("    {mark} expected: {}\n", self.expected));
        text
    }

    /// The result as JSON.
    pub(crate) fn json(&self) -> Value {
        let chain = self
            .chain
            .iter()
            .map(|node| json!({ "sub": node.subject, "kind": node.kind }));
        json!({
            "scenario": self.name,
            "chain": chain.collect::<Vec<_>>(),
            "verified": self.verified,
            "request": self.request,
            "outcome": self.outcome,
            "expected": self.expected,
            "reason": self.reason,
            "challenge": self.challenge,
            "identity": self.identity,
            "ok": self.as_expected(),
        })
    }
}

/// Commands to try while the demo keeps running.
pub(crate) fn next_steps(environment: &Environment) -> String {
    let (issuer, orders) = (&environment.issuer_url, environment.gate(Api::Orders));
    format!(
        "The demo runs until Ctrl-C. To try it:

  # a token of the agent `night-batch`, without a user
  TOKEN=$(curl -s {issuer}/token -u night-batch:night-batch-secret -d grant_type=client_credentials \\
    -d resource=https://orders.example -d 'scope=orders:read orders:write' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

  curl -i http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\"             # allowed
  curl -i -X DELETE http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\"   # a human must initiate
  curl -i http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\" -H 'X-Auth-Subject: alice'   # forged, removed
  curl -i http://{orders}/orders/42                                               # no token
  curl -i http://{orders}/health                                                  # public

  issuer {issuer}   gates http://{orders} (orders) and http://{shipping} (shipping)

Decisions of the gates:
",
        shipping = environment.gate(Api::Shipping),
    )
}
