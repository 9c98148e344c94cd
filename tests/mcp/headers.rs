//! The table of header, version, sentinel, method and name: through the sidecar and through the library alike.

use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::json;

use super::{Fields, TOOLS, deployment, post, token};
use crate::deployment::Deployment;
use crate::wire::{self, Outcome};

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It reaches the route with these messages; `-` is the route without `mcp`.
    Reaches(&'static str),
    /// 400 with -32020.
    Headers,
    /// 400 with -32022.
    Revision,
}

use Answer::{Headers, Reaches, Revision};

const V: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const LIST: (&str, &str) = ("Mcp-Method", "tools/list");
const CALL: (&str, &str) = ("Mcp-Method", "tools/call");
const READ: (&str, &str) = ("Mcp-Method", "resources/read");
const ORDER: (&str, &str) = ("Mcp-Name", "get_order");
const GETS: Answer = Reaches("mcp tools/call get_*,list_orders");

/// The name of a row, its headers, and its answer.
type Row = (&'static str, Vec<(&'static str, String)>, Answer);

fn rows() -> Vec<Row> {
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

fn written(route: &str) -> String {
    match route {
        "-" => "POST /mcp".to_owned(),
        messages => format!("POST /mcp {messages}"),
    }
}

#[test]
fn every_row_has_its_answer_through_the_sidecar() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    let mut failures = Vec::new();
    for (count, (name, fields, expected)) in rows().into_iter().enumerate() {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let before = deployment.upstream.count();
        let Outcome::Answered(answer) = wire::exchange(deployment.gate.address, &post(&all, &pairs)) else {
            panic!("{name}: no answer")
        };
        let event = deployment.gate.decision_after(count);
        let code = match answer.field("content-type").as_deref() {
            Some("application/json") => answer.json()["error"]["code"].as_i64(),
            _ => None,
        };
        let got = match (answer.status, code, event["code"].as_str()) {
            (200, _, None) => event["route"].as_str().unwrap_or("?").to_owned(),
            (400, Some(-32020), Some("mcp_header_mismatch")) => "headers".to_owned(),
            (400, Some(-32022), Some("mcp_revision_not_supported")) => "revision".to_owned(),
            other => format!("{other:?} {}", answer.everything()),
        };
        let wanted = match expected {
            Reaches(route) => written(route),
            Headers => "headers".to_owned(),
            Revision => "revision".to_owned(),
        };
        if got != wanted {
            failures.push(format!("{name}: {got}, not {wanted}"));
        }
        let received = deployment.upstream.since(before);
        if (answer.status == 200) != (received.len() == 1) {
            failures.push(format!("{name}: {} requests at the upstream", received.len()));
        }
        for head in received.iter().map(|received| &received.head) {
            for (name, value) in &pairs {
                if !head.values(name).iter().any(|sent| sent.trim() == value.trim()) {
                    failures.push(format!("`{name}` is not forwarded as it came"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[tokio::test]
async fn every_row_has_its_answer_through_the_library() {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(TOOLS).unwrap());
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let bearer = format!(
        "Bearer {}",
        issuer.token(json!({ "scope": "list read secret other" })).unwrap()
    );
    let uri = Uri::from_static("/mcp");
    let target = Target::new(&Method::POST, &uri).unwrap();
    for (name, fields, expected) in rows() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::try_from(&bearer).unwrap());
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value);
        }
        let decision = authorizer.decide(&target, &headers).await;
        let error = decision.error();
        let got = match error.map(actgate::Error::code) {
            None => decision.route().unwrap_or("?").to_owned(),
            Some(code) => {
                let code_of_json_rpc = error.and_then(|error| authorizer.challenge(error).json_rpc_code());
                format!("{code} {code_of_json_rpc:?}")
            }
        };
        let wanted = match expected {
            Reaches(route) => written(route),
            Headers => "mcp_header_mismatch Some(-32020)".to_owned(),
            Revision => "mcp_revision_not_supported Some(-32022)".to_owned(),
        };
        assert_eq!(got, wanted, "{name}");
    }
}

#[test]
fn the_json_rpc_error_names_no_message_and_the_accepted_revision() {
    let deployment = deployment();
    let reader = token(&deployment, "read");
    let answer = wire::answer(
        deployment.gate.address,
        &post(&reader, &[("MCP-Protocol-Version", "2025-11-25")]),
    );
    let body = answer.json();
    let decision = deployment.gate.decision_after(0)["id"].clone();
    assert_eq!(
        body,
        json!({
            "jsonrpc": "2.0",
            "error": {
                "code": -32022,
                "message": "revision 2026-07-28 of MCP or a later one is required",
                "data": { "supported": ["2026-07-28"], "requested": "2025-11-25", "decision": decision },
            },
        })
    );
    let answer = wire::answer(deployment.gate.address, &post(&reader, &[CALL, ORDER]));
    let decision = deployment.gate.decision_after(1)["id"].clone();
    assert_eq!(
        answer.json()["error"],
        json!({
            "code": -32020,
            "message": "`MCP-Protocol-Version` is missing; revision 2026-07-28 or a later one is required",
            "data": { "decision": decision },
        })
    );
}

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

#[test]
fn a_header_of_a_message_cannot_be_dropped_on_the_way() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    for nominated in [
        "MCP-Protocol-Version",
        "mcp-method",
        "Mcp_Name",
        "close, Mcp-Param-Region",
        "Origin",
    ] {
        let fields = [V, CALL, ORDER, ("Connection", nominated)];
        let answer = wire::answer(deployment.gate.address, &post(&all, &fields));
        assert_eq!(answer.status, 400, "{nominated}");
    }
    assert_eq!(deployment.upstream.count(), 0);
}

#[test]
fn other_methods_and_spellings_of_the_endpoint_have_no_route() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    for (method, path, status) in [
        ("GET", "/mcp", 403),
        ("DELETE", "/mcp", 403),
        ("PUT", "/mcp", 403),
        ("POST", "/mcp/", 403),
        ("POST", "/MCP", 403),
        ("POST", "/%6dcp", 400),
        ("POST", "/plain", 200),
        ("POST", "/mcp?_method=DELETE", 400),
    ] {
        let request = wire::request(
            method,
            path,
            &["MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list", &all],
        );
        assert_eq!(
            wire::answer(deployment.gate.address, &request).status,
            status,
            "{method} {path}"
        );
    }
}
