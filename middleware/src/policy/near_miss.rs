//! The route that a request misses, in words: for `explain`, never for enforcement.

use super::route_table::{Route, RouteTable};
use crate::request::PathForms;

impl RouteTable {
    /// For a request without a route: the closest route in words, if there is one.
    pub(super) fn near_miss(&self, method: &str, forms: PathForms<'_>) -> Option<String> {
        if self.exact(method, forms.decoded).is_some_and(Route::is_mcp_endpoint) {
            return Some("the path has routes for other messages of MCP".to_owned());
        }
        let other_method = self.methods().find_map(|other| self.exact_route(other, forms.decoded));
        if let Some((pattern, _)) = other_method {
            return Some(format!("`{}` has no {method}", pattern.written_path()));
        }
        let route = self.of_other_access(method, forms, method)?;
        Some(format!("`{}` has another spelling of this path", route.name))
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    use crate::request::PathForms;

    const SHOP: &str = "routes:
  - { match: ['GET /orders/{id}', 'POST /orders'], scopes: [read] }
  - { match: 'GET /Users/{name}', scopes: [admin] }
";

    #[test]
    fn a_near_miss_has_another_method_or_another_spelling() {
        for (method, path, missed) in [
            ("PUT", "/orders/7", "`/orders/{id}` has no PUT"),
            ("DELETE", "/orders", "`/orders` has no DELETE"),
            ("GET", "/orders", "`/orders` has no GET"),
            ("X-MERGE", "/orders/7", "`/orders/{id}` has no X-MERGE"),
            (
                "GET",
                "/Orders/7",
                "`GET /orders/{id}` has another spelling of this path",
            ),
            (
                "HEAD",
                "/orders/7/",
                "`GET /orders/{id}` has another spelling of this path",
            ),
            ("POST", "/ORDERS/", "`POST /orders` has another spelling of this path"),
            (
                "GET",
                "/users/x",
                "`GET /Users/{name}` has another spelling of this path",
            ),
            ("PUT", "/Orders/7", ""),
            ("GET", "/orders/7/items", ""),
            ("GET", "/", ""),
        ] {
            let policy = Policy::from_yaml(SHOP).unwrap();
            let found = policy.near_miss(method, PathForms::of(path)).unwrap_or_default();
            assert_eq!(found, missed, "{method} {path}");
        }
    }

    #[test]
    fn another_access_is_that_of_the_route_in_another_spelling() {
        let policy = "routes:
  - { match: 'DELETE /orders/{id}', scopes: [admin] }
  - { match: 'GET /orders/new', scopes: [write] }
  - { match: '* /{*rest}', scopes: [read] }
";
        let policy = Policy::from_yaml(policy).unwrap();
        for (method, path, served, other) in [
            ("DELETE", "/Orders/7", "DELETE", Some("DELETE /orders/{id}")),
            ("DELETE", "/orders/7/", "DELETE", Some("DELETE /orders/{id}")),
            ("GET", "/orders/NEW", "GET", Some("GET /orders/new")),
            ("POST", "/orders/7", "DELETE", Some("DELETE /orders/{id}")),
            ("POST", "/Orders/7.", "DELETE", Some("DELETE /orders/{id}")),
            ("POST", "/orders/7", "PUT", None),
        ] {
            let route = policy.route_of_other_access(method, PathForms::of(path), served);
            assert_eq!(route, other, "{method} {path}");
        }
    }
}
