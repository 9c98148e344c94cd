//! A row of the table of policy keys: the condition, a token that satisfies it, one that does not, and the denial.

use serde_json::{Value, json};

/// A key of the policy.
pub struct Row {
    /// The members of the route, in the flow style of YAML.
    pub condition: String,
    pub satisfying: Value,
    pub violating: Value,
    /// The code of the denial, and the rule after `GET /row/{n}: `.
    pub code: &'static str,
    pub rule: &'static str,
    pub status: u16,
    /// The parameters of the challenge besides its realm.
    pub challenge: &'static [(&'static str, &'static str)],
}

/// A condition that is denied with 403 and no challenge.
pub fn row(condition: &str, satisfying: Value, violating: Value, code: &'static str, rule: &'static str) -> Row {
    Row {
        condition: condition.to_owned(),
        satisfying,
        violating,
        code,
        rule,
        status: 403,
        challenge: &[],
    }
}

impl Row {
    /// The denial has this status and challenge.
    pub fn with_challenge(mut self, status: u16, challenge: &'static [(&'static str, &'static str)]) -> Self {
        self.status = status;
        self.challenge = challenge;
        self
    }
}

/// An agent on its own.
pub fn agent() -> Value {
    json!({ "sub": "bot", "sub_profile": "ai_agent" })
}
