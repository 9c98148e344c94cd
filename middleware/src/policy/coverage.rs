//! What a policy holds without effect, and the routes that match more than their writer may expect. None is an error.

use std::collections::{BTreeMap, BTreeSet};

use actgate_yaml::Diagnostics;

use super::document::Document;
use super::requirement::Requirement;
use super::route_pattern::{Pattern, Segment};
use super::route_table::{Route, RouteTable};
use super::rules::{RequirementDocument, RouteDocument};
use super::samples::Samples;
use super::spelling::Spelling;
use super::syntax::{ImpliedBy, Word};
use super::unused_ceilings;
use super::weaker;

/// The findings on one policy.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    /// Requirements and routes without effect.
    pub(super) without_effect: Diagnostics,
    /// Routes that match another spelling of the path of a stricter route.
    pub(super) spellings: Diagnostics,
    /// Routes that name a method which `actgate run` does not forward.
    pub(super) unforwarded: Diagnostics,
    /// What is written to be in shadow.
    pub(super) in_shadow: Vec<String>,
}

/// The methods that `actgate run` never forwards: it neither echoes a request nor opens a tunnel.
const UNFORWARDED: [&str; 2] = ["CONNECT", "TRACE"];

impl Coverage {
    /// Examines a policy that has no mistake; `promoted` are the routes with the rules in shadow.
    pub(super) fn of(
        document: &Document,
        implied_by: &ImpliedBy,
        routes: &RouteTable,
        promoted: Option<&RouteTable>,
    ) -> Coverage {
        let mut coverage = Coverage {
            in_shadow: document.in_shadow(),
            ..Coverage::default()
        };
        let accepted = accepted_scopes(document, implied_by);
        unnamed_scopes(document, &accepted, &mut coverage.without_effect);
        unused_ceilings::report(document, &accepted, routes, &mut coverage.without_effect);
        unused_requirements(document, &mut coverage.without_effect);
        unused_defaults(document, &mut coverage.without_effect);
        unused_limit(document, &mut coverage.without_effect);
        let samples = Samples::new(routes);
        unreached_routes(&samples, &mut coverage.without_effect);
        let weaker = weaker::routes(document, &samples, &mut coverage.without_effect);
        other_spellings(&samples, &weaker, &mut coverage.spellings);
        roots_of_rests(&samples, &mut coverage.spellings);
        unforwarded_methods(routes, &mut coverage.unforwarded);
        if let Some(promoted) = promoted {
            nothing_enforced(document, routes, &mut coverage.without_effect);
            let samples = Samples::new(promoted);
            other_spellings(&samples, &weaker, &mut coverage.spellings);
            roots_of_rests(&samples, &mut coverage.spellings);
        }
        coverage
    }
}

/// Implied scopes that no rule names, and that imply none which a rule names.
fn unnamed_scopes(document: &Document, accepted: &BTreeSet<Word>, diagnostics: &mut Diagnostics) {
    let Some(hierarchy) = &document.scopes else {
        return;
    };
    for (scope, implied) in hierarchy.value.implied() {
        if !accepted.contains(&implied.value) {
            let message = format!("no rule names `{}`, which `{scope}` implies", implied.value);
            diagnostics.push_coded(
                "unused_scope",
                implied.span(),
                message,
                "correct the name, or remove it",
            );
        }
    }
}

/// The scopes that the rules of a policy name, and those that imply one of them.
fn accepted_scopes(document: &Document, implied_by: &ImpliedBy) -> BTreeSet<Word> {
    let mut named = BTreeSet::new();
    let routes = document.routes.iter().map(|route| route.value.requirement());
    let others = document.requirements.values().chain(&document.defaults);
    for requirement in routes.chain(others.map(|named| named.value.clone())) {
        named_scopes(&requirement, &mut named);
    }
    let implying = named.iter().filter_map(|named| implied_by.get(named));
    let implying: Vec<Word> = implying.flat_map(|by| by.iter().cloned()).collect();
    named.extend(implying);
    named
}

/// Adds the scopes that a requirement names, also within its alternatives.
fn named_scopes(requirement: &RequirementDocument, names: &mut BTreeSet<Word>) {
    names.extend(requirement.named_scopes().cloned());
    for alternative in requirement.any_of.iter().flat_map(|any_of| &any_of.value) {
        named_scopes(&alternative.value, names);
    }
}

