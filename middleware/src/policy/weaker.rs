//! Routes that take requests from a stricter one whose path covers theirs: `GET /orders/export` beside `GET /orders/{id}`.
//!
//! A route is weaker in a subject (`initiator`, `actor`, `chain`, …) on which the other one has a rule and it has none. Routes that
//! differ in their rules on one subject state both, and are none. Public routes state as much as well, and a path without a literal
//! segment (`/{*rest}`) is for what no other route names: neither is reported.

use std::collections::{BTreeMap, BTreeSet};

use actgate_yaml::{Diagnostics, Spanned, nearest};

use super::common_paths::CommonPaths;
use super::document::Document;
use super::exact;
use super::mcp::McpMatch;
use super::requirement::Requirement;
use super::route_pattern::{Pattern, Segment};
use super::route_table::{Access, Route};
use super::rules::{ActorCondition, AgentCondition, AnyOf, CoreCondition, CoreRule, HistoryCondition};
use super::samples::Samples;
use super::spelling::Spelling;

/// A route with its pattern, and the subjects that a weaker one has no rule on.
type Stricter<'t> = (&'t Pattern, &'t Route, Vec<&'static str>);

/// Two routes of which one is weaker than the other, by their numbers in order.
pub(super) type Pairs = BTreeSet<[usize; 2]>;

