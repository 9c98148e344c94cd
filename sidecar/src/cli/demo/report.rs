//! The output of the demo.

use serde::Serialize;
use serde_json::Value;

use super::environment::Environment;
use super::scenarios::{Api, Outcome, Scenario};
use crate::cli::chain_tree::{self, Node};
use crate::cli::terminal::{bad, faint, good, printable, strong};
use crate::cli::unverified_chain::unverified_chain;

/// The result of one scenario.
#[derive(Serialize)]
pub(crate) struct ScenarioResult<'s> {
    pub(crate) scenario: &'s str,
    /// The chain in the claims of the token; empty without a token.
    pub(crate) chain: Vec<Node>,
    /// Whether the token was verified.
    pub(crate) verified: bool,
    pub(crate) request: String,
    pub(crate) outcome: Outcome,
    pub(crate) expected: &'s Outcome,
    /// The rule that decided, or the reason.
    pub(crate) reason: Option<String>,
    /// The identity headers that the API received.
    pub(crate) identity: Option<Value>,
    /// The `WWW-Authenticate` header of the response.
    pub(crate) challenge: Option<String>,
    /// Whether the outcome is the expected one.
    pub(crate) ok: bool,
}

impl<'s> ScenarioResult<'s> {
    /// The outcome of a request with a verified token, without anything else in the response.
    pub(crate) fn new(scenario: &'s Scenario, token: &str, request: String, outcome: Outcome) -> ScenarioResult<'s> {
        ScenarioResult {
            scenario: &scenario.name,
            chain: unverified_chain(token),
            verified: true,
            request,
            ok: outcome == scenario.expected,
            outcome,
            expected: &scenario.expected,
            reason: None,
            identity: None,
            challenge: None,
        }
    }

    pub(crate) fn text(&self, number: usize) -> String {
        let mut text = format!("{}\n", strong(&format!("{number:2}. {}", self.scenario)));
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
        let reason = self.reason.iter().map(|reason| format!(" ({})", printable(reason)));
        let (request, reason) = (printable(&self.request), faint(&reason.collect::<String>()));
        text.push_str(&format!("    {request}\n    -> {outcome}{reason}\n"));
        if let Some(challenge) = &self.challenge {
            text.push_str(&format!("       {}\n", faint(&printable(challenge))));
        }
        let mark = if self.ok { good("✓") } else { bad("✗") };
        text.push_str(&format!("    {mark} expected: {}\n", self.expected));
        text
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

  # an agent asks alice, who decides on the page of what waits for her; and a command line, whose code is entered on a page
  ACTGATE_CLIENT_SECRET=assistant-secret actgate token approval --issuer {issuer} --client assistant --user alice \\
    --resource https://orders.example --scope 'openid orders:read'
  actgate token device --issuer {issuer} --client terminal --resource https://orders.example --scope orders:read

  Pages for alice (password wonderland) and bob (password builder):
  {issuer}/activity   what happened on their authority
  {issuer}/consents   what they allow
  {issuer}/ciba       what waits for them
  {issuer}/device     the code of a device
  The sign-in page shows the one-time code of alice, and so does:
  curl -s {issuer}/consents | sed -n 's/.*id=\"code-of-alice\">\\([0-9]*\\).*/\\1/p'

  issuer {issuer}   gates http://{orders} (orders) and http://{shipping} (shipping)

Decisions of the gates:
",
        shipping = environment.gate(Api::Shipping),
    )
}
