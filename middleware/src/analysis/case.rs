//! One case: a request with its token, and the decision that it is expected to get.

use std::collections::BTreeMap;

use actgate_yaml::{Diagnostics, OneOrMany, Span, Spanned};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::case_outcome::{CaseOutcome, check_outcome};
use super::token::{CaseToken, TokenDocument};
use crate::time_document::{self, TimeDocument};

/// The longest name of a case, in bytes.
const MAX_NAME: usize = 200;

/// One request with its token, and the decision that it is expected to get.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CaseDocument {
    /// What the case is about, in a few words.
    /// Example: `a person through the listed agent`
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_NAME), regex(pattern = r"\S")))]
    pub(super) name: Spanned<String>,
    /// Method and target of the request, with one space between them.
    /// Example: `POST /refunds?dry=1`
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+$"))
    )]
    request: Spanned<String>,
    /// Headers of the request beside the token. A list is sent as several fields.
    /// Example: `{ mcp-method: tools/call }`
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<HeaderName, OneOrMany<HeaderValue>>"))]
    headers: BTreeMap<String, Spanned<OneOrMany<String>>>,
    /// The body of the request: a text as it is, or a mapping or a list, which is sent as JSON. Without a `Content-Type` it is
    /// `application/json`.
    /// Example: `{ amount: 100 }`
    body: Option<Value>,
    /// The certificate of the client: its DER in Base64, in one line.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"))
    )]
    certificate: Option<Spanned<String>>,
    /// The time of the request (RFC 3339). Default: the time at which the cases are run.
    /// Example: `'2026-01-01T12:00:00Z'`
    #[cfg_attr(feature = "schema", schemars(regex(pattern = TIME)))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    at: Option<Spanned<TimeDocument>>,
    /// The `typ` in the header of the token. Default: `at+jwt`.
    /// Example: `JWT`
    typ: Option<String>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::token::TokenSchema>"))]
    token: Option<Spanned<TokenDocument>>,
    /// The decision that the request is expected to get.
    /// Example: `allow`
    /// Example: `{ deny: initiator_not_human, status: 403 }`
    expect: Spanned<CaseOutcome>,
    /// The expected decision if every rule in shadow were enforced, where it is not that of `expect`.
    /// Example: `{ deny: initiator_not_human, status: 403 }`
    shadow: Option<Spanned<CaseOutcome>>,
}

/// The form of a time with its offset.
#[cfg(feature = "schema")]
const TIME: &str = r"^[+0-9].*[Tt ].*([Zz]|[+-][0-9:.]+)(\[.*\])*$";

/// Names and values of headers, as a document has them.
#[cfg(feature = "schema")]
struct HeaderName;
#[cfg(feature = "schema")]
struct HeaderValue;

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The name of a header.
    HeaderName = "HeaderName", { "type": "string", "pattern": r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" };
    /// The value of a header.
    HeaderValue = "HeaderValue", { "type": "string", "pattern": r"^[^\x00-\x08\x0a-\x1f\x7f]*$" };
}

/// One request with its token, and the decision that it is expected to get.
#[derive(Clone, Debug)]
pub struct Case {
    name: String,
    span: Span,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    certificate: Option<Vec<u8>>,
    at: Option<u64>,
    header_type: Option<String>,
    token: Option<CaseToken>,
    expected: CaseOutcome,
    shadow: Option<CaseOutcome>,
}

impl Case {
    /// What the case is about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line of its name, from 1.
    pub fn line(&self) -> u64 {
        self.span.line
    }

    /// The method of the request.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The target of the request as it is written: `/orders/1?fields=id`. It need not be a valid one.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The headers beside the token, each field by itself.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The body of the request.
    pub fn body(&self) -> Option<&str> {
        self.body.as_deref()
    }

    /// The certificate of the client, in DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// The time of the request in seconds since 1970; [`None`] where the case does not state it.
    pub fn at(&self) -> Option<u64> {
        self.at
    }

