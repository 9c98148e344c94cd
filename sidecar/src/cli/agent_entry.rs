//! What the policy states of the agent that acts.

use actgate::policy::Agent;
use serde_json::{Value, json};

use crate::cli::terminal::{printable, strong};

/// One line of text.
pub(crate) fn line(agent: &Agent) -> String {
    let owner = agent.owner().map(|owner| format!("owner {owner}"));
    let groups = agent.groups().map(|group| format!("group {group}"));
    let tenant = agent.tenant().map(|tenant| format!("tenant {tenant}"));
    let stated: Vec<String> = owner.into_iter().chain(groups).chain(tenant).collect();
    let stated = match stated.is_empty() {
        true => String::new(),
        false => format!(": {}", stated.join(", ")),
    };
    let subject = strong(&printable(agent.subject()));
    format!("{subject} is one of `agents` of the policy{}\n", printable(&stated))
}

pub(crate) fn json(agent: &Agent) -> Value {
    json!({
        "subject": agent.subject(),
        "issuer": agent.issuer(),
        "owner": agent.owner(),
        "groups": agent.groups().collect::<Vec<_>>(),
        "tenant": agent.tenant(),
    })
}
