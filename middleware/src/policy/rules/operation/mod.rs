//! `operation`: what a call does. Parameters of the query, members of a JSON body, and arguments of a tool of MCP.

mod body_limit;
mod facts;
mod glob;
mod open_amount;
mod remedies;
mod values;

use std::collections::BTreeMap;

use actgate_yaml::{Span, Spanned};
use serde::Deserialize;

pub(crate) use facts::{MESSAGE, RequestFacts, agreeing};

use body_limit::BodyLimit;
use facts::Got;
use values::{TestDocument, ValueTest};

use super::finding::Finding;
use crate::policy::exact::shown;
use crate::policy::read::{MemberPlace, Need, Place, Reader};
use crate::policy::syntax::{Conditions, Context};
use crate::request::{JsonBody, Member, MemberPath, QueryParameter};

/// The code of a parameter or a member that is missing, of another type, or not accepted.
const NOT_MET: &str = "operation_not_met";

/// Where a call of a tool has its arguments.
const ARGUMENTS: &str = "/params/arguments";

/// The code of a body that is announced as something else than JSON.
const OTHER_TYPE: &str = "body_type_not_allowed";

/// The code of a body with more bytes than `max`.
const TOO_LARGE: &str = "body_too_large";

/// What the request does, by its query and its JSON body. Denied with `operation_not_met`.
/// Example: `{ json: { /amount: { min: 0, max: 500 }, /currency: { one_of: [EUR, USD] } } }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `operation: { json: { /amount: { max: VALUE } } }`"
)]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct OperationDocument {
    /// Parameters of the query, each of which is there once, with this text.
    /// Example: `{ dry_run: 'true' }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
    query: Option<Spanned<Tests>>,
    /// Members of the JSON body, by their JSON pointer. Also denied with `body_malformed`, `body_type_not_allowed`,
    /// `body_too_large` or `body_not_read`.
    /// Example: `{ /amount: { min: 0, max: 500 }, /currency: EUR, /region: { matches: 'EU-*' } }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^/" })))]
    json: Option<Spanned<Tests>>,
    /// Arguments of the call of a tool of MCP, by their JSON pointer within `params.arguments`. Beside `mcp` with the method
    /// `tools/call` alone.
    /// Example: `{ /order_id: 4711 }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": "^/" })))]
    arguments: Option<Spanned<Tests>>,
    /// The most bytes of the body; at most 1MiB, and 64KiB without it. Denied with `body_too_large`.
    /// Example: `64KiB`
    max: Option<Spanned<BodyLimit>>,
}

/// The tests by the name of their parameter, or the path of their member.
type Tests = BTreeMap<String, Spanned<TestDocument>>;

/// A condition on one parameter or one member.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum OperationCondition {
    Query { name: Box<str>, test: ValueTest },
    Body(BodyCondition),
}

/// A condition on one member of a body.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct BodyCondition {
    within: Within,
    /// From the whole body.
    path: MemberPath,
    test: ValueTest,
    /// The most bytes of the body.
    max: u64,
}

/// What the member is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    Body,
    /// `params.arguments` of the message of MCP that the headers name.
    Arguments,
}

