//! The rows of the table of header, version, sentinel, method and name.

use super::{CALL, LIST, ORDER, READ, V};
use crate::mcp::Fields;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It reaches the route with these messages; `-` is the route without `mcp`.
    Reaches(&'static str),
    /// 400 with -32020.
    Headers,
    /// 400 with -32022.
    Revision,
}

use Answer::{Headers, Reaches, Revision};

const GETS: Answer = Reaches("mcp tools/call get_*,list_orders");

/// The name of a row, its headers, and its answer.
pub(super) type Row = (&'static str, Vec<(&'static str, String)>, Answer);

pub(super) fn rows() -> Vec<Row> {
    let rows: &[(&str, Fields<'_>, Answer)] = &[
        // Good.
        ("a name by its beginning", &[V, CALL, ORDER], GETS),
        ("a name in full", &[V, CALL, ("Mcp-Name", "list_orders")], GETS),
        (
            "a more specific name",
            &[V, CALL, ("Mcp-Name", "get_secret")],
            Reaches("mcp tools/call get_secret"),
        ),
        ("a method", &[V, LIST], Reaches("mcp server/discover,tools/list")),
        (
            "names in lower case",
            &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")],
            Reaches("mcp server/discover,tools/list"),
        ),
        (
            "blanks around a value",
            &[V, ("Mcp-Method", "  tools/call \t"), ORDER],
            GETS,
        ),
        ("another tool", &[V, CALL, ("Mcp-Name", "delete_order")], Reaches("-")),
        ("another method", &[V, ("Mcp-Method", "prompts/list")], Reaches("-")),
        (
            "a method of an extension",
            &[V, ("Mcp-Method", "example.com/do")],
            Reaches("-"),
        ),
        (
            "a name that no server compares",
            &[V, LIST, ("Mcp-Name", "get_secret")],
            Reaches("mcp server/discover,tools/list"),
        ),
        (
            "a resource",
            &[V, READ, ("Mcp-Name", "file:///public/a")],
            Reaches("mcp resources/read file:///public/*"),
        ),
        (
            "another resource",
            &[V, READ, ("Mcp-Name", "file:///private/a")],
            Reaches("-"),
        ),
        (
            "parameters",
            &[
                V,
                CALL,
                ORDER,
                ("Mcp-Param-Region", "eu"),
                ("Mcp-Param-X", "=?base64?not?="),
            ],
            GETS,
        ),
        (
            "a session of an earlier revision",
            &[V, CALL, ORDER, ("Mcp-Session-Id", "1")],
            Headers,
        ),
        // Case.
        (
            "a name in another case",
            &[V, CALL, ("Mcp-Name", "GET_order")],
            Reaches("-"),
        ),
        (
            "a method in another case",
            &[V, ("Mcp-Method", "Tools/List")],
            Reaches("-"),
        ),
        (
            "a method of a call in another case",
            &[V, ("Mcp-Method", "TOOLS/CALL"), ORDER],
            Reaches("-"),
        ),
        // Version.
        (
            "a later revision",
            &[("MCP-Protocol-Version", "2027-01-31"), CALL, ORDER],
            GETS,
        ),
        ("no revision", &[CALL, ORDER], Headers),
        (
            "an earlier revision",
            &[("MCP-Protocol-Version", "2025-11-25"), CALL, ORDER],
            Revision,
        ),
        (
            "the day before",
            &[("MCP-Protocol-Version", "2026-07-27"), CALL, ORDER],
            Revision,
        ),
        (
            "an earlier revision without a method",
            &[("MCP-Protocol-Version", "2025-06-18")],
            Revision,
        ),
        ("two revisions", &[V, V, CALL, ORDER], Headers),
        (
            "a later and an earlier revision",
            &[("MCP-Protocol-Version", "2025-11-25"), V, CALL, ORDER],
            Headers,
        ),
        (
            "two revisions in one",
            &[("MCP-Protocol-Version", "2026-07-28, 2025-11-25"), CALL, ORDER],
            Headers,
        ),
        (
            "a draft",
            &[("MCP-Protocol-Version", "DRAFT-2026"), CALL, ORDER],
            Revision,
        ),
        (
            "no date",
            &[("MCP-Protocol-Version", "2026-99-99"), CALL, ORDER],
            Revision,
        ),
        (
            "an empty revision",
            &[("MCP-Protocol-Version", ""), CALL, ORDER],
            Headers,
        ),
        (
            "a revision in the sentinel",
            &[("MCP-Protocol-Version", "=?base64?MjAyNi0wNy0yOA==?="), CALL, ORDER],
            Headers,
        ),
        // Missing.
        ("no method", &[V], Headers),
        ("no method, and a name", &[V, ORDER], Headers),
        ("no name of a tool", &[V, CALL], Headers),
        ("no URI of a resource", &[V, READ], Headers),
        ("no name of a prompt", &[V, ("Mcp-Method", "prompts/get")], Headers),
        ("an empty method", &[V, ("Mcp-Method", ""), ORDER], Headers),
        ("an empty name", &[V, CALL, ("Mcp-Name", "")], Headers),
        // Doubled.
        ("two methods", &[V, CALL, LIST, ORDER], Headers),
        ("the same method twice", &[V, CALL, CALL, ORDER], Headers),
        ("two names", &[V, CALL, ORDER, ("Mcp-Name", "get_secret")], Headers),
        (
            "two methods in one",
            &[V, ("Mcp-Method", "tools/list,tools/call"), ORDER],
            Headers,
        ),
        (
            "two names in one",
            &[V, CALL, ("Mcp-Name", "get_order, get_secret")],
            GETS,
        ),
        (
            "another spelling of the name",
            &[V, CALL, ORDER, ("Mcp_Name", "get_secret")],
            Headers,
        ),
        (
            "another spelling of the method",
            &[V, CALL, ORDER, ("mcp.method", "tools/list")],
            Headers,
        ),
        (
            "another spelling of the version alone",
            &[("MCP_Protocol_Version", "2026-07-28"), CALL, ORDER],
            Headers,
        ),
        // The sentinel.
        (
            "the sentinel",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X29yZGVy?=")],
            GETS,
        ),
        (
            "a stricter tool in the sentinel",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X3NlY3JldA==?=")],
            Reaches("mcp tools/call get_secret"),
        ),
        (
            "another script in the sentinel",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X+S4lueVjA==?=")],
            GETS,
        ),
        (
            "the sentinel in upper case",
            &[V, CALL, ("Mcp-Name", "=?BASE64?Z2V0X29yZGVy?=")],
            Headers,
        ),
        (
            "the sentinel without its end",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X29yZGVy")],
            Headers,
        ),
        ("no Base64", &[V, CALL, ("Mcp-Name", "=?base64?Z2V0*X29?=")], Headers),
        (
            "Base64 without padding",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X3NlY3JldA?=")],
            Headers,
        ),
        (
            "Base64 with bits after its end",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X3NlY3JldB==?=")],
            Headers,
        ),
        ("no UTF-8", &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X/8=?=")], Headers),
        (
            "a line feed",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X29yZGVyCg==?=")],
            Headers,
        ),
        (
            "a NUL",
            &[V, CALL, ("Mcp-Name", "=?base64?Z2V0X29yZGVyAA==?=")],
            Headers,
        ),
        (
            "nothing in the sentinel",
            &[V, CALL, ("Mcp-Name", "=?base64??=")],
            Headers,
        ),
        (
            "a method in the sentinel",
            &[V, ("Mcp-Method", "=?base64?dG9vbHMvY2FsbA==?="), ORDER],
            Headers,
        ),
        // Characters.
        ("a tab in a name", &[V, CALL, ("Mcp-Name", "get\torder")], Headers),
        ("a byte outside of ASCII", &[V, CALL, ("Mcp-Name", "get_é")], Headers),
        // URIs.
        (
            "a dot segment",
            &[V, READ, ("Mcp-Name", "file:///public/../private/a")],
            Headers,
        ),
        (
            "an escaped dot segment",
            &[V, READ, ("Mcp-Name", "file:///public/%2e%2e/private/a")],
            Headers,
        ),
        (
            "a needless escape",
            &[V, READ, ("Mcp-Name", "file:///%70ublic/a")],
            Headers,
        ),
        (
            "a scheme in upper case",
            &[V, READ, ("Mcp-Name", "FILE:///public/a")],
            Headers,
        ),
        ("no URI", &[V, READ, ("Mcp-Name", "public/a")], Headers),
    ];
    let owned = |fields: Fields<'static>| {
        fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect()
    };
    let mut rows: Vec<_> = rows
        .iter()
        .map(|(name, fields, answer)| (*name, owned(fields), *answer))
        .collect();
    // Oversized.
    let with = |more: Vec<(&'static str, String)>| [owned(&[V, CALL]), more].concat();
    rows.push((
        "the longest name",
        with(vec![("Mcp-Name", format!("get_{}", "a".repeat(4092)))]),
        GETS,
    ));
    rows.push((
        "a longer name",
        with(vec![("Mcp-Name", format!("get_{}", "a".repeat(4093)))]),
        Headers,
    ));
    let long = vec![
        ("MCP-Protocol-Version", V.1.to_owned()),
        ("Mcp-Method", "a".repeat(129)),
    ];
    rows.push(("a longer method", long, Headers));
    let parameters = |count| [owned(&[V, LIST]), vec![("Mcp-Param-A", "1".to_owned()); count]].concat();
    rows.push((
        "62 parameters",
        parameters(62),
        Reaches("mcp server/discover,tools/list"),
    ));
    rows.push(("63 parameters", parameters(63), Headers));
    rows
}
