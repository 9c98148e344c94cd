//! `mcp` of a route: the messages of the Model Context Protocol that it matches.

use std::fmt;

use actgate_yaml::{OneOrMany, Spanned, closest};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::exact::{self, quoted, shown};
use super::syntax::Context;
use crate::look::Look;
use crate::request::{NAMED_METHODS, RESOURCES_READ, TOOLS_CALL, is_normal_uri};

/// The messages of the Model Context Protocol (revision 2026-07-28) that the route is for, beside `match`. A bare text or
/// list is `method`. Denied with `no_route`, `mcp_header_mismatch` or `mcp_revision_not_supported`.
/// Example: `{ method: tools/call, name: [get_*, list_orders] }`
/// Example: `[server/discover, tools/list]`
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand method", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "McpMessages", extend("x-shorthand" = "method")))]
pub(super) struct McpDocument {
    /// The method of the message, in full; one, or a list.
    /// Example: `tools/call`
    #[cfg_attr(feature = "schema", schemars(with = "OneOrMany<McpMethod>", extend("x-non-empty" = true)))]
    method: OneOrMany<Spanned<String>>,
    /// The name of a tool or a prompt, or the URI of a resource; one, or a list. A `*` at the end is any text.
    /// Example: `get_*`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    name: Option<OneOrMany<Spanned<NamePattern>>>,
}

/// Methods and names of the messages that a route matches.
#[derive(Clone, Debug)]
pub(super) struct McpMatch {
    /// At least one.
    pub(super) methods: Vec<Box<str>>,
    /// None is every name, also of a message without one.
    pub(super) names: Vec<NamePattern>,
}

/// What a name is compared with, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum NamePattern {
    Exact(Box<str>),
    /// What the name begins with; written with a `*` at the end.
    Prefix(Box<str>),
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The name of a tool or a prompt, or the URI of a resource, as the server lists it. A `*` at the end is any text.
    NamePattern = "McpName", { "anyOf": [
        { "type": "string", "minLength": 1, "pattern": r"^[^*]+\*?$" },
        generator.subschema_for::<exact::Literal>(),
    ] };
    /// A method of MCP, or of an extension of it: `VENDOR/METHOD`.
    McpMethod = "McpMethod", { "anyOf": [{ "enum": METHODS }, { "type": "string", "pattern": "^[!-+.-~-]+/[!-+.-~-]+$" }] };
}

/// A method, as a document has it.
#[cfg(feature = "schema")]
struct McpMethod;