/// Requirements that no route requires. A policy without routes is for layers that name one of its requirements.
fn unused_requirements(document: &Document, diagnostics: &mut Diagnostics) {
    if document.routes.is_empty() {
        return;
    }
    let mut used = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    if let Some(defaults) = &document.defaults {
        required(&defaults.value, &mut open);
    }
    for route in &document.routes {
        required(&route.value.requirement(), &mut open);
    }
    while let Some(name) = open.pop() {
        if let Some(requirement) = document.requirements.get(&name)
            && used.insert(name)
        {
            required(&requirement.value, &mut open);
        }
    }
    for (name, requirement) in &document.requirements {
        if !used.contains(name) {
            let message = format!("no route requires `{name}`");
            let help = format!("add `require: [{name}]` to a route, or remove the requirement");
            diagnostics.push_coded("unused_requirement", requirement.span(), message, help);
        }
    }
}

/// Defaults of a policy whose routes are all public.
fn unused_defaults(document: &Document, diagnostics: &mut Diagnostics) {
    if let Some(defaults) = &document.defaults
        && !document.routes.is_empty()
        && document.routes.iter().all(|route| route.value.public)
    {
        let message = "every route is public, so that `defaults` has no effect";
        diagnostics.push_coded("unused_defaults", defaults.span(), message, "remove it");
    }
}

/// A limit of a policy without a route that it applies to.
fn unused_limit(document: &Document, diagnostics: &mut Diagnostics) {
    let has_none_of_it = |route: &RouteDocument| route.public || route.limit.is_some();
    if let Some(limit) = &document.limit
        && !document.routes.is_empty()
        && document.routes.iter().all(|route| has_none_of_it(&route.value))
    {
        let message = "every route is public or has a `limit` of its own, so that this one has no effect";
        diagnostics.push_coded("unused_limit", limit.span(), message, "remove it");
    }
}

/// Adds the names that a requirement requires, also within its alternatives.
fn required(requirement: &RequirementDocument, names: &mut Vec<String>) {
    let required = requirement.require.iter().flat_map(|names| &names.value);
    names.extend(required.map(|name| name.value.clone()));
    for alternative in requirement.any_of.iter().flat_map(|any_of| &any_of.value) {
        self::required(&alternative.value, names);
    }
}

fn unreached_routes(samples: &Samples<'_>, diagnostics: &mut Diagnostics) {
    for (pattern, route) in samples.routes.routes() {
        let path = samples.path(pattern);
        let is_reached = |method| {
            let found = samples.routes.exact(method, &path).into_iter();
            let mut found = found.flat_map(|found| samples.routes.alternatives(found));
            found.any(|(_, found)| std::ptr::eq(found, route))
        };
        if !samples.methods(pattern).into_iter().any(is_reached) {
            let message = format!("no request reaches `{}`", route.name);
            diagnostics.push_coded(
                "unreachable_route",
                pattern.span,
                message,
                "other routes match all of its requests; remove it",
            );
        }
    }
}

/// A policy whose rules are all in shadow.
fn nothing_enforced(document: &Document, routes: &RouteTable, diagnostics: &mut Diagnostics) {
    let is_enforced = |requirement: &Requirement| requirement.has_written_rule() || requirement.limit().is_some();
    let is_any_enforced = routes.requirements().any(|requirement| is_enforced(requirement));
    if let Some(place) = document.first_shadow()
        && !is_any_enforced
        && !document.routes.is_empty()
    {
        let message = "every rule is in shadow: a route with a valid token allows every request";
        let help = "to enforce a rule, remove its `mode: shadow`, or write `mode: enforce` on its route";
        diagnostics.push_coded("nothing_enforced", place, message, help);
    }
}

fn unforwarded_methods(routes: &RouteTable, diagnostics: &mut Diagnostics) {
    for (pattern, route) in routes.routes() {
        let named = pattern.methods.iter().map(|method| &**method);
        for method in named.filter(|method| UNFORWARDED.contains(method)) {
            let message = format!(
                "no request with `{method}` reaches `{}`: `actgate run` answers 501",
                route.name
            );
            diagnostics.push_coded(
                "unforwarded_method",
                pattern.span,
                message,
                "remove the method from `match`",
            );
        }
    }
}

