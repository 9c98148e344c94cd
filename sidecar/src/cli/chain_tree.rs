//! Draws a delegation chain.

use serde::Serialize;

use crate::cli::terminal::{faint, printable, strong};
use crate::headers::chain_json::Chain;

/// One party of a chain, as it is drawn.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    #[serde(rename = "sub")]
    pub(crate) subject: String,
    /// Its issuer, where it is not that of the token.
    #[serde(skip)]
    pub(crate) other_issuer: Option<String>,
    /// Its kind: `human`, `agent`, `service` or `unknown`.
    pub(crate) kind: String,
}

/// The nodes of a verified chain in a token of `issuer`, the initiator first.
pub(crate) fn nodes(chain: &Chain<'_>, issuer: &str) -> Vec<Node> {
    let actors = chain.actors.iter().rev();
    std::iter::once(&chain.initiator)
        .chain(actors)
        .map(|link| Node {
            subject: link.sub.to_owned(),
            other_issuer: (link.iss != issuer).then(|| link.iss.to_owned()),
            kind: link.kind.to_string(),
        })
        .collect()
}

/// Draws a chain, the initiator first and the current actor last, a line each.
pub(crate) fn draw(nodes: &[Node]) -> String {
    let mut drawing = String::new();
    for (depth, node) in nodes.iter().enumerate() {
        let branch = match depth {
            0 => String::new(),
            depth => format!("{}└─ ", "   ".repeat(depth - 1)),
        };
        let issuer = node
            .other_issuer
            .as_ref()
            .map_or_else(String::new, |issuer| format!(" of {}", printable(issuer)));
        let role = match depth {
            0 => "initiator",
            depth if depth + 1 == nodes.len() => "current actor",
            _ => "prior actor",
        };
        drawing.push_str(&format!(
            "{branch}{} ({}){issuer}  {}\n",
            strong(&printable(&node.subject)),
            node.kind,
            faint(role)
        ));
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_actor_is_last_and_deepest() {
        let chain =
            [("alice", "human"), ("assistant", "agent"), ("refund-agent", "agent")].map(|(subject, kind)| Node {
                subject: subject.into(),
                other_issuer: None,
                kind: kind.into(),
            });
        assert_eq!(
            anstream::adapter::strip_str(&draw(&chain)).to_string(),
            "alice (human)  initiator\n└─ assistant (agent)  prior actor\n   └─ refund-agent (agent)  current actor\n"
        );
    }
}
