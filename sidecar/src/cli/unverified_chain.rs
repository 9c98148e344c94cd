//! The chain of a token that is not verified, for display.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::cli::chain_tree::Node;

/// The chain in the claims of a token, the initiator first; empty without claims.
///
/// No decision depends on it, and it is displayed with a note that it is not verified.
pub(crate) fn unverified_chain(token: &str) -> Vec<Node> {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok())
        .unwrap_or_default();
    let Ok(claims @ Value::Object(_)) = serde_json::from_slice(&claims) else {
        return Vec::new();
    };
    let node = |party: &Value| {
        let kind = match party.get("sub_profile").and_then(Value::as_str) {
            Some("user") => "human",
            Some("ai_agent") => "agent",
            Some("service") => "service",
            _ => "unknown",
        };
        let subject = party.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        Node {
            subject,
            other_issuer: None,
            kind: kind.to_owned(),
        }
    };
    let actors = std::iter::successors(claims.get("act"), |actor| actor.get("act"));
    let mut chain: Vec<Node> = actors.map(node).collect();
    chain.push(node(&claims));
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_read_without_verification() {
        let names = |claims: &str| -> Vec<String> {
            let token = format!("x.{}.x", URL_SAFE_NO_PAD.encode(claims));
            unverified_chain(&token)
                .into_iter()
                .map(|node| format!("{} {}", node.subject, node.kind))
                .collect()
        };
        assert_eq!(
            names(r#"{"sub":"u","sub_profile":"user","act":{"sub":"a","act":{"sub":"b"}}}"#),
            ["u human", "b unknown", "a unknown"]
        );
        assert_eq!(names(r#"{"sub":7,"act":7}"#), [" unknown", " unknown"]);
        assert_eq!(names("[]"), [""; 0]);
        assert!(unverified_chain("no token").is_empty());
    }
}
