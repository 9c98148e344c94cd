//! What the rules of `operation` read of a request.

use std::fmt;

use crate::json::{Json, Object};
use crate::request::{BodyValue, HeaderTexts, JsonBody, McpCall, Member, MemberPath};

/// What rules read of a request: its head, its body, and the message of MCP that its headers name.
#[derive(Clone)]
#[cfg_attr(not(feature = "cel"), expect(dead_code, reason = "only expressions read the head"))]
pub(crate) struct RequestFacts<'r> {
    pub(crate) method: &'r str,
    /// With its escapes decoded but those of slashes.
    pub(crate) path: &'r str,
    pub(crate) headers: HeaderTexts<'r>,
    pub(crate) query: Option<&'r str>,
    pub(crate) body: JsonBody<'r>,
    pub(crate) mcp: Option<McpCall<'r>>,
}

/// The members of a body, with numbers as they are written.
pub(super) type Members<'b> = Object<'b, &'b str>;

impl<'r> RequestFacts<'r> {
    /// The same request before its body was read: first without its length, then with it.
    ///
    /// What denies at the first of these that decides denies in the same way whenever the body is read, and however its length is
    /// announced.
    pub(crate) fn before_reading(&self) -> [RequestFacts<'r>; 2] {
        [self.body.unread(), self.body.announced()].map(|body| RequestFacts { body, ..self.clone() })
    }
}

impl RequestFacts<'_> {
    /// Why the message in a body is not the one that the headers name.
    pub(super) fn mismatch(&self, members: &Members<'_>) -> Option<&'static str> {
        let Some(call) = &self.mcp else {
            return Some("no headers of revision 2026-07-28 name the message");
        };
        match agreeing(call, members) {
            0 => Some("the body is not a message of JSON-RPC 2.0"),
            1 => Some("the method of the message is not that of its headers"),
            2 => Some("the name in the message is not that of its headers"),
            _ => None,
        }
    }
}

/// How many members of a body are those of the message that the headers name, up to the first other one: all three of
/// `jsonrpc`, `method` and `params.name`, or fewer.
pub(crate) fn agreeing(call: &McpCall<'_>, members: &Object<'_, &str>) -> usize {
    let expected = [Some("2.0"), Some(call.method()), call.name()];
    let is = |(pointer, expected): &(&str, Option<&str>)| {
        let member = MemberPath::read(pointer).map(|path| path.find(members));
        matches!(member, Some(Member::Value(Json::String(text))) if Some(&**text) == *expected)
    };
    MESSAGE.into_iter().zip(expected).take_while(is).count()
}

/// The members of a message that its headers mirror, after `jsonrpc`.
pub(crate) const MESSAGE: [&str; 3] = ["/jsonrpc", "/method", "/params/name"];

/// A text of the caller as `explain` shows it.
pub(super) struct Got<'t>(pub(super) &'t str);

impl fmt::Display for Got<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.chars();
        let begin: String = shown.by_ref().take(80).collect();
        let end = if shown.next().is_some() { "…" } else { "" };
        write!(f, "{begin:?}{end}")
    }
}

/// What is at a path of a body, in words.
pub(super) fn shown_member(member: &Member<'_, '_>) -> String {
    match member {
        Member::Missing => "no such member".to_owned(),
        Member::Ambiguous => "the member in several spellings, or in another one".to_owned(),
        Member::Value(value) => shown_value(value),
    }
}

fn shown_value(value: &BodyValue<'_>) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(flag) => flag.to_string(),
        Json::Number(written) => written.chars().take(80).collect(),
        Json::String(text) => Got(text).to_string(),
        Json::Array(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