/// The methods of revision 2026-07-28 and of its extension for tasks.
const METHODS: [&str; 13] = [
    "server/discover",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    RESOURCES_READ,
    "prompts/list",
    "prompts/get",
    "completion/complete",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// Methods of earlier revisions, which no message of this one has.
const REMOVED: [&str; 9] = [
    "initialize",
    "notifications/initialized",
    "notifications/cancelled",
    "notifications/roots/list_changed",
    "ping",
    "logging/setLevel",
    "resources/subscribe",
    "resources/unsubscribe",
    "tasks/result",
];

impl McpMatch {
    /// The compiled form, or [`None`] with every mistake reported.
    pub(super) fn compile(document: &Spanned<McpDocument>, context: &mut Context<'_>) -> Option<McpMatch> {
        let McpDocument { method, name } = &document.value;
        let before = context.diagnostics.len();
        if method.is_empty() || name.as_ref().is_some_and(|names| names.is_empty()) {
            let key = if method.is_empty() { "method" } else { "name" };
            context.empty(document.span(), key);
        }
        let mut matched = McpMatch {
            methods: Vec::new(),
            names: Vec::new(),
        };
        for written in method.iter() {
            check_method(written, context);
            matched.methods.push((*written.value).into());
        }
        for written in name.iter().flat_map(|names| names.iter()) {
            matched.check_name(written, context);
            matched.names.push(written.value.clone());
        }
        (context.diagnostics.len() == before).then_some(matched)
    }

    /// Whether every message is a call of a tool.
    pub(super) fn is_tool_call(&self) -> bool {
        self.methods.iter().all(|method| **method == *TOOLS_CALL)
    }

    /// Whether it is for the names with a beginning, so that other routes of its path can take some of them.
    pub(super) fn has_beginnings(&self) -> bool {
        self.beginnings().next().is_some()
    }

    /// Whether all messages of another one are among its own, by the beginnings of their names.
    pub(super) fn covers(&self, other: &McpMatch) -> bool {
        // A beginning is within a shorter one. Two routes do not have the same one.
        let is_within = |name: &NamePattern| {
            let (NamePattern::Exact(text) | NamePattern::Prefix(text)) = name;
            self.beginnings().any(|begin| text.starts_with(begin))
        };
        other.methods.iter().all(|method| self.methods.contains(method))
            && !other.names.is_empty()
            && other.names.iter().all(is_within)
    }

    fn beginnings(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter_map(|name| match name {
            NamePattern::Exact(_) => None,
            NamePattern::Prefix(begin) => Some(&**begin),
        })
    }

    fn check_name(&self, written: &Spanned<NamePattern>, context: &mut Context<'_>) {
        let mut methods = self.methods.iter();
        if let Some(method) = methods.find(|method| !NAMED_METHODS.contains(&&***method)) {
            let message = format!("`{}` has no name in the headers", shown(method));
            let help = "`name` is for `tools/call`, `prompts/get` and `resources/read`; write a route of its own for this method";
            context.mistake(written.span(), message, help);
        } else if self.methods.iter().any(|method| **method == *RESOURCES_READ) {
            let uri = match &written.value {
                NamePattern::Exact(uri) => uri.to_string(),
                NamePattern::Prefix(begin) => format!("{begin}x"),
            };
            if !is_normal_uri(&uri) {
                let message = format!("`{}` is not a resource URI in its normal form", written.value);
                let help = "write scheme and host in lower case, a `/` after the host, and no user, default port, empty or dot segment, `;`, \
                    needless escape or fragment";
                context.mistake(written.span(), message, help);
            }
        }
    }
}

fn check_method(written: &Spanned<String>, context: &mut Context<'_>) {
    let method = &*written.value;
    let shown = shown(method);
    let folded = |text: &str| {
        text.replace(|c: char| !c.is_ascii_alphanumeric(), "")
            .to_ascii_lowercase()
    };
    let is_meant = |known: &&&str| folded(known) == folded(method);
    let (message, help) = if METHODS.contains(&method) {
        return;
    } else if let Some(known) = METHODS.iter().find(is_meant) {
        (
            format!("`{shown}` is not a method of MCP"),
            format!("did you mean `{known}`?"),
        )
    } else if REMOVED.contains(&method) {
        let message = format!("no message of revision 2026-07-28 has the method `{shown}`");
        (
            message,
            "remove it: earlier revisions mirror no method in their headers".to_owned(),
        )
    } else if method.contains('*') {
        let message = format!("`{shown}` is a pattern, and methods are compared as they are");
        let help =
            "write each method in full, or leave `mcp` out for every message that no other route of the path matches";
        (message, help.to_owned())
    } else if method.is_empty()
        || method.starts_with("=?")
        || !method.bytes().all(|byte| matches!(byte, b'!'..=b'~' if byte != b','))
    {
        (
            format!("`{shown}` is not a method of MCP"),
            "write a method such as `tools/call`".to_owned(),
        )
    } else if let Some((1 | 2, known)) = closest(method, &METHODS) {
        (
            format!("`{shown}` is not a method of MCP"),
            format!("did you mean `{known}`?"),
        )
    } else if !method.contains('/') {
        // Every method of an extension has the prefix of its vendor.
        let name = match method.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            true => shown.clone(),
            false => quoted(&shown),
        };
        (
            format!("`{shown}` is not a method of MCP"),
            format!("write `{{ method: tools/call, name: {name} }}` for a tool"),
        )
    } else {
        return;
    };
    context.mistake(written.span(), message, help);
}