pub(super) fn compile(
    document: &Spanned<OperationDocument>,
    context: &mut Context<'_>,
) -> Conditions<OperationCondition> {
    let span = document.span();
    let OperationDocument {
        query,
        json,
        arguments,
        max,
    } = &document.value;
    let mut conditions = Vec::new();
    for (key, tests) in [("query", query), ("json", json), ("arguments", arguments)] {
        if let Some(tests) = tests
            && tests.value.is_empty()
        {
            context.empty(tests.span(), key);
        }
    }
    for (name, test) in query.iter().flat_map(|tests| &tests.value) {
        if let Some(test) = parameter(name, test, context) {
            let condition = OperationCondition::Query {
                name: (**name).into(),
                test,
            };
            conditions.push((format!("query.{name}").into(), condition));
        }
    }
    let limit = max.as_ref().map_or(BodyLimit::DEFAULT, |max| max.value);
    for (key, within, tests) in [
        ("json", Within::Body, json),
        ("arguments", Within::Arguments, arguments),
    ] {
        for (pointer, test) in tests.iter().flat_map(|tests| &tests.value) {
            if let Some((path, test)) = member(key, within, pointer, test, context) {
                let condition = BodyCondition {
                    within,
                    path,
                    test,
                    max: limit.bytes(),
                };
                conditions.push((format!("{key}.{pointer}").into(), OperationCondition::Body(condition)));
            }
        }
    }
    if let Some(arguments) = arguments
        && !context.is_tool_call
    {
        let message = "`arguments` are those of a tool of MCP, and the route is not for calls of tools";
        let help = "write `mcp: { method: tools/call }` beside `match`, or `json` for members of another body";
        context.mistake(arguments.span(), message, help);
    }
    match (query, json, arguments, max) {
        (None, None, None, None) => context.empty(span, "operation"),
        (_, None, None, Some(max)) => {
            let message = "`max` limits the body, and no rule reads it";
            context.mistake(max.span(), message, "write `json`, or remove `max`");
        }
        _ => {}
    }
    conditions
}

fn parameter(name: &str, document: &Spanned<TestDocument>, context: &mut Context<'_>) -> Option<ValueTest> {
    if !is_name(name) {
        let help = "write the name as it is before the `=`, without escapes and brackets";
        context.mistake(
            document.span(),
            format!("`{}` is not the name of a parameter", shown(name)),
            help,
        );
        return None;
    }
    let test = ValueTest::compile(&document.value, document.span(), name, context)?;
    if test.reads_other_than_text() {
        let help = "write the value in quotes: the values of parameters are texts";
        context.mistake(
            document.span(),
            format!("the parameter `{}` is a text", shown(name)),
            help,
        );
        return None;
    }
    Some(test)
}

/// Whether a text can be the name of a parameter in one spelling.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.contains(['&', '=', ';', '%', '+', '[', ']', '?', '*', '#'])
        && !name.contains(char::is_control)
}

fn member(
    key: &str,
    within: Within,
    pointer: &str,
    document: &Spanned<TestDocument>,
    context: &mut Context<'_>,
) -> Option<(MemberPath, ValueTest)> {
    let mistake = |message: String, help: String, span: Span, context: &mut Context<'_>| {
        context.mistake(span, message, help);
        None
    };
    let shown = shown(pointer);
    if pointer.contains('*') || pointer.contains(['[', ']']) {
        let message = format!("`{shown}` is a pattern, and the path of a member has none");
        let help = "write the names of the members, as in `/order/amount`; no rule reads into lists".to_owned();
        return mistake(message, help, document.span(), context);
    }
    let path = match within {
        Within::Body => MemberPath::read(pointer),
        Within::Arguments => MemberPath::read(pointer).and_then(|_| MemberPath::read(&format!("{ARGUMENTS}{pointer}"))),
    };
    let Some(path) = path else {
        let message = format!("`{shown}` is not the path of a member");
        let begin = pointer
            .trim_start_matches("$.")
            .trim_start_matches('/')
            .replace('.', "/");
        let help = format!(
            "write `{key}: {{ /{}: … }}`, a JSON pointer",
            begin.replace(char::is_control, " ")
        );
        return mistake(message, help, document.span(), context);
    };
    let test = ValueTest::compile(&document.value, document.span(), pointer, context)?;
    Some((path, test))
}

