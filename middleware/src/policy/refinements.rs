//! The routes of one path for messages of the Model Context Protocol. The most specific message wins: a name, then the longest
//! beginning of a name, then the method alone, then the route without `mcp`.

use std::collections::HashMap;

use super::mcp::{McpMatch, NamePattern};
use crate::request::{McpCall, RESOURCES_READ};

/// The routes of one path. Two are equal if they give every message the same access.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refinements {
    methods: HashMap<Box<str>, ByName>,
    /// The route without `mcp`: every other message.
    others: Option<Refined>,
    /// Whether that route requires everything that each of the others requires.
    is_strictest: bool,
}

/// The routes for one method.
#[derive(Debug, Default, PartialEq, Eq)]
struct ByName {
    exact: HashMap<Box<str>, Refined>,
    /// The longest beginning first.
    prefixes: Vec<(Box<str>, Refined)>,
    any: Option<Refined>,
}

/// The number of a route, and the class of its access. Two are equal if their classes are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refined {
    pub(super) route: usize,
    pub(super) class: usize,
}

impl PartialEq for Refined {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class
    }
}

impl Eq for Refined {}

impl Refinements {
    /// Adds a route, or returns the number of one that matches the same message as closely.
    pub(super) fn add(&mut self, matched: &McpMatch, refined: Refined) -> Result<(), usize> {
        for method in &matched.methods {
            let by_name = self.methods.entry(method.clone()).or_default();
            if matched.names.is_empty() {
                only(by_name.any.replace(refined))?;
            }
            for name in &matched.names {
                match name {
                    NamePattern::Exact(name) => only(by_name.exact.insert(name.clone(), refined))?,
                    NamePattern::Prefix(begin) => by_name.add_prefix(begin, refined)?,
                }
            }
        }
        Ok(())
    }

    /// Adds the route for every message that no other one matches. It is added last.
    pub(super) fn add_others(&mut self, refined: Refined, is_strictest: bool) {
        if self.others.is_none() {
            self.others = Some(refined);
            self.is_strictest = is_strictest;
        }
    }

    /// The number of the route without `mcp`, if it is the strictest one: it applies whatever the message is.
    pub(super) fn strictest(&self) -> Option<usize> {
        let others = self.others.filter(|_| self.is_strictest);
        others.map(|refined| refined.route)
    }

    /// The number of the route for a message.
    pub(super) fn find(&self, call: &McpCall<'_>) -> Option<usize> {
        let by_name = self.methods.get(call.method());
        let found = by_name.and_then(|by_name| by_name.find(call.name()));
        found.or(self.others).map(|refined| refined.route)
    }

    /// Whether the route for a message depends on how a resource URI is spelled.
    pub(super) fn compares_uris(&self) -> bool {
        let by_name = self.methods.get(RESOURCES_READ);
        by_name.is_some_and(|by_name| !by_name.exact.is_empty() || !by_name.prefixes.is_empty())
    }

    /// The number of every route.
    pub(super) fn routes(&self) -> impl Iterator<Item = usize> {
        let named = self.methods.values().flat_map(|by_name| {
            let prefixes = by_name.prefixes.iter().map(|(_, refined)| refined);
            by_name.exact.values().chain(prefixes).chain(&by_name.any)
        });
        named.chain(&self.others).map(|refined| refined.route)
    }
}

impl ByName {
    fn add_prefix(&mut self, begin: &str, refined: Refined) -> Result<(), usize> {
        if let Some((_, other)) = self.prefixes.iter().find(|(other, _)| **other == *begin) {
            return Err(other.route);
        }
        let longer = self
            .prefixes
            .partition_point(|(other, _)| (other.len(), &**other) > (begin.len(), begin));
        self.prefixes.insert(longer, (begin.into(), refined));
        Ok(())
    }

    fn find(&self, name: Option<&str>) -> Option<Refined> {
        let named = name.and_then(|name| {
            let prefixes = || self.prefixes.iter().find(|(begin, _)| name.starts_with(&**begin));
            self.exact
                .get(name)
                .copied()
                .or_else(|| prefixes().map(|(_, refined)| *refined))
        });
        named.or(self.any)
    }
}

