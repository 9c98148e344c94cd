//! One key of the policy: what is demanded, a token that meets it, one that does not, and the refusal.

use serde_json::{Value, json};

/// One key of the vocabulary.
pub struct Row {
    /// What stands under the route, in YAML's flow style.
    pub demand: String,
    pub good: Value,
    pub bad: Value,
    /// The code of the refusal, and the rule behind `GET /row/{n}: `.
    pub code: &'static str,
    pub rule: &'static str,
    pub status: u16,
    /// What the challenge must say besides its realm.
    pub challenge: &'static [(&'static str, &'static str)],
}

/// A core or history rule: 403, and a challenge would only mislead.
pub fn row(demand: &str, good: Value, bad: Value, code: &'static str, rule: &'static str) -> Row {
    Row {
        demand: demand.to_owned(),
        good,
        bad,
        code,
        rule,
        status: 403,
        challenge: &[],
    }
}

impl Row {
    /// The refusal is one that the caller can act on.
    pub fn with_challenge(mut self, status: u16, challenge: &'static [(&'static str, &'static str)]) -> Self {
        self.status = status;
        self.challenge = challenge;
        self
    }
}

/// An agent that nobody sent.
pub fn agent() -> Value {
    json!({ "sub": "bot", "sub_profile": "ai_agent" })
}