impl OperationCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &OperationCondition) -> bool {
        match (self, other) {
            (OperationCondition::Query { name, test }, OperationCondition::Query { name: of, test: other }) => {
                name == of && test.implies(other, true)
            }
            (OperationCondition::Body(one), OperationCondition::Body(other)) => {
                one.is_about_the_member_of(other) && one.test.implies(&other.test, false) && one.max <= other.max
            }
            _ => false,
        }
    }

    /// Whether nothing meets both conditions, as far as that is known.
    pub(in crate::policy) fn excludes(&self, other: &OperationCondition) -> bool {
        match (self, other) {
            (OperationCondition::Query { name, test }, OperationCondition::Query { name: of, test: other }) => {
                name == of && test.excludes(other, true)
            }
            (OperationCondition::Body(one), OperationCondition::Body(other)) => {
                one.is_about_the_member_of(other) && one.test.excludes(&other.test, false)
            }
            _ => false,
        }
    }

    /// The most bytes of the body that the condition reads; [`None`] where it reads none.
    pub(super) fn body_limit(&self) -> Option<u64> {
        match self {
            OperationCondition::Query { .. } => None,
            OperationCondition::Body(condition) => Some(condition.max),
        }
    }

    /// The parameter, or the member, and the values that it is compared with.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        let (place, test) = match self {
            OperationCondition::Query { name, test } => (Place::Parameter(name), test),
            OperationCondition::Body(condition) => (Place::Member(condition.place()), &condition.test),
        };
        let compared = test.compared();
        let need = if compared.is_some() {
            Need::Comparison
        } else {
            Need::Value
        };
        compared.into_iter().flatten().for_each(|value| reader.value(value));
        reader.add(place, need);
    }

    pub(super) fn evaluate(&self, request: &RequestFacts<'_>) -> Finding {
        match self {
            OperationCondition::Query { name, test } => {
                let met = match QueryParameter::find(request.query, name) {
                    QueryParameter::Text(text) => test.accepts_text(&text),
                    QueryParameter::Missing | QueryParameter::Ambiguous(_) => false,
                };
                Finding::met_if(met, NOT_MET)
            }
            OperationCondition::Body(condition) => condition.evaluate(request),
        }
    }

    /// What is expected, and what the request has.
    pub(super) fn explain(&self, request: &RequestFacts<'_>) -> (String, String) {
        match self {
            OperationCondition::Query { name, test } => {
                let got = match QueryParameter::find(request.query, name) {
                    QueryParameter::Text(text) => Got(&text).to_string(),
                    QueryParameter::Missing => "no such parameter".to_owned(),
                    QueryParameter::Ambiguous(reason) => reason.to_owned(),
                };
                (test.to_string(), got)
            }
            OperationCondition::Body(condition) => condition.explain(request),
        }
    }
}

