//! The accesses that a server would give a request which serves it by another method, or reads other parameters in its path.
//!
//! Routes of one class require the same. A requirement whose expression reads the method or a parameter nevertheless gives another
//! access where the server reads another one.

use super::methods;
use super::requirement::Requirement;
use super::route_table::{Access, Route, RouteTable};
use super::rules::{AnyOf, CoreCondition, CoreRule, HistoryCondition};
use super::spelling::Spelling;
use crate::request::PathForms;

impl Requirement {
    /// Where an expression reads the method, the texts in quotes beside it: methods that it may compare with.
    fn texts_beside_method(&self) -> Option<Vec<&str>> {
        let mut texts = Vec::new();
        core_texts(&self.core, &mut texts);
        texts.extend(self.history.iter().filter_map(|rule| match &rule.condition {
            HistoryCondition::Expression(expression) => expression.texts_beside_method(),
            HistoryCondition::Chain(_) => None,
        }));
        (!texts.is_empty()).then(|| texts.into_iter().flatten().map(|text| &**text).collect())
    }

    /// Whether the parameters that expressions read are the same in both paths.
    fn reads_same_parameters(&self, one: &str, other: &str) -> bool {
        self.core.iter().all(|rule| core_reads_same(rule, one, other))
            && self.history.iter().all(|rule| match &rule.condition {
                HistoryCondition::Expression(expression) => expression.reads_same_parameters(one, other),
                HistoryCondition::Chain(_) => true,
            })
    }
}

/// Adds the texts of each expression that reads the method, also within alternatives.
fn core_texts<'r>(rules: impl IntoIterator<Item = &'r CoreRule>, texts: &mut Vec<&'r [Box<str>]>) {
    for rule in rules {
        match &rule.condition {
            CoreCondition::Expression(expression) => texts.extend(expression.texts_beside_method()),
            CoreCondition::AnyOf(AnyOf(alternatives)) => {
                for alternative in alternatives.iter() {
                    core_texts(alternative, texts);
                }
            }
            _ => {}
        }
    }
}

fn core_reads_same(rule: &CoreRule, one: &str, other: &str) -> bool {
    match &rule.condition {
        CoreCondition::Expression(expression) => expression.reads_same_parameters(one, other),
        CoreCondition::AnyOf(AnyOf(alternatives)) => {
            let mut rules = alternatives.iter().flatten();
            rules.all(|rule| core_reads_same(rule, one, other))
        }
        _ => true,
    }
}

impl Access {
    fn requirement(&self) -> Option<&Requirement> {
        match self {
            Access::Public => None,
            Access::Guarded(requirement) => Some(requirement),
        }
    }
}

impl Route {
    /// Whether a server that decodes the escaped slashes of a path reads the same parameters, as far as the requirement reads any.
    pub(super) fn reads_alike(&self, forms: PathForms<'_>) -> bool {
        let Some(requirement) = self.access.requirement() else {
            return true;
        };
        forms.slashes.iter().all(|path| {
            let mut forms = forms.iter();
            forms.any(|(form, _)| requirement.reads_same_parameters(form, path))
        })
    }
}

impl RouteTable {
    /// The methods that lead to another access than the one of a request, in some spelling of its path.
    pub(super) fn methods_of_other_access(&self, method: &str, forms: PathForms<'_>) -> Vec<&str> {
        let found = self.exact(method, forms.decoded);
        let (Some(found), Spelling::Folded) = (found, self.spelling()) else {
            return Vec::new();
        };
        let of_expressions = self.texts_beside_method(found);
        let reads_method = of_expressions.is_some();
        // A long path is folded once, not for every method.
        let spellings = forms.iter().flat_map(|(path, differences)| {
            let foldings = differences.union(self.differences()).subsets();
            foldings.map(move |folding| (folding, folding.apply(path)))
        });
        let spellings: Vec<_> = spellings.collect();
        let differs = |served: &str| {
            let mut of_spellings = spellings.iter().map(|(folding, path)| self.at(*folding, served, path));
            let mut of_slashes = self.of_decoded_slashes(served, forms);
            reads_method
                || of_spellings.any(|route| !route.is_some_and(|route| route.has_access_of(found)))
                || of_slashes.any(|route| !route.has_access_of(found))
        };
        let named = self.methods().filter(|served| differs(served));
        // Every method that no route names has the same routes.
        let is_named = |method: &str| self.methods().any(|name| name == method);
        let mut unnamed = methods::REGISTERED
            .iter()
            .copied()
            .filter(|method| !is_named(method))
            .peekable();
        let unnamed_differ = unnamed.peek().is_some_and(|served| differs(served));
        let differing = named.chain(unnamed.filter(|_| unnamed_differ));
        let texts = of_expressions.into_iter().flatten();
        let others = texts.filter(|text| methods::is_upper_case_token(text));
        // By the method of the request itself an expression reads the same.
        let differing = differing.chain(others);
        differing.filter(|served| !reads_method || *served != method).collect()
    }

    /// The route of another access than the one of a request that a server would choose which serves it by the method
    /// `served`, in some spelling of its path.
    pub(super) fn of_other_access(&self, method: &str, forms: PathForms<'_>, served: &str) -> Option<&Route> {
        let found = self.exact(method, forms.decoded);
        let reads_method = served != method && found.is_some_and(|found| self.texts_beside_method(found).is_some());
        let mut spellings = forms.iter().flat_map(|(path, differences)| {
            let foldings = differences.union(self.differences()).subsets();
            foldings.filter_map(move |folding| self.folded(folding, served, path))
        });
        spellings.find(|route| reads_method || found.is_none_or(|found| !route.has_access_of(found)))
    }