/// Routes that match other spellings of a path whose own route requires more, or is counted for another limit, apart from pairs of
/// which one is found to be weaker. None where the policy states that the API distinguishes them.
fn other_spellings(samples: &Samples<'_>, weaker: &weaker::Pairs, diagnostics: &mut Diagnostics) {
    if samples.routes.spelling() == Spelling::Exact {
        return;
    }
    let mut covering: BTreeMap<&str, (&Pattern, Vec<&Route>, bool)> = BTreeMap::new();
    for (pattern, route) in samples.routes.routes() {
        let variants = samples.spellings(pattern);
        for method in samples.methods(pattern) {
            for path in &variants {
                let others = samples.routes.exact(method, path).into_iter();
                for (other_pattern, other) in others.flat_map(|other| samples.routes.alternatives(other)) {
                    let requires_less = !other.access.requires_all_of(&route.access);
                    if weaker.contains(&weaker::pair(route, other))
                        || !requires_less && other.access.has_limit_of(&route.access)
                    {
                        continue;
                    }
                    let entry = covering.entry(&other.name);
                    let (_, covered, is_weaker) = entry.or_insert((other_pattern, Vec::new(), false));
                    *is_weaker |= requires_less;
                    // The routes come in order: only the last one can be this one.
                    if !covered.last().is_some_and(|last| std::ptr::eq(*last, route)) {
                        covered.push(route);
                    }
                }
            }
        }
    }
    for (name, (pattern, covered, is_weaker)) in covering {
        let more = match covered.len() {
            1 => String::new(),
            2 => " and of one more route".to_owned(),
            count => format!(" and of {} more routes", count - 1),
        };
        let first = covered.first().map_or("", |route| &*route.name);
        let less = match is_weaker {
            true => "which do not have to meet the same requirement",
            false => "which are not counted for the same limit",
        };
        let message = format!("`{name}` also matches other spellings of `{first}`{more}, {less}");
        let help = "such requests are denied with 400; write `spelling: exact` if the API distinguishes case, a last slash, and blanks \
                    and dots at the end of a segment, and reads no method from a parameter `_method`";
        diagnostics.push_coded("other_spellings", pattern.span, message, help);
    }
}