/// As the name of a route has it: `mcp tools/call get_*,list_orders`.
impl fmt::Display for McpMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mcp {}", self.methods.join(","))?;
        for (index, name) in self.names.iter().enumerate() {
            write!(f, "{}{name}", if index == 0 { " " } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, end) = match self {
            NamePattern::Exact(text) => (text, ""),
            NamePattern::Prefix(text) => (text, "*"),
        };
        match text.contains([' ', ',', '"', '*']) {
            true => write!(f, "\"{}\"{end}", text.replace('"', "\"\"")),
            false => write!(f, "{text}{end}"),
        }
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pattern;
        impl<'de> Visitor<'de> for Pattern {
            type Value = NamePattern;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<NamePattern, E> {
                let begin = text.strip_suffix('*');
                match Look::of(begin.unwrap_or(text)) {
                    _ if text.is_empty() || text.contains(char::is_control) => Err(E::custom(MISTAKE)),
                    _ if begin == Some("") => Err(E::custom(
                        "`*` is every name\nleave `name` out where every name is accepted",
                    )),
                    None => Ok(begin.map_or_else(
                        || NamePattern::Exact(text.into()),
                        |begin| NamePattern::Prefix(begin.into()),
                    )),
                    Some(look) => Err(E::custom(unlike_a_name(text, look))),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NamePattern, A::Error> {
                let text = exact::literal(map)?;
                match text.is_empty() || text.contains(char::is_control) {
                    true => Err(A::Error::custom(MISTAKE)),
                    false => Ok(NamePattern::Exact(text.into())),
                }
            }
        }
        deserializer.deserialize_any(Pattern)
    }
}

const MISTAKE: &str = "a name is empty or contains a control character\nwrite the name as the server lists it";

fn unlike_a_name(text: &str, look: Look) -> String {
    let (shown, literal) = (shown(text), quoted(text));
    match look {
        Look::Several => format!("`{shown}` is one name that looks like several\nwrite each as an item of its own"),
        Look::Blank => format!("`{shown}` begins or ends with a blank\nwrite `{}`", shown.trim()),
        Look::Template => format!("`{shown}` is a template, and variables are not replaced\nwrite the name itself"),
        Look::Any | Look::Pattern => format!(
            "`{shown}` is a pattern, and the only one of a name is a `*` at its end\nwrite each name in full, or its beginning as in \
             `get_*`; `{{ literal: {literal} }}` is a name of exactly this text"
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn route(mcp: &str) -> Result<String, String> {
        let policy = Policy::from_yaml(&format!(
            "routes:\n  - match: POST /mcp\n    mcp: {mcp}\n    scopes: [a]\n"
        ));
        policy
            .map(|policy| policy.routes().collect::<String>())
            .map_err(|error| error.to_string().replace("\n  help: ", "; "))
    }

    #[test]
    fn the_name_of_a_route_has_its_messages() {
        for (mcp, name) in [
            ("tools/list", "tools/list"),
            ("[tools/list, server/discover]", "tools/list,server/discover"),
            (
                "{ method: tools/call, name: [get_*, list_orders] }",
                "tools/call get_*,list_orders",
            ),
            ("{ method: tools/call, name: { literal: 'a*' } }", "tools/call \"a*\""),
            (
                "{ method: tools/call, name: [a b, 'c d*'] }",
                "tools/call \"a b\",\"c d\"*",
            ),
            (
                "{ method: tools/call, name: { literal: 'a, \"b' } }",
                "tools/call \"a, \"\"b\"",
            ),
            (
                "{ method: resources/read, name: 'file:///a/*' }",
                "resources/read file:///a/*",
            ),
            ("example.com/do", "example.com/do"),
            ("notifications/example", "notifications/example"),
        ] {
            assert_eq!(route(mcp), Ok(format!("POST /mcp mcp {name}")), "{mcp}");
        }
    }

    #[test]
    fn a_rule_is_named_by_the_messages_of_its_route() {
        let text = "routes: [{ match: POST /mcp, mcp: { method: tools/call, name: a }, chain: { max_depth: 1 } }]";
        let policy = Policy::from_yaml(text).unwrap();
        let rules: Vec<&str> = policy.history_needs().map(|need| need.rule).collect();
        assert_eq!(rules, ["POST /mcp mcp tools/call a: chain.max_depth"]);
    }

    #[test]
    fn what_no_message_can_match_is_a_mistake_with_help() {
        let named = "{ method: tools/call, name: ";
        let pattern = "is a pattern, and the only one of a name is a `*` at its end; write each name in full";
        for (mcp, mistake) in [
            (
                "Tools/Call".to_owned(),
                "3:10: `Tools/Call` is not a method of MCP; did you mean `tools/call`?",
            ),
            ("tools.call".to_owned(), "did you mean `tools/call`?"),
            ("tool/call".to_owned(), "did you mean `tools/call`?"),
            ("tools/cal".to_owned(), "did you mean `tools/call`?"),
            (
                "initialize".to_owned(),
                "no message of revision 2026-07-28 has the method `initialize`; remove it",
            ),
            (
                "tools/*".to_owned(),
                "`tools/*` is a pattern, and methods are compared as they are; write each method in full",
            ),
            (
                "get_order".to_owned(),
                "3:10: `get_order` is not a method of MCP; write `{ method: tools/call, name: get_order }` for a tool",
            ),
            (
                "[tools/list, 'get-order']".to_owned(),
                "3:23: `get-order` is not a method of MCP; write `{ method: tools/call, name: 'get-order' }` for a tool",
            ),
            (
                "{ methods: [tools/list] }".to_owned(),
                "3:12: unknown key `methods`; did you mean `method`?",
            ),
            ("'tools/call, tools/list'".to_owned(), "is not a method of MCP"),
            ("''".to_owned(), "is not a method of MCP"),
            ("{ name: a }".to_owned(), "method"),
            ("{ method: [] }".to_owned(), "`method` is empty"),
            ("{ method: tools/call, name: [] }".to_owned(), "`name` is empty"),
            (
                "{ method: tools/call, names: a }".to_owned(),
                "unknown key `names`; did you mean `name`?",
            ),
            (
                "{ method: tools/list, name: a }".to_owned(),
                "3:38: `tools/list` has no name in the headers",
            ),
            (
                "{ method: [tools/call, tools/list], name: a }".to_owned(),
                "`tools/list` has no name in the headers",
            ),
            (
                format!("{named}'*' }}"),
                "`*` is every name; leave `name` out where every name is accepted",
            ),
            (format!("{named}'*_order' }}"), pattern),
            (format!("{named}'get_**' }}"), pattern),
            (format!("{named}'get_?' }}"), pattern),
            (format!("{named}'^get' }}"), pattern),
            (format!("{named}'get_[a-z]*' }}"), pattern),
            (format!("{named}'a,b' }}"), "looks like several"),
            (format!("{named}' a' }}"), "begins or ends with a blank"),
            (format!("{named}'${{TOOL}}' }}"), "is a template"),
            (format!("{named}'' }}"), "a name is empty"),
            (
                "{ method: resources/read, name: 'FILE:///a' }".to_owned(),
                "is not a resource URI in its normal form",
            ),
            (
                "{ method: resources/read, name: 'file:///a/../*' }".to_owned(),
                "is not a resource URI in its normal form",
            ),
            (
                "{ method: resources/read, name: 'https://example.com*' }".to_owned(),
                "a `/` after the host",
            ),
            (
                "{ method: resources/read, name: 'config' }".to_owned(),
                "is not a resource URI in its normal form",
            ),
        ] {
            let reported = route(&mcp).unwrap_err();
            assert!(reported.contains(mistake), "{mcp}: {reported}");
            assert_eq!(reported.matches("\n").count(), 0, "{mcp}: {reported}");
        }
        for methods in ["GET", "*", "GET,POST", "HEAD"] {
            let text = format!("routes: [{{ match: '{methods} /a', mcp: tools/list }}]");
            let error = Policy::from_yaml(&text).unwrap_err().to_string();
            assert!(
                error.contains("messages of MCP are POST requests\n  help: write `match: POST /a` beside `mcp`"),
                "{error}"
            );
        }
    }
}