/// Fails if there was a route before.
fn only(earlier: Option<Refined>) -> Result<(), usize> {
    earlier.map_or(Ok(()), |earlier| Err(earlier.route))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use crate::policy::Policy;
    use crate::request::{McpCall, Mirrored, PathForms};

    const TOOLS: &str = "routes:
  - { match: POST /mcp, mcp: { method: [server/discover, tools/list] }, scopes: [mcp] }
  - { match: POST /mcp, mcp: { method: tools/call, name: [get_*, list_orders] }, scopes: [read] }
  - { match: POST /mcp, mcp: { method: tools/call, name: get_secret_* }, scopes: [secret] }
  - { match: POST /mcp, mcp: { method: tools/call, name: get_secret_hint }, scopes: [hint] }
  - { match: POST /mcp, mcp: tools/call, scopes: [write] }
  - { match: POST /mcp, mcp: { method: resources/read, name: 'file:///public/*' }, scopes: [files] }
  - { match: 'GET,POST /mcp', scopes: [other] }
";

    fn headers(method: &str, name: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("mcp-protocol-version", HeaderValue::from_static("2026-07-28"));
        headers.insert("mcp-method", HeaderValue::try_from(method).unwrap());
        if !name.is_empty() {
            headers.insert("mcp-name", HeaderValue::try_from(name).unwrap());
        }
        headers
    }

    fn call(headers: &HeaderMap) -> McpCall<'_> {
        match Mirrored::read(headers) {
            Ok(Mirrored::Call(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    /// The name of the route for a message, without method and path.
    fn route(policy: &str, method: &str, name: &str) -> String {
        let policy = Policy::from_yaml(policy).unwrap_or_else(|error| panic!("{error}"));
        let endpoint = policy.route("POST", PathForms::of("/mcp")).unwrap().unwrap();
        assert!(endpoint.is_mcp_endpoint());
        let headers = headers(method, name);
        match policy.route_of_message(endpoint, &call(&headers)) {
            Ok(None) => "none".to_owned(),
            Ok(Some(route)) => route.name.replace("POST /mcp mcp ", ""),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn the_most_specific_message_wins() {
        for (method, name, found) in [
            ("tools/list", "", "server/discover,tools/list"),
            ("server/discover", "", "server/discover,tools/list"),
            ("tools/call", "get_order", "tools/call get_*,list_orders"),
            ("tools/call", "get_", "tools/call get_*,list_orders"),
            ("tools/call", "list_orders", "tools/call get_*,list_orders"),
            ("tools/call", "list_orders_all", "tools/call"),
            ("tools/call", "get_secret_x", "tools/call get_secret_*"),
            ("tools/call", "get_secret_hint", "tools/call get_secret_hint"),
            ("tools/call", "Get_order", "tools/call"),
            ("tools/call", "=?base64?Z2V0X29yZGVy?=", "tools/call get_*,list_orders"),
            ("Tools/Call", "get_order", "GET,POST /mcp"),
            ("tools/List", "", "GET,POST /mcp"),
            ("prompts/get", "get_order", "GET,POST /mcp"),
            ("resources/read", "file:///public/a", "resources/read file:///public/*"),
            ("resources/read", "file:///private/a", "GET,POST /mcp"),
            ("resources/read", "file:///public/../private/a", "mcp_header_mismatch"),
            ("resources/read", "FILE:///public/a", "mcp_header_mismatch"),
        ] {
            assert_eq!(route(TOOLS, method, name), found, "{method} {name}");
        }
    }

    #[test]
    fn without_a_route_for_the_rest_any_other_message_has_none() {
        let one = "routes: [{ match: POST /mcp, mcp: { method: tools/call, name: a }, scopes: [a] }, { match: '* /mcp', scopes: [b] }]";
        assert_eq!(route(one, "tools/call", "a"), "tools/call a");
        assert_eq!(route(one, "tools/call", "b"), "none");
        assert_eq!(route(one, "tools/list", ""), "none");
        // Without a rule on a URI, its spelling does not matter.
        assert_eq!(route(one, "resources/read", "file:///a/../b"), "none");
    }

    #[test]
    fn a_message_that_is_not_known_has_the_strictest_route_if_there_is_one() {
        let of_any = |routes: &str| {
            let policy = Policy::from_yaml(&format!("routes: [{routes}]")).unwrap_or_else(|error| panic!("{error}"));
            let endpoint = policy.route("POST", PathForms::of("/mcp")).unwrap().unwrap();
            policy
                .route_of_any_message(endpoint)
                .map(|route| route.name.to_string())
        };
        let tool = "{ match: POST /mcp, mcp: { method: tools/call, name: a }, scopes: [a] }";
        let person = "{ match: POST /mcp, mcp: tools/call, scopes: [b], initiator: { kind: human } }";
        for (rest, is_strictest) in [
            ("{ match: POST /mcp, scopes: [a, b], initiator: { kind: human } }", true),
            (
                "{ match: 'GET,POST,DELETE /mcp', scopes: [b, c, a], initiator: { kind: human } }",
                true,
            ),
            ("{ match: POST /mcp, scopes: [a, b] }", false),
            ("{ match: POST /mcp, scopes: [b], initiator: { kind: human } }", false),
            ("{ match: POST /mcp, public: true }", false),
            ("{ match: '* /mcp', scopes: [a, b], initiator: { kind: human } }", false),
            (
                "{ match: POST /other, scopes: [a, b], initiator: { kind: human } }",
                false,
            ),
        ] {
            for routes in [[rest, tool, person], [tool, person, rest]] {
                let found = of_any(&routes.join(", "));
                assert_eq!(found.is_some(), is_strictest, "{rest}");
                assert!(found.is_none_or(|name| !name.contains("mcp ")), "{rest}");
            }
        }
    }

    #[test]
    fn messages_that_two_routes_match_are_a_mistake_with_both_places() {
        let error = |first: &str, second: &str| {
            let text = format!(
                "routes:\n  - {{ match: POST /mcp, mcp: {first}, scopes: [a] }}\n  - {{ match: POST /mcp, mcp: {second}, scopes: [b] }}\n"
            );
            Policy::from_yaml(&text).map_err(|error| error.to_string().replace("\n  help: ", "; "))
        };
        for (first, second) in [
            ("tools/list", "tools/list"),
            ("tools/list", "[server/discover, tools/list]"),
            (
                "{ method: tools/call, name: a }",
                "{ method: tools/call, name: [b, a] }",
            ),
            (
                "{ method: tools/call, name: a* }",
                "{ method: [prompts/get, tools/call], name: a* }",
            ),
        ] {
            let error = error(first, second).unwrap_err();
            assert!(error.starts_with("3:14: `POST /mcp mcp "), "{error}");
            assert!(
                error.contains("` matches the same messages as `POST /mcp mcp "),
                "{error}"
            );
            assert!(
                error.ends_with("` in line 2; join the two, or make one more specific"),
                "{error}"
            );
        }
        assert!(error("tools/call", "{ method: tools/call, name: a }").is_ok());
        assert!(error("{ method: tools/call, name: a* }", "{ method: tools/call, name: ab* }").is_ok());
        assert!(error("{ method: tools/call, name: a }", "{ method: prompts/get, name: a }").is_ok());
        let rest = "routes: [{ match: POST /mcp, mcp: tools/list }, { match: POST /mcp, scopes: [a] }, { match: 'GET,POST /mcp' }]";
        assert!(
            Policy::from_yaml(rest)
                .unwrap_err()
                .to_string()
                .contains("matches the same requests")
        );
    }

    #[test]
    fn another_spelling_of_an_endpoint_is_another_access() {
        let policy = format!("{TOOLS}  - {{ match: '* /{{*rest}}', scopes: [other] }}\n");
        let policy = Policy::from_yaml(&policy).unwrap();
        for path in ["/MCP", "/mcp/", "/mcp.", "/Mcp"] {
            assert!(policy.route("POST", PathForms::of(path)).is_err(), "{path}");
        }
        assert!(policy.route("GET", PathForms::of("/MCP")).is_ok(), "the same access");
        let methods = policy.methods_of_other_access("PUT", PathForms::of("/mcp"));
        assert_eq!(methods, ["POST"]);
        let alike = TOOLS.replace("POST /mcp", "POST /Mcp").replace("routes:\n", "");
        assert!(
            Policy::from_yaml(&format!("{TOOLS}{alike}")).is_ok(),
            "every message has the same access"
        );
        let other = alike.replace("[hint]", "[read]");
        let error = Policy::from_yaml(&format!("{TOOLS}{other}")).unwrap_err().to_string();
        assert!(
            error.contains("differs only in spelling from `POST /mcp mcp "),
            "{error}"
        );
    }

    #[test]
    fn every_route_for_messages_is_reached() {
        let policy = Policy::from_yaml(TOOLS).unwrap();
        assert_eq!(
            policy.warnings().map(|warning| warning.to_string()).collect::<Vec<_>>(),
            [""; 0]
        );
        assert_eq!(
            policy.routes().nth(1),
            Some("POST /mcp mcp tools/call get_*,list_orders")
        );
    }
}
