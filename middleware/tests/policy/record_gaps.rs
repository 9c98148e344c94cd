//! What the record of a decision lacks, or has in another form than it is written in.

use actgate::chain::RecordedFacts;
use actgate::clock::FixedClock;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, KnownRequest, Policy, Resource};
use http::{HeaderMap, HeaderName, Method, Uri};
use serde_json::{Value, json};

use super::recorded::{EVERYTHING, KEY, Recording, Request, authorizer, record, summary};

const NOW: u64 = TestIssuer::NOW;

/// A decision, and the record of it as JSON.
pub(super) struct Decided {
    pub(super) authorizer: Authorizer,
    pub(super) record: Value,
}

/// What is presented with a record: `POST /?a=b`, headers and a body.
type Given<'g> = (&'g str, &'g [(&'g str, &'g str)], Option<&'g str>);

/// The method and the path alone.
const ALONE: Given<'_> = ("POST /", &[], None);

impl Decided {
    pub(super) fn new(routes: &str, claims: Value, request: &str) -> Decided {
        let issuer = TestIssuer::new().unwrap();
        Decided::by(
            authorizer(&issuer, &format!("routes: [{routes}]")),
            &issuer,
            claims,
            request,
            &EVERYTHING,
        )
    }

    pub(super) fn by(
        authorizer: Authorizer,
        issuer: &TestIssuer,
        claims: Value,
        request: &str,
        conceal: &Recording<'_>,
    ) -> Decided {
        let request = Request::read(request, &issuer.token(claims).unwrap());
        let target = Target::new(&request.method, &request.uri).unwrap();
        let presented = Presented::headers(&target, &request.headers).body(request.body.as_bytes());
        let explained = authorizer.explain(&presented, NOW);
        let recorded = record(&authorizer, &explained, &presented, conceal).expect("a record");
        Decided {
            record: serde_json::to_value(&recorded).unwrap(),
            authorizer,
        }
    }

    pub(super) fn facts(&self) -> RecordedFacts {
        RecordedFacts::from_json(&self.record.to_string()).unwrap()
    }

    /// The same with another value at a pointer of the record; [`None`] removes it.
    pub(super) fn with(&self, pointer: &str, value: Option<Value>) -> Decided {
        let mut record = self.record.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = record
            .pointer_mut(parent)
            .and_then(Value::as_object_mut)
            .expect("an object");
        match value {
            Some(value) => parent.insert(name.to_owned(), value),
            None => parent.remove(name),
        };
        Decided {
            authorizer: self.authorizer.clone(),
            record,
        }
    }

    fn explain(&self, (line, fields, body): Given<'_>, known: KnownRequest) -> String {
        let (method, uri) = line.split_once(' ').unwrap();
        let (method, uri) = (method.parse::<Method>().unwrap(), uri.parse::<Uri>().unwrap());
        let target = Target::new(&method, &uri).unwrap();
        let of_one = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let headers: HeaderMap = fields.iter().map(of_one).collect();
        let presented = match fields {
            [] => Presented::token(&target, ""),
            _ => Presented::headers(&target, &headers),
        };
        let presented = body.map_or(presented, |body| presented.body(body.as_bytes()));
        summary(
            &self
                .authorizer
                .explain_recorded(&self.facts(), &presented, known, NOW, Some(&KEY)),
        )
    }

    pub(super) fn alone(&self) -> String {
        self.explain(ALONE, KnownRequest::nothing())
    }
}

const QUERY: &str = "{ match: POST /, operation: { query: { q: a } } }";
const HEADER: &str = r#"{ match: POST /, expression: '"x-a" in request.headers' }"#;
const BODY: &str = "{ match: POST /, operation: { json: { /a: x } } }";
const MESSAGE: &str =
    "{ match: POST /, mcp: { method: tools/call, name: refund } }, { match: POST /, scopes: [other] }";
const CALL: &str = r#"POST / | mcp-protocol-version: 2026-07-28 | mcp-method: tools/call | mcp-name: refund | {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "refund"}}"#;