/// Reports routes that are weaker than one that they take requests from, unless they state so, and statements without effect.
///
/// Returns the pairs of routes of which nothing more has to be said: the reported ones, and the stated ones if requests in another
/// spelling of their paths are denied.
pub(super) fn routes(document: &Document, samples: &Samples<'_>, diagnostics: &mut Diagnostics) -> Pairs {
    let mut pairs = Pairs::new();
    let denies_spellings = matches!(samples.routes.spelling(), Spelling::Folded);
    let routes: Vec<(&Pattern, &Route)> = samples.routes.routes().collect();
    let mut stated = Statements::of(document);
    let paths = CommonPaths::of(routes.iter().map(|(pattern, _)| *pattern));
    let covering = routes.iter().filter(|(pattern, _)| is_guard(pattern));
    let mut weaker: BTreeMap<usize, Vec<Stricter<'_>>> = BTreeMap::new();
    for (pattern, route) in covering {
        let Access::Guarded(requirement) = &route.access else {
            continue;
        };
        let others = paths.with(pattern).into_iter().filter_map(|number| routes.get(number));
        for (other_pattern, other) in others {
            let Access::Guarded(other_requirement) = &other.access else {
                continue;
            };
            if other.number == route.number || !takes_requests(samples, (other_pattern, other), pattern) {
                continue;
            }
            let lost = lost(requirement, other_requirement);
            if lost.is_empty() {
                continue;
            }
            let is_stated = stated.covers(other, route);
            if !is_stated || denies_spellings {
                pairs.insert(pair(route, other));
            }
            if !is_stated {
                weaker.entry(other.number).or_default().push((pattern, route, lost));
            }
        }
    }
    for (number, stricter) in weaker {
        let (Some((pattern, route)), Some((other_pattern, other, lost))) = (routes.get(number), stricter.first())
        else {
            continue;
        };
        let more = match stricter.len() {
            1 => String::new(),
            2 => " and of one more route".to_owned(),
            count => format!(" and of {} more routes", count - 1),
        };
        let rules: Vec<String> = lost.iter().map(|subject| format!("`{subject}`")).collect();
        let message = format!(
            "`{}` takes requests of `{}` (line {}){more}, and has no rule on {}",
            route.name,
            other.name,
            other_pattern.span.line,
            rules.join(", ")
        );
        let names: Vec<&str> = stricter.iter().map(|(_, other, _)| &*other.name).collect();
        let named = match &names[..] {
            [only] => exact::quoted(only),
            names => format!(
                "[{}]",
                names
                    .iter()
                    .map(|name| exact::quoted(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let help =
            format!("require it here as well, or state that it is meant: `weaker_than: {named}` beside its `match`");
        diagnostics.push_coded("weaker_route", pattern.span, message, help);
    }
    stated.report_unused(&routes, diagnostics);
    pairs
}

/// Two routes, as [`Pairs`] have them.
pub(super) fn pair(one: &Route, other: &Route) -> [usize; 2] {
    [one.number.min(other.number), one.number.max(other.number)]
}

/// Whether the path of a route covers other paths, and is not that of every request; or its messages cover other ones of its path.
fn is_guard(pattern: &Pattern) -> bool {
    if pattern.messages.as_ref().is_some_and(McpMatch::has_beginnings) {
        return true;
    }
    let is_literal = |segment: &Segment| matches!(segment, Segment::Literal(text) if !text.is_empty());
    pattern.has_parameter() && pattern.segments.iter().any(is_literal)
}

/// Whether a route gets a request that another pattern matches as well, by its more specific path.
fn takes_requests(samples: &Samples<'_>, (pattern, route): (&Pattern, &Route), other: &Pattern) -> bool {
    let Some(path) = common_path(pattern, other, &samples.value) else {
        return false;
    };
    if pattern.shape() == other.shape() {
        return match (&pattern.messages, &other.messages) {
            (Some(messages), Some(others)) => others.covers(messages),
            _ => false,
        };
    }
    let methods = samples.methods(pattern).into_iter();
    let mut methods = methods.filter(|method| other.closeness(method).is_some());
    methods.any(|method| {
        let found = samples.routes.exact(method, &path).into_iter();
        let mut found = found.flat_map(|found| samples.routes.alternatives(found));
        found.any(|(_, found)| found.number == route.number)
    })
}

/// A path that both patterns match.
fn common_path(one: &Pattern, other: &Pattern, value: &str) -> Option<String> {
    let mut path = String::new();
    let (mut one, mut other) = (one.segments.iter(), other.segments.iter());
    loop {
        let (first, second) = (one.next(), other.next());
        let rest = match (first, second) {
            (None, None) => return Some(path),
            (Some(Segment::CatchAll(_)), Some(segment)) => Some((segment, &mut other)),
            (Some(segment), Some(Segment::CatchAll(_))) => Some((segment, &mut one)),
            (Some(Segment::Literal(one)), Some(Segment::Literal(other))) if one != other => return None,
            (Some(_), Some(_)) => None,
            (None, Some(_)) | (Some(_), None) => return None,
        };
        let text = |segment: &Segment| match segment {
            Segment::Literal(text) => text.to_string(),
            Segment::Parameter(_) | Segment::CatchAll(_) => value.to_owned(),
        };
        if let Some((segment, rest)) = rest {
            for segment in std::iter::once(segment).chain(rest) {
                path.extend(["/", &text(segment)]);
            }
            return Some(path).filter(|path| !path.ends_with('/'));
        }
        let literal = [first, second].into_iter().flatten();
        let literal = literal.max_by_key(|segment| matches!(segment, Segment::Literal(_)));
        path.extend(["/", &literal.map(text).unwrap_or_default()]);
    }
}

/// The subjects of the rules of one requirement that the other one has no rule on.
fn lost(strict: &Requirement, other: &Requirement) -> Vec<&'static str> {
    let mut stated = BTreeSet::new();
    let is_any_of = |rule: &&CoreRule| matches!(rule.condition, CoreCondition::AnyOf(_));
    let plain = other.core.iter().filter(|rule| !is_any_of(rule));
    plain.for_each(|rule| add_subjects(rule, &mut stated));
    let reads_chain = |condition: &HistoryCondition| matches!(condition, HistoryCondition::Chain(_));
    if stated.contains(EXPRESSION) || !other.history.iter().all(|rule| reads_chain(&rule.condition)) {
        // It may require anything.
        return Vec::new();
    }
    // A rule on one subject can settle another one, too.
    if other.history.iter().any(|rule| settles_actor(&rule.condition)) {
        stated.insert("actor");
    }
    let of_actor = |condition: &CoreCondition, is: fn(&ActorCondition) -> bool| match condition {
        CoreCondition::Actor(actor) => is(actor),
        _ => false,
    };
    let is_presenter = |actor: &ActorCondition| matches!(actor, ActorCondition::Agent(AgentCondition::IsPresenter(..)));
    if other.core.iter().any(|rule| of_actor(&rule.condition, is_presenter)) {
        stated.insert("client");
    }
    let is_absent = |actor: &ActorCondition| *actor == ActorCondition::Absent;
    let has_no_actor = other.core.iter().any(|rule| of_actor(&rule.condition, is_absent));
    let mut lost = Vec::new();
    for rule in &strict.core {
        let mut subjects = BTreeSet::new();
        add_subjects(rule, &mut subjects);
        let is_implied = || other.core.iter().any(|other| other.implies(rule));
        let is_stated = || other.core.iter().any(|other| states_in_each(other, &subjects));
        if subjects.is_disjoint(&stated) && !is_stated() && !is_implied() {
            lost.extend(subjects);
        }
    }
    if !strict.history.is_empty() && other.history.is_empty() && !has_no_actor {
        lost.push("chain");
    }
    lost.dedup();
    lost
}

/// Whether every alternative of a rule has a rule on one of these subjects: no alternative is a way around them.
fn states_in_each(rule: &CoreRule, subjects: &BTreeSet<&'static str>) -> bool {
    match &rule.condition {
        CoreCondition::AnyOf(AnyOf(alternatives)) => {
            let mut alternatives = alternatives.iter();
            alternatives.all(|rules| rules.iter().any(|rule| states_in_each(rule, subjects)))
        }
        condition => {
            let mut own = BTreeSet::new();
            add_subjects(rule, &mut own);
            // An expression may require anything.
            !own.is_disjoint(subjects) || condition.key() == EXPRESSION
        }
    }
}

/// Whether a rule on the chain states which actor there is, or that there is none.
fn settles_actor(condition: &HistoryCondition) -> bool {
    match condition {
        HistoryCondition::Chain(chain) => chain.depth().is_exact(),
        HistoryCondition::Expression(_) => false,
    }
}

const EXPRESSION: &str = "expression";

/// Adds what a rule is about, by the key that it is written with. Rules that every route has, and those on what a request
/// contains, are about nothing that another route could lack.
fn add_subjects(rule: &CoreRule, subjects: &mut BTreeSet<&'static str>) {
    if rule.is_implicit() {
        return;
    }
    match &rule.condition {
        CoreCondition::Actor(ActorCondition::Agent(AgentCondition::NoneUnregistered(_)))
        | CoreCondition::Operation(_)
        | CoreCondition::Ceiling(_) => {}
        CoreCondition::AnyOf(AnyOf(alternatives)) => {
            alternatives
                .iter()
                .flatten()
                .for_each(|rule| add_subjects(rule, subjects));
        }
        condition => {
            subjects.insert(condition.key());
        }
    }
}

/// What the routes state with `weaker_than`.
struct Statements<'d> {
    /// The statements of each route, in the order of the table.
    of_routes: Vec<Vec<(&'d Spanned<String>, bool)>>,
}

impl<'d> Statements<'d> {
    fn of(document: &'d Document) -> Self {
        let of_route = |stated: &'d Option<actgate_yaml::OneOrMany<Spanned<String>>>| {
            let stated = stated.iter().flat_map(|stated| stated.iter());
            stated.map(|name| (name, false)).collect::<Vec<_>>()
        };
        let of_routes = document.routes.iter().flat_map(|route| {
            let stated = of_route(&route.value.weaker_than);
            route.value.matches.iter().map(move |_| stated.clone())
        });
        Statements {
            of_routes: of_routes.collect(),
        }
    }

    /// Whether a route states that it is weaker than the other one.
    fn covers(&mut self, route: &Route, other: &Route) -> bool {
        let stated = self.of_routes.get_mut(route.number).into_iter().flatten();
        let named: Vec<_> = stated.filter(|(name, _)| name.value.trim() == &*other.name).collect();
        let covers = !named.is_empty();
        named.into_iter().for_each(|(_, is_used)| *is_used = true);
        covers
    }

    /// Reports statements about a route that does not exist, and about one that is not stricter.
    fn report_unused(&self, routes: &[(&Pattern, &Route)], diagnostics: &mut Diagnostics) {
        let mut used: BTreeMap<(u64, u64), (&Spanned<String>, bool)> = BTreeMap::new();
        for (name, is_used) in self.of_routes.iter().flatten() {
            let span = name.span();
            used.entry((span.line, span.column)).or_insert((name, false)).1 |= is_used;
        }
        for (name, _) in used.into_values().filter(|(_, is_used)| !is_used) {
            let text = name.value.trim();
            let known: Vec<&str> = routes.iter().map(|(_, route)| &*route.name).collect();
            let guards = routes.iter().filter(|(pattern, _)| is_guard(pattern));
            let guards: Vec<&str> = guards.map(|(_, route)| &*route.name).collect();
            let (message, help) = match known.contains(&text) {
                true => (
                    format!(
                        "this route has the rules of `{}`, or takes no request of it",
                        exact::shown(text)
                    ),
                    "remove `weaker_than`".to_owned(),
                ),
                false => (
                    format!("no route has the `match` `{}`", exact::shown(text)),
                    nearest(text, &guards),
                ),
            };
            diagnostics.push_coded("unused_weaker_than", name.span(), message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn warnings(routes: &str) -> Vec<String> {
        let text = format!("requirements:\n  human: {{ initiator: {{ kind: human }} }}\nroutes:\n{routes}");
        let policy = Policy::from_yaml(&text).unwrap_or_else(|error| panic!("{routes}\n{error}"));
        let coded = policy
            .warnings()
            .filter(|warning| warning.code().is_some_and(|code| code.contains("weaker")));
        coded
            .map(|warning| warning.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    const STRICT: &str = "  - { match: 'GET /orders/{id}', scopes: [a], require: [human] }\n";

    #[test]
    fn a_route_that_lacks_what_a_covering_one_requires_is_found_once() {
        let found = warnings(&format!("{STRICT}  - {{ match: GET /orders/export, scopes: [a] }}\n"));
        assert_eq!(
            found,
            [
                "5:14: `GET /orders/export` takes requests of `GET /orders/{id}` (line 4), and has no rule on `initiator`; \
              require it here as well, or state that it is meant: `weaker_than: 'GET /orders/{id}'` beside its `match`"
            ]
        );
        for (strict, weak) in [
            ("* /admin/{*rest}", "GET /admin/status"),
            ("GET /{tenant}/orders/{id}", "GET /a/orders/{id}"),
            ("GET /{tenant}/orders/1", "GET /a/orders/{id}"),
            ("GET,POST /a/{id}", "POST,PUT /a/b"),
            ("GET /a/{id}", "HEAD /a/b"),
        ] {
            let routes =
                format!("  - {{ match: '{strict}', require: [human] }}\n  - {{ match: '{weak}', scopes: [b] }}\n");
            assert_eq!(warnings(&routes).len(), 1, "{routes}");
        }
    }

    #[test]
    fn routes_that_state_as_much_are_not_found() {
        for other in [
            "{ match: GET /orders/export, public: true }",
            "{ match: GET /orders/export, scopes: [b], initiator: { kind: service } }",
            "{ match: GET /orders/export, scopes: [b], any_of: [{ require: [human] }, { initiator: { kind: service } }] }",
            "{ match: 'GET /orders/{id}/items', scopes: [b] }",
            "{ match: GET /orders, scopes: [b] }",
            "{ match: POST /orders/export, scopes: [b] }",
            "{ match: 'DELETE /orders/{id}', scopes: [b] }",
            "{ match: GET /other/export, scopes: [b] }",
            "{ match: GET /orders/export, scopes: [b], weaker_than: 'GET /orders/{id}' }",
            "{ match: [GET /orders/export, GET /orders], scopes: [b], weaker_than: ['GET /orders/{id}'] }",
        ] {
            assert_eq!(warnings(&format!("{STRICT}  - {other}\n")), [""; 0], "{other}");
        }
        let fallback = "  - { match: ['* /', '* /{*rest}'], scopes: [admin], require: [human] }\n  - { match: GET /orders, scopes: [b] }\n";
        assert_eq!(warnings(fallback), [""; 0]);
        let method =
            "  - { match: '* /orders/{id}', require: [human] }\n  - { match: 'GET /orders/{id}', scopes: [b] }\n";
        assert_eq!(warnings(method), [""; 0]);
    }

    #[test]
    fn a_rule_that_settles_another_subject_is_no_lack_of_it() {
        for (strict, other) in [
            ("actor: { one_of: [b] }", "chain: { path: [a, b] }"),
            ("actor: { none_of: [b] }", "chain: { max_depth: 0 }"),
            ("chain: { max_depth: 2 }", "actor: { absent: true }"),
            ("client: { one_of: [b] }", "actor: { is_presenter: true, one_of: [b] }"),
        ] {
            let routes = |other: &str| {
                format!("  - {{ match: 'POST /a/{{id}}', {strict} }}\n  - {{ match: POST /a/b, {other} }}\n")
            };
            assert_eq!(warnings(&routes(other)), [""; 0], "{strict}");
            assert_eq!(warnings(&routes("scopes: [b]")).len(), 1, "{strict}");
        }
    }

    #[test]
    fn a_rule_on_the_length_of_chains_settles_no_actor() {
        let routes = "  - { match: 'POST /a/{id}', actor: { one_of: [b] } }\n  - { match: POST /a/b, chain: { max_depth: 2 } }\n";
        let found = warnings(routes);
        assert!(
            found.len() == 1 && found[0].contains("has no rule on `actor`"),
            "{found:?}"
        );
    }

    #[test]
    fn a_route_for_names_with_a_beginning_covers_the_names_that_have_it() {
        for (other, is_covered) in [
            ("{ method: tools/call, name: get_order }", true),
            ("{ method: tools/call, name: 'get_order_*' }", true),
            ("{ method: tools/call, name: delete_order }", false),
            ("{ method: tools/call, name: 'delete_order_*' }", false),
            ("{ method: tools/call, name: [get_order, delete_order] }", false),
            ("{ method: prompts/get, name: get_order }", false),
            ("{ method: [tools/call, prompts/get], name: get_order }", false),
            ("{ method: tools/call }", false),
            ("{ method: tools/list }", false),
        ] {
            let routes = format!(
                "  - {{ match: POST /mcp, mcp: {{ method: tools/call, name: 'get_*' }}, require: [human] }}\n  \
                 - {{ match: POST /mcp, mcp: {other}, scopes: [b] }}\n"
            );
            assert_eq!(warnings(&routes).len(), usize::from(is_covered), "{routes}");
        }
        // Without a beginning it is as any other route: one of every path is for what no other one names.
        let every_path = "  - { match: 'POST /{x}', mcp: { method: tools/call }, require: [human] }\n  - { match: POST /a, scopes: [b] }\n";
        assert_eq!(warnings(every_path), [""; 0]);
    }

    #[test]
    fn a_statement_without_effect_is_found() {
        let found = warnings(&format!(
            "{STRICT}  - {{ match: GET /orders/export, require: [human], scopes: [a], weaker_than: 'GET /orders/{{id}}' }}\n  \
             - {{ match: GET /orders/all, scopes: [a], weaker_than: [GET /order, 'GET /orders/{{id}}'] }}\n"
        ));
        assert_eq!(
            found,
            [
                "5:78: this route has the rules of `GET /orders/{id}`, or takes no request of it; remove `weaker_than`",
                "6:58: no route has the `match` `GET /order`; did you mean `GET /orders/{id}`?"
            ]
        );
    }
}