    /// The `typ` in the header of the token, where the case states it.
    pub fn header_type(&self) -> Option<&str> {
        self.header_type.as_deref()
    }

    /// The token; [`None`] for a request without one.
    pub fn token(&self) -> Option<&CaseToken> {
        self.token.as_ref()
    }

    /// The expected decision.
    pub fn expected(&self) -> &CaseOutcome {
        &self.expected
    }

    /// The expected decision if every rule in shadow were enforced, where `in_shadow` is the one that would be made: the case states it,
    /// or it is [`expected`](Self::expected). [`None`] for a case that states none, without a rule in shadow.
    pub fn expected_in_shadow(&self, in_shadow: Option<&CaseOutcome>) -> Option<&CaseOutcome> {
        let same = in_shadow.map(|_| &self.expected);
        self.shadow.as_ref().or(same)
    }

    /// Checks the meaning of the written form. [`None`] for one with a mistake.
    pub(super) fn compile(document: CaseDocument, diagnostics: &mut Diagnostics) -> Option<Case> {
        let before = diagnostics.len();
        let span = document.name.span();
        let name = document.name.value;
        if name.trim().is_empty() || name.len() > MAX_NAME {
            let message = format!("the name of a case has 1 to {MAX_NAME} bytes");
            diagnostics.push(span, message, "write in a few words what the case is about");
        }
        let (method, target) = request(&document.request, diagnostics);
        let headers = headers(document.headers, diagnostics);
        let certificate = document.certificate.as_ref();
        let certificate = certificate.and_then(|written| der(written, diagnostics));
        let at = document.at.as_ref().and_then(|written| seconds(written, diagnostics));
        let token = document.token.map(|written| CaseToken::compile(written, diagnostics));
        check_outcome(&document.expect, diagnostics);
        if let Some(shadow) = &document.shadow {
            check_outcome(shadow, diagnostics);
        }
        (diagnostics.len() == before).then(|| Case {
            name,
            span,
            method,
            target,
            headers,
            body: document.body.map(body),
            certificate,
            at,
            header_type: document.typ,
            token: token.flatten(),
            expected: document.expect.value,
            shadow: document.shadow.map(|shadow| shadow.value),
        })
    }
}

/// Method and target of `METHOD TARGET`.
fn request(written: &Spanned<String>, diagnostics: &mut Diagnostics) -> (String, String) {
    let parts = written.value.split_once(' ');
    let parts = parts.filter(|(method, target)| {
        let is_target = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_graphic());
        is_token(method) && is_target
    });
    let Some((method, target)) = parts else {
        let message = "a request is a method and a target, with one space between them";
        let help =
            "write it as in `POST /refunds?dry=1`; escape other characters than those of ASCII, a space as `%20`";
        diagnostics.push(written.span(), message, help);
        return (String::new(), String::new());
    };
    (method.to_owned(), target.to_owned())
}

fn headers(
    written: BTreeMap<String, Spanned<OneOrMany<String>>>,
    diagnostics: &mut Diagnostics,
) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, values) in written {
        if !is_token(&name) {
            let message = format!("`{name}` is no name of a header");
            diagnostics.push(values.span(), message, "write it as in `mcp-method: tools/call`");
        }
        let is_sent = |value: &String| !value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
        if !values.value.iter().all(is_sent) {
            let message = format!("a value of `{name}` contains a control character");
            diagnostics.push(values.span(), message, "remove it: no server receives it");
        }
        headers.extend(values.value.0.into_iter().map(|value| (name.clone(), value)));
    }
    headers
}

/// Whether a text is a token of RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

