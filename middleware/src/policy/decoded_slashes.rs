//! The routes of a server that decodes the escaped slashes of a path.
//!
//! It would serve another path than the one that is matched. That path must not lead to another access, whatever the route states.

use super::escaped_slash::EscapedSlash;
use super::route_table::{Route, RouteTable};
use super::spelling::Spelling;
use crate::request::{Folding, PathForms};

impl RouteTable {
    /// Whether the route of a request accepts the escaped slashes of its path, and a server that decodes them gives no other
    /// access.
    pub(super) fn accepts_slashes(&self, found: Option<&Route>, method: &str, forms: PathForms<'_>) -> bool {
        forms.slashes.is_empty()
            || found.is_some_and(|found| {
                let mut decoded = self.of_decoded_slashes(method, forms).peekable();
                found.escaped_slash == EscapedSlash::Pass
                    && (decoded.peek().is_none() || found.reads_alike(forms))
                    && decoded.all(|route| route.has_access_of(found))
            })
    }

    /// The routes of a server that decodes escaped slashes, in each spelling of the path that it may accept.
    pub(super) fn of_decoded_slashes<'t, 'f>(
        &'t self,
        method: &'f str,
        forms: PathForms<'f>,
    ) -> impl Iterator<Item = &'t Route> {
        forms.slashes.iter().flat_map(move |path| {
            let differences = match self.spelling() {
                Spelling::Folded => Folding::of(path).union(self.differences()),
                Spelling::Exact => Folding::default(),
            };
            let foldings = differences.subsets();
            foldings.filter_map(move |folding| self.folded(folding, method, path))
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use crate::policy::Policy;
    use crate::request::Target;

    fn route(policy: &str, method: &Method, path: &str) -> String {
        let policy = Policy::from_yaml(policy).unwrap();
        let uri: Uri = path.parse().unwrap();
        let target = Target::with_escaped_slashes(method, &uri).unwrap();
        match policy.route(method.as_str(), target.forms()) {
            Ok(route) => route.map_or("none".to_owned(), |route| route.name.to_string()),
            Err(ambiguity) => format!("{ambiguity:?}"),
        }
    }

    #[test]
    fn an_escaped_slash_is_accepted_where_no_reading_of_it_gives_another_access() {
        const POLICY: &str = "routes:
  - { match: 'GET /projects/{id}', scopes: [read], escaped_slash: pass }
  - { match: 'GET /projects/{id}/{*rest}', scopes: [read], escaped_slash: pass }
  - { match: 'GET /projects/admin/{*rest}', scopes: [admin] }
  - { match: 'GET /projects/{id}/Keys', scopes: [admin] }
  - { match: 'GET /files/{name}', scopes: [files], escaped_slash: pass }
  - { match: 'GET /other/{name}', scopes: [read] }
  - { match: 'GET /open/{*rest}', public: true, escaped_slash: pass }
";
        for (path, found) in [
            ("/projects/group%2Fname", "GET /projects/{id}"),
            ("/projects/group%2fname", "GET /projects/{id}"),
            ("/projects/a%2Fb%2Fc", "GET /projects/{id}"),
            ("/projects/group%2Fname/issues", "GET /projects/{id}/{*rest}"),
            ("/projects/admin%2Fusers", "EscapedSlash"),
            ("/projects/ADMIN%2Fusers", "EscapedSlash"),
            ("/projects/x%2Fkeys", "EscapedSlash"),
            ("/projects/x%2Fkeys%2F", "EscapedSlash"),
            ("/projects/admin/a%2Fb", "EscapedSlash"),
            ("/files/a%2Fb", "GET /files/{name}"),
            ("/files/a b%2Fc", "GET /files/{name}"),
            ("/other/a%2Fb", "EscapedSlash"),
            ("/other%2Fa", "EscapedSlash"),
            ("/nowhere/a%2Fb", "EscapedSlash"),
            ("/open/a%2Fb/c", "GET /open/{*rest}"),
            ("/open%2Fa", "EscapedSlash"),
        ] {
            assert_eq!(route(POLICY, &Method::GET, &path.replace(' ', "%20")), found, "{path}");
        }
        assert_eq!(route(POLICY, &Method::DELETE, "/projects/a%2Fb"), "EscapedSlash");
    }

    #[test]
    fn a_method_in_a_parameter_is_read_with_decoded_slashes_as_well() {
        const POLICY: &str = "routes:
  - { match: '* /x/{id}', scopes: [read], escaped_slash: pass }
  - { match: 'DELETE /x/{id}/b', scopes: [admin] }
";
        let policy = Policy::from_yaml(POLICY).unwrap();
        let methods = |path: &'static str| {
            let uri = Uri::from_static(path);
            let target = Target::with_escaped_slashes(&Method::POST, &uri).unwrap();
            policy.methods_of_other_access("POST", target.forms()).join(" ")
        };
        assert_eq!(methods("/x/a%2Fb"), "DELETE");
        assert_eq!(methods("/x/a%2Fc"), "");
    }

    #[test]
    fn the_key_has_an_effect_on_routes_with_a_parameter_alone() {
        let error = |route: &str| {
            Policy::from_yaml(&format!("routes:\n  - {route}\n"))
                .unwrap_err()
                .to_string()
        };
        let literal = error("{ match: GET /a/b, scopes: [a], escaped_slash: pass }");
        assert!(
            literal.contains("`GET /a/b` has no parameter that an escaped slash could be in"),
            "{literal}"
        );
        let mcp = error("{ match: 'POST /mcp/{id}', mcp: tools/list, scopes: [a], escaped_slash: pass }");
        assert!(mcp.contains("an endpoint of MCP has no escaped slash"), "{mcp}");
        assert!(error("{ match: 'GET /{a}', scopes: [a], escaped_slash: yes }").contains("deny"));
    }
}