/// Paths without the rest that `/a/{*rest}` asks for, where their route requires less.
fn roots_of_rests(samples: &Samples<'_>, diagnostics: &mut Diagnostics) {
    for (pattern, route) in samples.routes.routes() {
        let Some([.., Segment::CatchAll(_)]) = pattern.segments.get(1..) else {
            continue;
        };
        let path = samples.path(pattern);
        let with_slash = path.trim_end_matches(&samples.value);
        let roots = [with_slash, with_slash.trim_end_matches('/')];
        let weaker = samples.methods(pattern).into_iter().find_map(|method| {
            let matches = roots.into_iter().filter_map(|path| samples.routes.exact(method, path));
            let mut matches = matches.flat_map(|other| samples.routes.alternatives(other));
            let weaker = matches.find(|(_, other)| !other.access.requires_all_of(&route.access));
            weaker.map(|(_, other)| other)
        });
        if let Some(weaker) = weaker {
            let message = format!(
                "`{}` does not match the path without a rest, which `{}` matches",
                route.name, weaker.name
            );
            let written = pattern.written_path();
            let methods = route.name.split_once(' ').map_or("", |(methods, _)| methods);
            let root = format!("{methods} {}", written.rsplit_once('/').map_or("", |(root, _)| root));
            let help = format!("add `{root}` and `{root}/` to its `match` if they require the same");
            diagnostics.push_coded("path_without_rest", pattern.span, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn warnings(text: &str) -> Vec<String> {
        let policy = Policy::from_yaml(text).unwrap();
        let warnings = policy.warnings().chain(policy.covered_spellings());
        warnings.map(|warning| warning.to_string()).collect()
    }

    #[test]
    fn a_requirement_that_no_route_requires_is_reported() {
        let text = "requirements:
  a: { scopes: [a] }
  b: { require: [a] }
  c: { require: [d] }
  d: { scopes: [d] }
  e: { scopes: [e] }
routes:
  - { match: GET /, require: [b], any_of: [{ require: [e] }] }
";
        assert_eq!(
            warnings(text),
            [
                "4:6: no route requires `c`\n  help: add `require: [c]` to a route, or remove the requirement",
                "5:6: no route requires `d`\n  help: add `require: [d]` to a route, or remove the requirement",
            ]
        );
        let (requirements, _) = text.split_once("routes").unwrap();
        assert!(
            warnings(requirements).is_empty(),
            "a layer names its requirement itself"
        );
    }

    #[test]
    fn a_route_whose_requests_all_match_another_one_is_reported() {
        let all = crate::policy::methods::REGISTERED.join(",");
        let text = format!("routes:\n  - {{ match: '* /a', scopes: [a] }}\n  - {{ match: '{all} /a', scopes: [a] }}\n");
        let [warning] = &warnings(&text)[..] else { panic!() };
        assert!(warning.starts_with("2:14: no request reaches `* /a`"), "{warning}");
        assert!(
            warnings("routes: [{ match: ['GET /a/{x}', 'GET /a/0', 'GET /{*y}', '* /a/{z}'], scopes: [a] }]")
                .is_empty()
        );
    }

    #[test]
    fn a_route_on_a_method_that_is_not_forwarded_is_reported() {
        let of = |text: &str| {
            let policy = Policy::from_yaml(text).unwrap();
            let warnings = policy.unforwarded_methods().map(|warning| warning.to_string());
            warnings.collect::<Vec<_>>()
        };
        let text = "routes: [{ match: ['TRACE /x', 'GET,CONNECT /y', '* /z', 'OPTIONS /x'], public: true }]";
        assert_eq!(
            of(text),
            [
                "1:20: no request with `TRACE` reaches `TRACE /x`: `actgate run` answers 501\n  help: remove the method from `match`",
                "1:32: no request with `CONNECT` reaches `GET,CONNECT /y`: `actgate run` answers 501\n  help: remove the method from `match`",
            ]
        );
        assert!(warnings(text).is_empty(), "{:?}", warnings(text));
        assert_eq!(of("routes: [{ match: '\"TRACE\" /{*x}', public: true }]").len(), 1);
    }

    #[test]
    fn a_route_that_matches_another_spelling_of_a_stricter_one_is_reported() {
        let text = "routes:
  - { match: 'DELETE /orders/{id}', scopes: [read, admin] }
  - { match: ['* /admin/{*rest}', '* /admin', '* /admin/'], scopes: [admin] }
  - { match: GET /health, public: true }
  - { match: '* /{*rest}', scopes: [read] }
";
        let [warning] = &warnings(text)[..] else { panic!() };
        let expected = "5:14: `* /{*rest}` also matches other spellings of `DELETE /orders/{id}` and of 3 more routes, which do not \
                        have to meet the same requirement\n  help: such requests are denied with 400;";
        assert!(warning.starts_with(expected), "{warning}");
        assert_eq!(warnings(&format!("spelling: exact\n{text}")), [""; 0]);
        let upper = "routes: [{ match: 'GET /A/b', scopes: [a] }, { match: 'GET /a/{x}', public: true }]";
        assert_eq!(warnings(upper).len(), 1);
        assert!(
            warnings("routes: [{ match: 'GET /a', scopes: [a] }, { match: '* /{*rest}', scopes: [b, a] }]").is_empty()
        );
        assert!(
            warnings("routes: [{ match: 'GET /a/{x}', scopes: [a] }, { match: 'GET /b', public: true }]").is_empty()
        );
    }

    #[test]
    fn a_route_that_matches_another_spelling_of_one_with_a_limit_of_its_own_is_reported() {
        let limit = "limit: { per: client, rate: 60/m }";
        let beside = |top: &str, login: &str, rest: &str| {
            let rest = format!("{{ match: '* /{{*rest}}', scopes: [a]{rest} }}");
            warnings(&format!(
                "{top}routes:\n  - {{ match: POST /login, scopes: [a]{login} }}\n  - {rest}\n"
            ))
        };
        let (own, of_policy) = (format!(", {limit}"), format!("{limit}\n"));
        for (top, login, rest, line) in [
            ("", &*own, "", Some(3)),
            (&*of_policy, &*own, "", Some(4)),
            ("", &*own, &*own, Some(3)),
            (&*of_policy, "", &*own, Some(4)),
            ("", "", &*own, None),
            (&*of_policy, "", "", None),
            ("spelling: exact\n", &*own, "", None),
        ] {
            let expected = line.map(|line| {
                format!(
                    "{line}:14: `* /{{*rest}}` also matches other spellings of `POST /login`, which are not counted for the same limit\n"
                )
            });
            let found = beside(top, login, rest);
            let begins = found
                .iter()
                .zip(&expected)
                .all(|(found, begin)| found.starts_with(begin));
            assert!(
                begins && found.len() == usize::from(line.is_some()),
                "{top}{login}{rest}: {found:?}"
            );
        }
        let [both] = &warnings(&format!(
            "routes: [{{ match: GET /a, scopes: [a], {limit} }}, {{ match: GET /b, scopes: [b] }}, {{ match: 'GET /{{x}}', scopes: [a] }}]"
        ))[..] else {
            panic!()
        };
        assert!(both.contains("do not have to meet the same requirement"), "{both}");
    }

    #[test]
    fn a_path_without_a_rest_whose_route_requires_less_is_reported() {
        let text =
            "routes: [{ match: '* /admin/{*rest}', scopes: [admin] }, { match: 'GET /{*rest}', scopes: [read] }]";
        let expected = "1:19: `* /admin/{*rest}` does not match the path without a rest, which `GET /{*rest}` matches\n  help: add \
                        `* /admin` and `* /admin/` to its `match` if they require the same";
        assert!(warnings(text).contains(&expected.to_owned()), "{:?}", warnings(text));
    }
}