#[test]
fn a_part_that_is_not_recorded_is_named_unless_it_is_presented() {
    let none = KnownRequest::nothing();
    let (query, headers, body) = (none.with_query(), none.with_headers(), none.with_body());
    let without = |routes: &str, request: &str, pointer: &str| {
        let decided = Decided::new(routes, json!({}), request);
        assert_eq!(decided.alone(), "allow", "{routes}");
        decided.with(pointer, None)
    };
    let found = without(QUERY, "POST /?q=a", "/request/query");
    let unknown = "unknown; POST /: operation.query.q: the query with the parameter `q` is not known";
    for (line, known, expected) in [
        ("POST /", none, unknown),
        ("POST /?q=a", none, unknown),
        ("POST /?q=a", headers, unknown),
        ("POST /?q=a", body, unknown),
        ("POST /?q=a", query, "allow"),
        ("POST /?q=b", query, "operation_not_met"),
        ("POST /", query, "operation_not_met"),
    ] {
        assert_eq!(found.explain((line, &[], None), known), expected, "{line} {known:?}");
    }
    let found = without(HEADER, "POST / | x-a: b", "/request/headers");
    let unknown = "unknown; POST /: expression: the header `x-a` is not known";
    for (fields, known, expected) in [
        (&[][..], none, unknown),
        (&[("x-b", "c")], none, unknown),
        (&[("x-b", "c")], query, unknown),
        (&[("x-b", "c")], headers, "expression_not_true"),
        (&[], headers, "expression_not_true"),
        (&[("x-a", "c")], none, "allow"),
        (&[("x-a", "c")], headers, "allow"),
    ] {
        assert_eq!(
            found.explain(("POST /", fields, None), known),
            expected,
            "{fields:?} {known:?}"
        );
    }
    let found = without(BODY, r#"POST / | {"a": "x"}"#, "/request/body");
    let unknown = "unknown; POST /: operation.json./a: the body is not known";
    let json = &[("content-type", "application/json")][..];
    for (fields, content, known, expected) in [
        (&[][..], None, none, unknown),
        (json, None, headers, unknown),
        (json, Some(r#"{"a": "x"}"#), none, "allow"),
        (json, Some(r#"{"a": "y"}"#), none, "operation_not_met"),
        (&[], Some(r#"{"a": "x"}"#), none, "body_type_not_allowed"),
        (json, None, body, "body_not_read"),
    ] {
        let found = found.explain(("POST /", fields, content), known);
        assert_eq!(found, expected, "{fields:?} {content:?} {known:?}");
    }
    let found = without(MESSAGE, CALL, "/request/mcp");
    let named = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "refund"),
    ];
    for (fields, known, expected) in [
        (&[][..], none, "unknown; route: the message of MCP is not known"),
        (&[], query, "unknown; route: the message of MCP is not known"),
        (&[], headers, "insufficient_scope"),
        (&named, none, "allow"),
        (&named[..1], none, "mcp_header_mismatch"),
    ] {
        assert_eq!(
            found.explain(("POST /", fields, None), known),
            expected,
            "{fields:?} {known:?}"
        );
    }
}

#[test]
fn what_is_presented_counts_before_what_is_recorded() {
    let none = KnownRequest::nothing();
    let found = Decided::new(QUERY, json!({}), "POST /?q=a");
    assert_eq!(found.explain(("POST /?q=b", &[], None), none), "allow");
    assert_eq!(
        found.explain(("POST /?q=b", &[], None), none.with_query()),
        "operation_not_met"
    );
    let found = Decided::new(
        "{ match: POST /, expression: 'request.headers[\"x-a\"] == \"b\"' }",
        json!({}),
        "POST / | x-a: b",
    );
    assert_eq!(found.alone(), "allow");
    assert_eq!(
        found.explain(("POST /", &[("x-a", "c")], None), none),
        "expression_not_true"
    );
    assert_eq!(found.explain(ALONE, none.with_headers()), "expression_not_true");
    let found = Decided::new(BODY, json!({}), r#"POST / | {"a": "x"}"#);
    let json = &[("content-type", "application/json")][..];
    assert_eq!(
        found.explain(("POST /", json, Some(r#"{"a": "y"}"#)), none),
        "operation_not_met"
    );
    assert_eq!(found.explain(("POST /", json, None), none.with_body()), "body_not_read");
    let found = Decided::new(MESSAGE, json!({}), CALL);
    assert_eq!(found.explain(ALONE, none.with_headers()), "insufficient_scope");
    // The credential that is presented is not read, also where it decides how an error is shown.
    let doubled = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools call")];
    assert_eq!(found.explain(("POST /", &doubled, None), none), "mcp_header_mismatch");
}

#[test]
fn a_value_that_no_record_has_is_not_decided() {
    let text = |text: &str| json!({ "is": { "value": text } });
    let query = Decided::new(QUERY, json!({}), "POST /?q=a");
    let header = Decided::new(HEADER, json!({}), "POST / | x-a: b");
    let body = Decided::new(BODY, json!({}), r#"POST / | {"a": "x"}"#);
    let message = Decided::new(MESSAGE, json!({}), CALL);
    let of_query = "unknown; POST /: operation.query.q: the value of `query.q` of the request is not recorded";
    let of_header = "unknown; POST /: expression: the value of `headers.x-a` of the request is not recorded";
    for (decided, pointer, value, expected) in [
        (&query, "/request/query/q", json!({ "is": { "value": 1 } }), of_query),
        (&query, "/request/query/q", json!({ "is": "null" }), of_query),
        (
            &query,
            "/request/query/q",
            json!({ "ambiguous": "another reason" }),
            of_query,
        ),
        (&query, "/request/query/q", text("b"), "operation_not_met"),
        (
            &header,
            "/request/headers/x-a",
            json!({ "is": { "value": 1 } }),
            of_header,
        ),
        (&header, "/request/headers/x-a", text("a\nb"), of_header),
        (&header, "/request/headers/x-a", text("c"), "allow"),
        (
            &body,
            "/request/body",
            json!({ "malformed": { "reason": "another reason", "bytes": 3 } }),
            "unknown; POST /: operation.json./a: the body is not known",
        ),
        (&body, "/request/body", json!({ "unread": null }), "body_not_read"),
        (&body, "/request/body", json!({ "unread": 5 }), "body_not_read"),
        (&body, "/request/body", json!({ "too_long": 70_000 }), "body_too_large"),
        (&body, "/request/body", json!("other_type"), "body_type_not_allowed"),
        (
            &message,
            "/request/mcp",
            json!({ "named": { "method": "a\nb" } }),
            "unknown; route: the message of MCP is not one that headers name",
        ),
        (
            &message,
            "/request/mcp/named/name",
            json!({ "value": 1 }),
            "unknown; route: the value of `mcp.name` of the request is not recorded",
        ),
        (&message, "/request/mcp", json!("unnamed"), "insufficient_scope"),
        (&query, "/iss", json!("https://other.example"), "invalid_claim"),
    ] {
        assert_eq!(decided.with(pointer, Some(value)).alone(), expected, "{pointer}");
    }
    let unnamed = header
        .with("/request/headers/x-a", None)
        .with("/request/headers/x a", Some(text("c")));
    assert_eq!(
        unnamed.alone(),
        "unknown; POST /: expression: the header `x-a` is not known"
    );
}

#[test]
fn a_resource_is_chosen_by_the_recorded_host() {
    let issuer = TestIssuer::new().unwrap();
    let resource = |host: &str| Resource::new(&format!("https://{host}")).unwrap().host(host).unwrap();
    let keys = issuer.key_set().unwrap();
    let trusted = actgate::TrustedIssuer::new(TestIssuer::ISSUER, keys).unwrap();
    let builder = Authorizer::builder().issuer(trusted).clock(FixedClock::at(NOW));
    let builder = builder
        .resource(resource("orders.example"))
        .resource(resource("admin.example"));
    let authorizer = builder
        .policy(Policy::from_yaml("routes: [{ match: POST / }]").unwrap())
        .build()
        .unwrap();
    let claims = json!({ "aud": "https://orders.example" });
    let decided = Decided::by(authorizer, &issuer, claims, "POST / | host: orders.example", &KEY);
    assert_eq!(decided.facts().host(), Some("orders.example"));
    assert_eq!(decided.alone(), "allow");
    let other = decided.with("/request/host", Some("admin.example".into()));
    assert_eq!(
        (other.facts().host(), &*other.alone()),
        (Some("admin.example"), "invalid_claim")
    );
    let host = |name| [("host", name)];
    let none = KnownRequest::nothing();
    assert_eq!(other.explain(("POST /", &host("orders.example"), None), none), "allow");
    assert_eq!(
        decided.explain(("POST /", &host("admin.example"), None), none),
        "invalid_claim"
    );
    let without = decided.with("/request/host", None);
    assert_eq!(
        (without.facts().host(), &*without.alone()),
        (None, "unknown; resource: the host is not known")
    );
    assert_eq!(
        without.explain(("POST /", &host("orders.example"), None), none),
        "allow"
    );
    let no_host = decided.with("/request/host", Some("a\nb".into()));
    assert_eq!(no_host.alone(), "unknown; resource: the host is not known");
}
