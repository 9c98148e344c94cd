//! The spellings of a path that some servers treat as one.
//!
//! A server may ignore the case of letters (Express, ASP.NET), a last slash (Express, Spring), or blanks and dots at the end
//! of a segment (servers on Windows). The routes of a policy are matched exactly, so that a request in another spelling would
//! get the access of another route. Which of these differences a server ignores is unknown: every combination is a folding.

use serde::Deserialize;

use crate::error::Error;

/// Which spellings of a path the API treats as one.
/// Example: `exact`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Spelling {
    /// Unknown: a request is denied if another spelling of its path, or the method in a parameter `_method`, leads to
    /// another access.
    #[default]
    Folded,
    /// None but the exact one.
    Exact,
}

/// Why it depends on the server which access a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ambiguity {
    /// On whether it decodes an escape.
    Escape,
    /// On which spellings of the path it treats as one.
    Spelling,
    /// On whether it decodes an escaped slash.
    EscapedSlash,
    /// On whether it reads the method in the query.
    Method,
}

impl Ambiguity {
    /// The error of a request that is ambiguous.
    pub(crate) fn error(self) -> Error {
        Error::invalid_request(self.reason())
    }

    fn reason(self) -> &'static str {
        match self {
            Ambiguity::Method => "the method in the query (`_method`) requires another access",
            Ambiguity::EscapedSlash => "the path contains an escaped separator",
            Ambiguity::Escape => "an escape in the path decides which access is required",
            Ambiguity::Spelling => {
                "the path in another spelling (case, last slash, blanks or dots at the end of a segment) requires another access"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use crate::request::PathForms;

    const SHOP: &str = "routes:
  - { match: 'DELETE /orders/{id}', scopes: [admin] }
  - { match: '* /admin/{*rest}', scopes: [admin] }
  - { match: GET /reports/, scopes: [admin] }
  - { match: 'GET /Users/{name}', scopes: [admin] }
  - { match: '* /{*rest}', scopes: [read] }
";

    /// The route for a request, or why there is none.
    fn route(policy: &str, method: &str, decoded: &str) -> String {
        let policy = Policy::from_yaml(policy).unwrap();
        match policy.route(method, PathForms::of(decoded)) {
            Ok(route) => route.map_or("none".to_owned(), |route| route.name.to_string()),
            Err(ambiguity) => format!("{ambiguity:?}"),
        }
    }

    #[test]
    fn another_spelling_never_leads_to_another_access() {
        for (method, path, found) in [
            ("DELETE", "/orders/7", "DELETE /orders/{id}"),
            ("DELETE", "/orders/ABC", "DELETE /orders/{id}"),
            ("DELETE", "/Orders/7", "Spelling"),
            ("DELETE", "/orders/7/", "Spelling"),
            ("DELETE", "/orders/7./", "Spelling"),
            ("DELETE", "/orders./7", "Spelling"),
            ("DELETE", "/oRDERS /7", "Spelling"),
            ("DELETE", "/orders/7/8/", "* /{*rest}"),
            ("POST", "/Orders/7", "* /{*rest}"),
            ("GET", "/admin/a", "* /admin/{*rest}"),
            ("GET", "/admin/A/", "* /admin/{*rest}"),
            ("GET", "/ADMIN/a", "Spelling"),
            ("GET", "/Admin/", "* /{*rest}"),
            ("GET", "/reports/", "GET /reports/"),
            ("GET", "/reports", "Spelling"),
            ("HEAD", "/reports", "Spelling"),
            ("GET", "/Users/x", "GET /Users/{name}"),
            ("GET", "/users/x", "Spelling"),
            ("GET", "/USERS/x.", "Spelling"),
            ("POST", "/users/x", "* /{*rest}"),
        ] {
            assert_eq!(route(SHOP, method, path), found, "{method} {path}");
        }
    }

    #[test]
    fn without_a_weaker_route_another_spelling_has_none() {
        let strict = "routes: [{ match: 'DELETE /orders/{id}', scopes: [admin] }]";
        for path in ["/Orders/7", "/orders/7/", "/orders./7"] {
            assert_eq!(route(strict, "DELETE", path), "none", "{path}");
        }
    }

    #[test]
    fn equal_access_is_not_ambiguous() {
        let equal = "routes:
  - { match: ['GET /a', 'GET /a/', 'GET /A'], scopes: [x] }
  - { match: 'GET /{*rest}', scopes: { all_of: [x] } }
";
        for path in ["/a", "/a/", "/A", "/A/", "/a."] {
            assert!(route(equal, "GET", path).starts_with("GET /"), "{path}");
        }
    }

    #[test]
    fn the_owner_of_an_api_that_folds_nothing_states_it() {
        let exact = format!("spelling: exact\n{SHOP}");
        for path in ["/Orders/7", "/orders/7/", "/orders./7"] {
            assert_eq!(route(&exact, "DELETE", path), "* /{*rest}", "{path}");
        }
        assert_eq!(route(&exact, "DELETE", "/orders/7"), "DELETE /orders/{id}");
        assert!(Policy::from_yaml("spelling: loose\nroutes: []").is_err());
    }

    #[test]
    fn routes_that_differ_only_in_spelling_have_one_access() {
        for pair in [
            ["GET /a", "GET /a/"],
            ["GET /a", "* /A"],
            ["GET /a/{x}", "GET /A/{y}/"],
            ["GET /a/{*x}", "HEAD /A/{*y}"],
            ["GET /\u{e9}", "GET /\u{c9}"],
        ] {
            let [one, other] = pair;
            let text = format!("routes: [{{ match: '{one}', public: true }}, {{ match: '{other}', scopes: [x] }}]");
            let error = Policy::from_yaml(&text).unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{other}` differs only in spelling from `{one}` in line 1")),
                "{error}"
            );
            assert!(error.contains("write `spelling: exact`"), "{error}");
            assert!(
                Policy::from_yaml(&format!("{text}\nspelling: exact")).is_ok(),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn the_methods_of_another_access_are_known_in_every_spelling() {
        let methods = |policy: &str, method: &str, decoded: &str| {
            let policy = Policy::from_yaml(policy).unwrap();
            let methods = policy.methods_of_other_access(method, PathForms::of(decoded));
            methods.join(" ")
        };
        assert_eq!(methods(SHOP, "POST", "/orders/7"), "DELETE");
        assert_eq!(methods(SHOP, "POST", "/Orders/7/"), "DELETE");
        assert_eq!(methods(SHOP, "POST", "/orders/7/8"), "");
        assert_eq!(methods(SHOP, "POST", "/admin/a"), "");
        assert_eq!(methods(&format!("spelling: exact\n{SHOP}"), "POST", "/orders/7"), "");
    }
}
