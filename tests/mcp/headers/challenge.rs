//! A client without a token: whether it is challenged before its headers are compared.

use super::rows::rows;
use super::{CALL, LIST, ORDER, V};
use crate::deployment::Deployment;
use crate::mcp::{TOOLS, deployment, post};
use crate::wire;

#[test]
fn a_client_without_a_token_is_challenged_whatever_its_headers_are() {
    let deployment = deployment();
    for (name, fields, _) in rows() {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let answer = wire::answer(deployment.gate.address, &post("Authorization: Basic YTpi", &fields));
        assert_eq!(answer.status, 401, "{name}");
        let challenge = answer.field("www-authenticate").unwrap_or_default();
        assert!(challenge.contains("resource_metadata="), "{name}: {challenge}");
    }
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn a_client_without_a_token_is_not_challenged_where_messages_need_none() {
    let public = TOOLS.replace("scopes: [list]", "public: true");
    let deployment = Deployment::with_policy(&public);
    for (fields, status) in [
        (&[V, LIST][..], 200),
        (&[V, CALL, ORDER], 401),
        (&[LIST], 400),
        (&[("MCP-Protocol-Version", "2025-11-25")], 400),
        (&[V, CALL], 400),
    ] {
        let answer = wire::answer(deployment.gate.address, &post("X-Y: z", fields));
        assert_eq!(answer.status, status, "{fields:?}");
    }
}