impl BodyCondition {
    fn place(&self) -> MemberPlace<'_> {
        let is_argument = self.within == Within::Arguments;
        MemberPlace {
            path: &self.path,
            is_argument,
            depth: if is_argument { 2 } else { 0 },
        }
    }

    fn is_about_the_member_of(&self, other: &BodyCondition) -> bool {
        self.within == other.within && self.path == other.path
    }

    fn evaluate(&self, request: &RequestFacts<'_>) -> Finding {
        match &request.body {
            JsonBody::OtherType => Finding::Unmet(OTHER_TYPE),
            JsonBody::Unread { announced: Some(bytes) }
            | JsonBody::Malformed { bytes, .. }
            | JsonBody::Object { bytes, .. }
                if *bytes > self.max =>
            {
                Finding::Unmet(TOO_LARGE)
            }
            JsonBody::Malformed { reason, .. } => Finding::MalformedBody(reason),
            JsonBody::Unread { .. } => Finding::NeedsBody,
            JsonBody::TooLong { .. } => Finding::Unmet(TOO_LARGE),
            JsonBody::Object { members, .. } => {
                if self.within == Within::Arguments
                    && let Some(reason) = request.mismatch(members)
                {
                    return Finding::McpMismatch(reason);
                }
                let met = match self.path.find(members) {
                    Member::Value(value) => self.test.accepts(value),
                    Member::Missing | Member::Ambiguous => false,
                };
                Finding::met_if(met, NOT_MET)
            }
        }
    }

    fn explain(&self, request: &RequestFacts<'_>) -> (String, String) {
        let got = match &request.body {
            JsonBody::OtherType => "no body of JSON in UTF-8 without a content coding".to_owned(),
            JsonBody::Unread { announced: Some(bytes) }
            | JsonBody::Malformed { bytes, .. }
            | JsonBody::Object { bytes, .. }
                if *bytes > self.max =>
            {
                format!("{bytes} bytes")
            }
            JsonBody::Malformed { reason, .. } => (*reason).to_owned(),
            JsonBody::Unread { .. } => "a body that was not read".to_owned(),
            JsonBody::TooLong { bytes } => format!("{bytes} bytes or more"),
            JsonBody::Object { members, .. } => match (self.within, request.mismatch(members)) {
                (Within::Arguments, Some(reason)) => reason.to_owned(),
                _ => facts::shown_member(&self.path.find(members)),
            },
        };
        (self.test.to_string(), got)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::json;

    use super::RequestFacts;
    use crate::policy::Policy;
    use crate::policy::testing::{outcome_of_request, requirement, without_body};
    use crate::request::{JsonBody, Mirrored};

    /// The code of the denial, or `allow`, for a request with this query and this body of JSON.
    fn code(body: &str, query: Option<&str>, content: Option<&str>) -> &'static str {
        let headers = HeaderMap::from_iter([(
            "content-type".parse().unwrap(),
            HeaderValue::from_static("application/json"),
        )]);
        let limit = requirement(body).body_limit().unwrap_or_default();
        let facts = RequestFacts {
            query,
            body: JsonBody::read(Some(&headers), content.map(str::as_bytes), limit),
            ..without_body()
        };
        outcome_of_request(body, json!({"sub_profile": "user"}), &facts)
    }

    #[test]
    fn a_parameter_has_to_be_there_once_with_its_value() {
        let rule = "operation: { query: { dry_run: 'true' } }";
        assert_eq!(code(rule, Some("dry_run=true"), None), "allow");
        for query in [
            None,
            Some(""),
            Some("dry_run=false"),
            Some("dry_run=TRUE"),
            Some("dry_run=true&dry_run=true"),
            Some("dry_run=true&dryRun=false"),
        ] {
            assert_eq!(code(rule, query, None), "operation_not_met", "{query:?}");
        }
        let bounded = "operation: { query: { limit: { min: 1, max: 100 } } }";
        for (query, expected) in [
            ("limit=1", "allow"),
            ("limit=100.0", "allow"),
            ("limit=100.1", "operation_not_met"),
            ("limit=0x10", "operation_not_met"),
            ("limit=1e2", "operation_not_met"),
            ("limit=99999e-3", "operation_not_met"),
            ("limit=01", "operation_not_met"),
            ("limit=", "operation_not_met"),
            ("limit=-5", "operation_not_met"),
        ] {
            assert_eq!(code(bounded, Some(query), None), expected, "{query}");
        }
        let matched = "operation: { query: { path: { matches: '/public/*' } } }";
        assert_eq!(code(matched, Some("path=%2Fpublic%2Fa"), None), "allow");
        assert_eq!(
            code(matched, Some("path=%2Fpublic%2F..%2Fa"), None),
            "operation_not_met"
        );
        let name = "operation: { json: { /name: { matches: '*.pdf' } } }";
        assert_eq!(code(name, None, Some(r#"{"name":"a.pdf"}"#)), "allow");
        assert_eq!(
            code(name, None, Some(r#"{"name":"a.php\u0000.pdf"}"#)),
            "operation_not_met"
        );
        assert_eq!(code(matched, Some("path=/private"), None), "operation_not_met");
    }

    #[test]
    fn numbers_are_compared_exactly_and_texts_byte_for_byte() {
        let rule = "operation: { json: { /amount: { max: 500 }, /currency: { one_of: [EUR, USD] } } }";
        let body = |amount: &str, currency: &str| format!("{{\"amount\":{amount},\"currency\":{currency}}}");
        for amount in ["500", "5e2", "500.000", "-1", "0", "499.999999999999999999999999"] {
            assert_eq!(code(rule, None, Some(&body(amount, "\"EUR\""))), "allow", "{amount}");
        }
        assert_eq!(code(rule, None, Some(&body("1", "\"E\\u0055R\""))), "allow");
        for (amount, currency) in [
            ("500.000000000000001", "\"EUR\""),
            ("501", "\"EUR\""),
            ("1e308", "\"EUR\""),
            ("\"1\"", "\"EUR\""),
            ("null", "\"EUR\""),
            ("[1]", "\"EUR\""),
            ("true", "\"EUR\""),
            ("1", "\"eur\""),
            ("1", "\"EUR \""),
            ("1", "null"),
        ] {
            let content = body(amount, currency);
            assert_eq!(code(rule, None, Some(&content)), "operation_not_met", "{content}");
        }
        for content in [
            "{}",
            "{\"amount\":1}",
            "{\"amount\":1,\"currency\":\"EUR\",\"Amount\":9}",
        ] {
            assert_eq!(code(rule, None, Some(content)), "operation_not_met", "{content}");
        }
        for content in [
            "",
            "[]",
            "{\"amount\":1,\"amount\":1}",
            "{\"amount\":1e400}",
            "{\"amount\":NaN}",
        ] {
            assert_eq!(code(rule, None, Some(content)), "body_malformed", "{content}");
        }
    }

    #[test]
    fn values_have_their_types() {
        for (rule, content, expected) in [
            ("/a: 5", "{\"a\":5.0}", "allow"),
            ("/a: 5", "{\"a\":\"5\"}", "operation_not_met"),
            ("/a: '5'", "{\"a\":5}", "operation_not_met"),
            ("/a: true", "{\"a\":true}", "allow"),
            ("/a: true", "{\"a\":\"true\"}", "operation_not_met"),
            ("/a: { one_of: [1, x, false] }", "{\"a\":false}", "allow"),
            ("/a: { one_of: [1, x, false] }", "{\"a\":\"x\"}", "allow"),
            ("/a: { min: '0.5' }", "{\"a\":0.5}", "allow"),
            (
                "/a: { min: '0.5' }",
                "{\"a\":0.49999999999999999999}",
                "operation_not_met",
            ),
            ("/a: { literal: 'x*' }", "{\"a\":\"x*\"}", "allow"),
            ("/a: { literal: 'x*' }", "{\"a\":\"xy\"}", "operation_not_met"),
            ("/a/b: { matches: 'x*' }", "{\"a\":{\"b\":\"xy\"}}", "allow"),
            ("/a/b: x", "{\"a\":[{\"b\":\"x\"}]}", "operation_not_met"),
        ] {
            let body = format!("operation: {{ json: {{ {rule} }} }}");
            assert_eq!(code(&body, None, Some(content)), expected, "{rule} {content}");
        }
    }

    #[test]
    fn a_body_is_asked_for_only_if_nothing_else_is_missing() {
        let rule = "operation: { json: { /a: 1 } }";
        assert_eq!(code(rule, None, None), "body_not_read");
        let denied = format!("{rule}\n    actor: {{ required: true }}");
        assert_eq!(code(&denied, None, None), "actor_missing");
        let old = format!("{rule}\n    initiator: {{ max_auth_age: 5m }}");
        assert_eq!(code(&old, None, None), "auth_too_old");
        let alternative = "any_of: [{ operation: { json: { /a: 1 } } }, { initiator: { kind: human } }]";
        assert_eq!(code(alternative, None, None), "allow");
        let alternative = "any_of: [{ operation: { json: { /a: 1 } } }, { initiator: { max_auth_age: 5m } }]";
        assert_eq!(code(alternative, None, None), "body_not_read");
        assert_eq!(code(alternative, None, Some("{\"a\":1}")), "allow");
        assert_eq!(code(alternative, None, Some("{\"a\":2}")), "auth_too_old");
    }

    #[test]
    fn a_body_over_its_limit_is_denied() {
        let rule = "operation: { json: { /a: 1 }, max: 7B }";
        assert_eq!(requirement(rule).body_limit(), Some(7));
        assert_eq!(code(rule, None, Some("{\"a\":1}")), "allow");
        assert_eq!(code(rule, None, Some("{\"a\":1} ")), "body_too_large");
        for (body, limit) in [
            ("operation: { json: { /a: 1 } }", Some(65_536)),
            ("operation: { query: { a: b } }", None),
            (
                "any_of: [{ operation: { json: { /a: 1 }, max: 1KiB } }, { operation: { json: { /b: 1 }, max: 1MiB } }]",
                Some(1024 * 1024),
            ),
            (
                "operation: { json: { /a: 1 }, max: 2KiB }\n    any_of: [{ operation: { json: { /b: 1 } } }]",
                Some(65_536),
            ),
        ] {
            assert_eq!(requirement(body).body_limit(), limit, "{body}");
        }
    }

    #[test]
    fn arguments_are_those_of_the_call_that_the_headers_name() {
        let rule = "match: POST /mcp\n    mcp: { method: tools/call, name: refund }\n    operation: { arguments: { /amount: { max: 500 } } }";
        let policy = Policy::from_yaml(&format!("routes:\n  - {rule}\n"));
        assert!(policy.is_ok(), "{policy:?}");
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "refund"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let code = |content: &str| {
            let Ok(Mirrored::Call(call)) = Mirrored::read(&headers) else {
                panic!("no call")
            };
            let facts = RequestFacts {
                query: None,
                body: JsonBody::read(Some(&headers), Some(content.as_bytes()), 1000),
                mcp: Some(call),
                ..without_body()
            };
            // A requirement that a route may require is compiled without the route.
            let shared = "requirements: { r: { operation: { arguments: { /amount: { max: 500 } } } } }";
            crate::policy::testing::outcome_of_requirement(shared, "r", &facts)
        };
        let call = |method: &str, name: &str, amount: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"{name}","arguments":{{"amount":{amount}}}}}}}"#
            )
        };
        assert_eq!(code(&call("tools/call", "refund", "500")), "allow");
        assert_eq!(code(&call("tools/call", "refund", "501")), "operation_not_met");
        assert_eq!(code(&call("tools/call", "other", "5")), "mcp_header_mismatch");
        assert_eq!(code(&call("tools/list", "refund", "5")), "mcp_header_mismatch");
        assert_eq!(code("{}"), "mcp_header_mismatch");
        let batch = format!("[{}]", call("tools/call", "refund", "5"));
        assert_eq!(code(&batch), "body_malformed");
        let two = call("tools/call", "refund", "5").replace("\"id\":1", "\"Method\":\"tools/list\"");
        assert_eq!(code(&two), "mcp_header_mismatch");
    }

    #[test]
    fn what_looks_like_a_rule_and_is_none_is_a_mistake_with_help() {
        for (operation, mistake) in [
            ("{}", "3:16: `operation` is empty"),
            ("{ json: {} }", "`json` is empty"),
            ("{ query: {} }", "`query` is empty"),
            (
                "{ json: { amount: 1 } }",
                "`amount` is not the path of a member; write `json: { /amount: … }`, a JSON pointer",
            ),
            ("{ json: { $.a.b: 1 } }", "write `json: { /a/b: … }`"),
            (
                "{ json: { '/a/*': 1 } }",
                "`/a/*` is a pattern, and the path of a member has none",
            ),
            ("{ json: { '/a[0]': 1 } }", "no rule reads into lists"),
            ("{ json: { /a: {} } }", "`/a` needs one test"),
            ("{ json: { /a: { one_of: [] } } }", "`/a` needs one test"),
            ("{ json: { /a: { equals: 1, max: 2 } } }", "`/a` needs one test"),
            (
                "{ json: { /a: { max: 1.5 } } }",
                "a number with a fraction or an exponent is not kept exactly; write it in quotes",
            ),
            ("{ json: { /a: 1.5 } }", "is not kept exactly"),
            (
                "{ json: { /a: { max: lots } } }",
                "`lots` is not a number; write it as JSON does",
            ),
            (
                "{ json: { /a: { min: 2, max: 1 } } }",
                "no number is at least 2 and at most 1; exchange `min` and `max`",
            ),
            (
                "{ json: { /a: 'x*' } }",
                "`x*` is a pattern, and values are compared as they are; write `{ matches: 'a*' }`",
            ),
            ("{ json: { /a: { matches: x } } }", "`x` has no `*`"),
            ("{ json: { /a: { matches: '*' } } }", "`*` matches every text"),
            ("{ json: { /a: { matches: '^x*' } } }", "has more than `*`"),
            ("{ json: { /a: [1, 2] } }", "expected"),
            (
                "{ query: { dry_run: true } }",
                "the parameter `dry_run` is a text; write the value in quotes",
            ),
            ("{ query: { 'a[]': x } }", "`a[]` is not the name of a parameter"),
            (
                "{ query: { a: x }, max: 1KiB }",
                "`max` limits the body, and no rule reads it",
            ),
            (
                "{ json: { /a: 1 }, max: 64 }",
                "expected a size with a unit, not a number; write it as `64KiB`",
            ),
            (
                "{ json: { /a: 1 }, max: 2MiB }",
                "`2MiB` is out of range: from 1B to 1MiB",
            ),
            ("{ json: { /a: 1 }, max: 0B }", "out of range"),
            (
                "{ arguments: { /a: 1 } }",
                "the route is not for calls of tools; write `mcp: { method: tools/call }`",
            ),
            ("{ body: { /a: 1 } }", "unknown key `body`"),
        ] {
            let text = format!("routes:\n  - match: POST /a\n    operation: {operation}\n");
            let error = Policy::from_yaml(&text)
                .unwrap_err()
                .to_string()
                .replace("\n  help: ", "; ");
            assert!(error.contains(mistake), "{operation}: {error}");
            assert_eq!(error.lines().count(), 1, "{operation}: {error}");
        }
    }

    #[test]
    fn an_explanation_has_what_is_expected_and_what_is_there() {
        let shown = |body: &str, query: Option<&str>, content: Option<&str>| {
            let headers = HeaderMap::from_iter([(
                "content-type".parse().unwrap(),
                HeaderValue::from_static("application/json"),
            )]);
            let facts = RequestFacts {
                query,
                body: JsonBody::read(Some(&headers), content.map(str::as_bytes), 100),
                ..without_body()
            };
            let rule = requirement(body)
                .core
                .iter()
                .find(|rule| rule.name.contains("operation"))
                .map(|rule| {
                    let crate::policy::rules::CoreCondition::Operation(condition) = &rule.condition else {
                        panic!("{body}")
                    };
                    let (expected, got) = condition.explain(&facts);
                    format!("{} {expected} <> {got}", rule.name)
                });
            rule.unwrap()
        };
        let amount = "operation: { json: { /amount: { max: 500 } } }";
        let name = "GET /: operation.json./amount a number of at most 500 <>";
        assert_eq!(shown(amount, None, Some("{\"amount\":501}")), format!("{name} 501"));
        assert_eq!(shown(amount, None, Some("{\"amount\":\"5\"}")), format!("{name} \"5\""));
        assert_eq!(shown(amount, None, Some("{}")), format!("{name} no such member"));
        assert_eq!(shown(amount, None, None), format!("{name} a body that was not read"));
        let long = format!("{{\"amount\":\"{}\"}}", "x".repeat(200));
        assert_eq!(shown(amount, None, Some(&long)), format!("{name} 213 bytes or more"));
        let query = "operation: { query: { a: { one_of: [x, y] } } }";
        assert_eq!(
            shown(query, Some("a=z"), None),
            "GET /: operation.query.a \"x\" or \"y\" <> \"z\""
        );
        assert_eq!(
            shown(query, Some("a=z&a=x"), None),
            "GET /: operation.query.a \"x\" or \"y\" <> the parameter is there twice"
        );
    }
}
