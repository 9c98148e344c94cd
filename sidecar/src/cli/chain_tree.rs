//! A delegation chain, drawn.

use crate::cli::terminal::{Colour, printable};

/// One party of a chain, as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its subject.
    pub subject: String,
    /// Its issuer, where it is not the token's.
    pub foreign_issuer: Option<String>,
    /// Its kind: `human`, `agent`, `service` or `unknown`.
    pub kind: String,
}

/// Draws a chain, the initiator first and the current actor last, a line each.
pub fn draw(nodes: &[Node], colour: Colour) -> String {
    let mut drawn = String::new();
    for (depth, node) in nodes.iter().enumerate() {
        let branch = match depth {
            0 => String::new(),
            depth => format!("{}└─ ", "   ".repeat(depth - 1)),
        };
        let issuer = node
            .foreign_issuer
            .as_ref()
            .map_or_else(String::new, |issuer| format!(" of {}", printable(issuer)));
        let role = match depth {
            0 => "initiator",
            depth if depth + 1 == nodes.len() => "current actor",
            _ => "prior actor",
        };
        let line = format!(
            "{branch}{} ({}){issuer}",
            colour.strong(&printable(&node.subject)),
            node.kind
        );
        drawn.push_str(&format!("{line}  {}\n", colour.faint(role)));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(subject: &str, kind: &str) -> Node {
        Node {
            subject: subject.into(),
            foreign_issuer: None,
            kind: kind.into(),
        }
    }

    #[test]
    fn the_current_actor_stands_last_and_deepest() {
        let chain = [
            node("alice", "human"),
            node("assistant", "agent"),
            node("refund-agent", "agent"),
        ];
        assert_eq!(
            draw(&chain, Colour::Off),
            "alice (human)  initiator\n└─ assistant (agent)  prior actor\n   └─ refund-agent (agent)  current actor\n"
        );
    }
}
