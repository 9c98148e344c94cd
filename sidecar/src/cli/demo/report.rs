//! How the demo is told.

use serde::Serialize;
use serde_json::{Value, json};

use super::environment::Stage;
use super::scenarios::Verdict;
use crate::cli::chain_tree::{self, Node};
use crate::cli::demo::scenarios::Api;
use crate::cli::terminal::{Colour, printable};

/// One scenario, played.
#[derive(Debug)]
pub struct Played {
    /// What it shows.
    pub name: &'static str,
    /// The chain that the token claims; empty without a token.
    pub chain: Vec<Node>,
    /// Whether anybody has verified that.
    pub standing: Standing,
    /// What was asked.
    pub request: String,
    /// What came of it.
    pub seen: Verdict,
    /// What had to come of it.
    pub expected: Verdict,
    /// The rule that decided, or the reason in words.
    pub reason: Option<String>,
    /// Whom the API was told about, where it was reached.
    pub told: Option<Value>,
    /// What the caller was told to do about it (`WWW-Authenticate`).
    pub challenge: Option<String>,
}

/// What a chain is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The token was verified.
    Verified,
    /// Anybody could have written it.
    Claimed,
}

impl Played {
    /// Did come of it what had to?
    pub fn as_expected(&self) -> bool {
        self.seen == self.expected
    }

    /// For people.
    pub fn text(&self, number: usize, colour: Colour) -> String {
        let mut text = format!("{}\n", colour.strong(&format!("{number:2}. {}", self.name)));
        for line in chain_tree::draw(&self.chain, colour).lines() {
            text.push_str(&format!("      {line}\n"));
        }
        if self.standing == Standing::Claimed && !self.chain.is_empty() {
            text.push_str(&format!(
                "      {}\n",
                colour.faint("as the token claims, which was not verified")
            ));
        }
        text.push_str(&format!("    {}\n", printable(&self.request)));
        let verdict = match &self.seen {
            Verdict::Allowed => colour.good(&self.seen.to_string()),
            _ => colour.bad(&self.seen.to_string()),
        };
        let reason = self
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(" ({})", printable(reason)));
        let mark = if self.as_expected() {
            colour.good("✓")
        } else {
            colour.bad("✗")
        };
        text.push_str(&format!("    -> {verdict}{}\n", colour.faint(&reason)));
        if let Some(challenge) = &self.challenge {
            text.push_str(&format!("       {}\n", colour.faint(&printable(challenge))));
        }
        text.push_str(&format!("    {mark} expected: {}\n", self.expected));
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!(Object {
            scenario: self.name,
            chain: self
                .chain
                .iter()
                .map(|node| json!({ "sub": node.subject, "kind": node.kind }))
                .collect(),
            standing: self.standing,
            challenge: self.challenge.as_deref(),
            request: &self.request,
            seen: &self.seen,
            expected: &self.expected,
            reason: self.reason.as_deref(),
            told: self.told.as_ref(),
            ok: self.as_expected(),
        })
    }
}

#[derive(Serialize)]
struct Object<'a> {
    scenario: &'a str,
    chain: Vec<Value>,
    standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<&'a str>,
    request: &'a str,
    seen: &'a Verdict,
    expected: &'a Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<&'a Value>,
    ok: bool,
}

/// Lines to paste into a shell, while the demo stays up.
pub fn play_on(stage: &Stage) -> String {
    let (issuer, orders) = (&stage.issuer_url, stage.gate(Api::Orders));
    format!(
        "Everything stays up until Ctrl-C. To play on:

  # the agent `night-batch`, on its own
  TOKEN=$(curl -s {issuer}/token -u night-batch:night-batch-secret -d grant_type=client_credentials \\
    -d resource=https://orders.example -d 'scope=orders:read orders:write' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')

  curl -i http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\"             # allowed
  curl -i -X DELETE http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\"   # a person must initiate
  curl -i http://{orders}/orders/42 -H \"Authorization: Bearer $TOKEN\" -H 'X-Auth-Subject: alice'   # forged, and gone
  curl -i http://{orders}/orders/42                                               # no token
  curl -i http://{orders}/health                                                  # public

  issuer {issuer}   gates http://{orders} (orders) and http://{shipping} (shipping)

The gate's decisions, as they are made:
",
        shipping = stage.gate(Api::Shipping),
    )
}
