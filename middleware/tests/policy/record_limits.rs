//! The form of a record, its bounds and its hashes.

use actgate::chain::Conceal;
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use serde_json::{Value, json};

use super::record_gaps::Decided;
use super::recorded::{KEY, Request, authorizer};

#[test]
fn a_record_is_bounded() {
    let record = |routes: &str, claims: Value, request: &str| {
        let decided = Decided::new(routes, claims, request);
        (decided.record["request"].clone(), decided.alone())
    };
    // A text of a request that is longer than 1 KiB is a hash.
    let query = |length: usize| {
        let rule = "{ match: POST /, operation: { query: { q: { matches: a* } } } }";
        let (found, decided) = record(rule, json!({}), &format!("POST /?q={}", "a".repeat(length)));
        (found["query"]["q"]["is"].get("value").is_some(), decided == "allow")
    };
    assert_eq!((query(1024), query(1025)), ((true, true), (false, false)));
    // At most 64 values.
    let names = |count: usize| (0..count).map(|number| format!("p{number:02}")).collect::<Vec<_>>();
    let count = |count: usize| {
        let rules: Vec<String> = names(count).iter().map(|name| format!("{name}: a")).collect();
        let query: Vec<String> = names(count).iter().map(|name| format!("{name}=a")).collect();
        let rule = format!(
            "{{ match: POST /, operation: {{ query: {{ {} }} }} }}",
            rules.join(", ")
        );
        let (found, decided) = record(&rule, json!({}), &format!("POST /?{}", query.join("&")));
        (found["query"].as_object().unwrap().len(), decided)
    };
    assert_eq!(count(64), (64, "allow".to_owned()));
    let (recorded, decided) = count(65);
    assert_eq!(recorded, 64);
    assert_eq!(
        decided,
        "unknown; POST /: operation.query.p64: the query with the parameter `p64` is not known"
    );
    // A method of MCP that is no usual one may be anything.
    let method = |method: &str| {
        let request = format!("POST / | mcp-protocol-version: 2026-07-28 | mcp-method: {method} | {{}}");
        let routes = "{ match: POST /, mcp: { method: tools/call, name: refund } }, { match: POST / }";
        record(routes, json!({}), &request)
    };
    for usual in ["tools/list", "a_b-C", &*"m".repeat(48)] {
        let (found, decided) = method(usual);
        assert_eq!(
            (&found["mcp"]["named"]["method"], &*decided),
            (&json!(usual), "allow"),
            "{usual}"
        );
    }
    for other in ["tools/list2", "a.b", &*"m".repeat(49)] {
        let (found, decided) = method(other);
        assert!(found.get("mcp").is_none(), "{found}");
        assert_eq!(decided, "unknown; route: the message of MCP is not known");
    }
}

#[test]
fn equal_values_of_two_places_or_types_have_two_hashes() {
    let routes = "{ match: POST /, claims: { a: '1', b: '1', c: 1, d: true, e: 'true' }, operation: { query: { a: '1', b: '1' }, json: { /a: '1', /c: 1, /d: true } } }";
    let issuer = TestIssuer::new().unwrap();
    let authorizer = authorizer(&issuer, &format!("routes: [{routes}]"));
    let claims = json!({ "a": "1", "b": "1", "c": 1, "d": true, "e": "true" });
    let request = r#"POST /?a=1&b=1 | {"a": "1", "c": 1, "d": true}"#;
    let decided = Decided::by(authorizer, &issuer, claims, request, &KEY);
    assert_eq!(decided.alone(), "allow");
    let mut hashes = Vec::new();
    let claims = decided.record["claims"].as_object().unwrap().values();
    let request = &decided.record["request"];
    let parts = request["query"].as_object().unwrap().values();
    let parts = parts.chain(request["body"]["object"]["members"].as_object().unwrap().values());
    for value in claims.chain(parts.map(|part| &part["is"])) {
        hashes.extend(
            value
                .as_object()
                .unwrap()
                .values()
                .map(|hash| hash.as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(hashes.len(), 10);
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 10, "{hashes:?}");
}

/// Shows claims alone: it does not say which values of a request are shown.
struct Claims;

impl Conceal for Claims {
    fn shows(&self, _: &str) -> bool {
        true
    }

    fn hash(&self, value: &[u8]) -> String {
        KEY.hash(value)
    }

    fn key_id(&self) -> &str {
        KEY.key_id()
    }
}

#[test]
fn a_record_has_no_empty_parts_and_no_value_that_is_not_asked_for() {
    let issuer = TestIssuer::new().unwrap();
    let record = |routes: &str, claims: Value, request: &str| {
        let authorizer = authorizer(&issuer, &format!("routes: [{routes}]"));
        let request = Request::read(request, &issuer.token(claims).unwrap());
        let target = Target::new(&request.method, &request.uri).unwrap();
        let presented = Presented::headers(&target, &request.headers);
        let explained = authorizer.explain(&presented, TestIssuer::NOW);
        let recorded = authorizer.record(explained.decision(), &presented, &Claims).unwrap();
        serde_json::to_value(&recorded).unwrap()
    };
    let plain = record(
        "{ match: POST / }",
        json!({ "scope": "a" }),
        "POST / | host: api.example",
    );
    for absent in ["bound", "request", "hash_key", "claims", "unknown"] {
        assert!(plain.get(absent).is_none(), "{absent}: {plain}");
    }
    // The value of a fact that is recorded is not there again beside its source.
    let from = plain["from"].as_array().unwrap();
    for source in from {
        assert!(source.get("value").is_none(), "{source}");
    }
    for fact in ["initiator", "scopes"] {
        assert!(from.iter().any(|source| source["fact"] == fact), "{plain}");
    }
    let forms = record("{ match: POST / }", json!({ "amr": [5], "acr": {} }), "POST /");
    assert_eq!(forms["unknown"], json!({ "acr": "object", "amr": "list" }));
    let empty = record("{ match: POST / }", json!({ "amr": [] }), "POST /");
    assert_eq!(empty["unknown"], json!({ "amr": "empty_list" }));
    let query = record(
        "{ match: POST /, operation: { query: { q: a } } }",
        json!({}),
        "POST /?q=a",
    );
    assert!(query["request"]["query"]["q"]["is"]["text"].is_string(), "{query}");
}