    /// Where the access of a route, or that of a message to it, depends on the method, the texts that it may be compared with.
    fn texts_beside_method<'t>(&'t self, found: &'t Route) -> Option<Vec<&'t str>> {
        let alternatives = self.alternatives(found).into_iter();
        let requirements = alternatives.filter_map(|(_, route)| route.access.requirement());
        let texts: Vec<Vec<&str>> = requirements.filter_map(Requirement::texts_beside_method).collect();
        (!texts.is_empty()).then(|| texts.concat())
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use crate::policy::Policy;
    use crate::request::{PathForms, Target};

    #[test]
    fn an_expression_on_the_method_gives_each_method_another_access() {
        const RULE: &str = "'request.method != \"DELETE\" || \"admin\" in scopes'";
        let count = |routes: &str, method: &str| {
            let policy = Policy::from_yaml(routes).unwrap();
            let methods = policy.methods_of_other_access(method, PathForms::of("/x"));
            (
                methods.contains(&"DELETE"),
                methods.contains(&method),
                methods.len() > 30,
            )
        };
        let all = (true, false, true);
        let none = (false, false, false);
        for (routes, expected) in [
            (format!("[{{ match: [POST /x, DELETE /x], expression: {RULE} }}]"), all),
            (format!("[{{ match: '* /x', expression: {RULE} }}]"), all),
            (
                format!("[{{ match: '* /x', any_of: [{{ scopes: [a] }}, {{ expression: {RULE} }}] }}]"),
                all,
            ),
            ("[{ match: '* /x', expression: 'claims.method == 1' }]".to_owned(), none),
            ("[{ match: '* /x', expression: 'size(chain) == 1' }]".to_owned(), none),
        ] {
            assert_eq!(count(&format!("routes: {routes}"), "POST"), expected, "{routes}");
        }
        let history = "routes: [{ match: '* /x', expression: 'request.method == \"GET\" || size(chain) == 1' }]";
        assert_eq!(count(history, "GET"), all);
        let exact = format!("spelling: exact\nroutes: [{{ match: '* /x', expression: {RULE} }}]");
        assert_eq!(count(&exact, "POST"), none);
        let history = Policy::from_yaml(history).unwrap();
        let other = |served| history.route_of_other_access("POST", PathForms::of("/x"), served);
        assert_eq!((other("DELETE"), other("POST")), (Some("* /x"), None));
        let purge =
            Policy::from_yaml("routes: [{ match: '* /x', expression: 'request.method != \"PURGE\"' }]").unwrap();
        assert!(
            purge
                .methods_of_other_access("GET", PathForms::of("/x"))
                .contains(&"PURGE")
        );
    }

    #[test]
    fn a_message_to_an_endpoint_may_depend_on_the_method() {
        let policy = "routes:
  - { match: POST /mcp, mcp: tools/list, scopes: [a] }
  - { match: POST /mcp, mcp: tools/call, expression: 'request.method == \"POST\"' }
  - { match: '* /mcp', scopes: [a] }
";
        let policy = Policy::from_yaml(policy).unwrap();
        let methods = policy.methods_of_other_access("POST", PathForms::of("/mcp"));
        assert!(methods.contains(&"DELETE"), "{methods:?}");
    }

    #[test]
    fn a_parameter_that_decoded_slashes_change_is_another_access() {
        const POLICY: &str = "routes:
  - { match: ['GET /x/{id}', 'GET /x/{id}/{*rest}'], expression: 'params.id != \"a\"', escaped_slash: pass }
  - { match: 'GET /files/{*rest}', expression: 'params.rest.startsWith(\"a\")', escaped_slash: pass }
  - match: ['GET /y/{id}', 'GET /y/{id}/{*rest}']
    any_of: [{ scopes: [a] }, { expression: 'params.id != \"a\"' }]
    escaped_slash: pass
  - { match: ['GET /z/{id}', 'GET /z/{id}/{*rest}'], expression: 'params.id != \"a\" || size(chain) == 1', escaped_slash: pass }
  - { match: ['GET /chain/{id}', 'GET /chain/{id}/{*rest}'], expression: 'size(chain) == 1', escaped_slash: pass }
  - { match: 'GET /one/{id}', expression: 'params.id != \"a\"', escaped_slash: pass }
  - { match: ['GET /free/{id}', 'GET /free/{id}/{*rest}'], scopes: [a], escaped_slash: pass }
";
        let policy = Policy::from_yaml(POLICY).unwrap();
        for (path, is_accepted) in [
            ("/x/b", true),
            ("/x/a%2Fb", false),
            ("/x/a%2Fb/c", false),
            ("/x/b/c%2Fd", true),
            ("/y/a%2Fb", false),
            ("/z/a%2Fb", false),
            ("/chain/a%2Fb", true),
            ("/files/a%2Fb", true),
            ("/files/a%2Fb%40c", true),
            ("/files/%40%2Fc", true),
            ("/one/a%2Fb", true),
            ("/free/a%2Fb", true),
        ] {
            let uri: Uri = path.parse().unwrap();
            let target = Target::with_escaped_slashes(&Method::GET, &uri).unwrap();
            assert_eq!(policy.route("GET", target.forms()).is_ok(), is_accepted, "{path}");
        }
    }
}