/// A text as it is, any other value as JSON.
fn body(written: Value) -> String {
    match written {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

fn der(written: &Spanned<String>, diagnostics: &mut Diagnostics) -> Option<Vec<u8>> {
    let der = STANDARD.decode(&written.value).ok();
    if der.is_none() {
        let help = "write what is between the lines `BEGIN CERTIFICATE` and `END CERTIFICATE`, in one line";
        diagnostics.push(written.span(), "a certificate is written in Base64", help);
    }
    der
}

/// The last whole second that is not after the time.
fn seconds(written: &Spanned<TimeDocument>, diagnostics: &mut Diagnostics) -> Option<u64> {
    let time = time_document::read(written, diagnostics)?;
    u64::try_from(time.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use crate::analysis::{Case, CaseOutcome, Cases};

    /// The only case with these keys.
    fn case(keys: &str) -> Case {
        let text = format!("cases: [{{ name: a, request: GET /, expect: allow, {keys} }}]");
        let cases = Cases::from_yaml(&text).unwrap_or_else(|error| panic!("{error}"));
        cases.iter().next().unwrap().clone()
    }

    /// The only mistake of a case with these keys.
    fn mistake(keys: &str) -> String {
        let error = Cases::from_yaml(&format!("cases: [{{ {keys} }}]")).unwrap_err();
        assert_eq!(error.iter().len(), 1, "{error}");
        error.to_string().replace("\n  help: ", "; ")
    }

    #[test]
    fn a_body_is_sent_as_it_is_written_or_as_json() {
        assert_eq!(case("body: 'a=1'").body(), Some("a=1"));
        assert_eq!(case("body: { b: 1, a: [x] }").body(), Some(r#"{"a":["x"],"b":1}"#));
        assert_eq!(case("typ: JWT").body(), None);
    }

    #[test]
    fn a_time_has_its_offset() {
        assert_eq!(case("at: 2026-01-01T01:00:00+01:00").at(), Some(1_767_225_600));
        let written = "name: a, request: GET /, expect: allow, at: ";
        for time in ["yesterday", "2026-01-01T00:00:00", "1969-01-01T00:00:00Z"] {
            let expected = format!("`{time}` is no time since 1970 with its offset");
            let mistake = mistake(&format!("{written}'{time}'"));
            assert!(mistake.contains(&expected), "{mistake}");
        }
    }

    #[test]
    fn each_mistake_of_a_case_is_reported_at_its_place() {
        let rest = "expect: allow";
        for (keys, place, expected) in [
            (
                "name: ' ', request: GET /, expect: allow",
                "1:17",
                "the name of a case has 1 to 200 bytes",
            ),
            (
                &*format!("name: a, request: GET, {rest}"),
                "1:29",
                "a request is a method and a target",
            ),
            (
                &*format!("name: a, request: /a, {rest}"),
                "1:29",
                "a request is a method and a target",
            ),
            (
                &*format!("name: a, request: GET /a b, {rest}"),
                "1:29",
                "a request is a method and a target",
            ),
            (
                &*format!("name: a, request: GET /é, {rest}"),
                "1:29",
                "a request is a method and a target",
            ),
            (
                "name: a, request: GET /, expect: allow, headers: { 'a b': c }",
                "1:69",
                "`a b` is no name of a header",
            ),
            (
                "name: a, request: GET /, expect: allow, headers: { a: \"b\\nc\" }",
                "1:65",
                "a value of `a` contains a control",
            ),
            (
                "name: a, request: GET /, expect: allow, certificate: '?'",
                "1:64",
                "a certificate is written in Base64",
            ),
            (
                "name: a, request: GET /, expect: { deny: no_route, status: 200 }",
                "1:44",
                "200 is no status",
            ),
            (
                "name: a, request: GET /, expect: { deny: No route, status: 403 }",
                "1:44",
                "`No route` is no code of a denial; did you mean `no_route`?",
            ),
            (
                "name: a, request: GET /, expect: { deny: initiator_not_humane, status: 403 }",
                "1:44",
                "`initiator_not_humane` is no code of a denial; did you mean `initiator_not_human`?",
            ),
            (
                "name: a, request: GET /, expect: { deny: x, status: 403 }",
                "1:44",
                "`x` is no code of a denial; write it as in `initiator_not_human`; `actgate help policy` has the code",
            ),
            (
                "name: a, request: GET /, expect: allow, shadow: { deny: no_route, status: 1 }",
                "1:59",
                "1 is no status",
            ),
            (
                "name: a, request: GET /, expect: { deny: limit_exceeded, status: 429 }",
                "1:44",
                "no case has `limit_exceeded`: limits are not counted in cases; write the decision on a request within the limit",
            ),
            (
                "name: a, request: GET /, expect: allow, shadow: { deny: limit_unavailable }",
                "1:59",
                "no case has `limit_unavailable`: limits are not counted in cases",
            ),
            (
                "name: a, request: GET /, expect: alow",
                "1:44",
                "unknown word `alow`; did you mean `allow`?",
            ),
            (
                "name: a, request: GET /, expct: allow",
                "1:36",
                "unknown key `expct`; did you mean `expect`?",
            ),
            ("request: GET /, expect: allow", "1:9", "the key `name` is missing"),
        ] {
            let mistake = mistake(keys);
            assert!(
                mistake.starts_with(&format!("{place}: {expected}")),
                "{keys}: {mistake}"
            );
        }
    }

    #[test]
    fn a_token_by_preset_has_the_claims_of_its_fixture() {
        let token = |keys: &str| case(&format!("token: {keys}")).token().unwrap().clone();
        let of_claims = token("{ sub: u1, act: { sub: a1 } }");
        assert_eq!((of_claims.preset(), of_claims.header_type()), (None, None));
        assert_eq!(of_claims.claims()["act"]["sub"], "a1");
        let keycloak = token("{ preset: keycloak, fixture: human, claims: { scope: a, sid: null } }");
        assert_eq!(keycloak.preset(), Some("keycloak"));
        assert_eq!(keycloak.header_type().as_deref(), Some("JWT"));
        assert_eq!(keycloak.claims()["scope"], "a");
        let fixture = keycloak.fixture_claims("https://i", "https://a");
        assert_eq!(fixture["typ"], "Bearer");
        let chain = token("{ preset: keycloak, fixture: delegated }");
        assert_eq!(
            chain.fixture_claims("https://i", "https://a")["act"]["iss"],
            "https://i"
        );
        assert!(
            token("{ preset: okta, claims: { sub: u1 } }")
                .fixture_claims("", "")
                .is_empty()
        );
        assert_eq!(token("{ claims: { preset: x } }").claims()["preset"], "x");
    }

    #[test]
    fn each_mistake_of_a_token_by_preset_is_reported_at_its_place() {
        for (token, place, expected) in [
            (
                "{ preset: keyclok }",
                "1:68",
                "unknown preset `keyclok`; did you mean `keycloak`?",
            ),
            ("{ preset: 1 }", "1:68", "unknown preset ``"),
            (
                "{ preset: keycloak, fixture: humn }",
                "1:87",
                "`keycloak` has no fixture `humn`; did you mean `human`?",
            ),
            (
                "{ fixture: human }",
                "1:58",
                "a fixture is a token of a preset; add `preset: NAME`",
            ),
            (
                "{ preset: keycloak, sub: u1 }",
                "1:83",
                "unknown key `sub`; a token by preset has",
            ),
            (
                "{ preset: keycloak, claims: [a] }",
                "1:86",
                "the claims of a token are a mapping",
            ),
        ] {
            let mistake = mistake(&format!("name: a, request: GET /, expect: allow, token: {token}"));
            assert!(
                mistake.starts_with(&format!("{place}: {expected}")),
                "{token}: {mistake}"
            );
        }
    }

    #[test]
    fn an_outcome_is_written_as_it_is_displayed() {
        assert_eq!(CaseOutcome::Allow.to_string(), "allow");
        assert_eq!(CaseOutcome::deny("no_route", 403).to_string(), "deny no_route (403)");
    }
}
