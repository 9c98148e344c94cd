//! Where the rules of a policy are written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use actgate_yaml::{Span, Spanned};

use crate::policy::OF_POLICY;
use crate::policy::policy::Policy;
use crate::policy::tree::Tree;

/// The places of the rules of a policy in its text.
///
/// It reads the text again, so that a policy in force keeps nothing of it.
///
/// ```
/// use actgate::Policy;
/// use actgate::analysis::RulePlaces;
///
/// let text = "requirements:\n  human:\n    initiator: { kind: human }\nroutes:\n  - match: GET /orders\n    require: [human]\n";
/// let places = RulePlaces::new(&Policy::from_yaml(text)?, text);
/// assert_eq!(places.of("GET /orders: human.initiator.kind").map(|place| place.line), Some(3));
/// assert_eq!(places.of("GET /orders").map(|place| place.line), Some(5));
/// # Ok::<(), actgate::policy::PolicyError>(())
/// ```
#[derive(Debug)]
pub struct RulePlaces {
    root: Spanned<Tree>,
    /// Each route with the index of its item, and the place of its pattern.
    routes: BTreeMap<String, (usize, Span)>,
    /// The first route of each item.
    first_routes: BTreeMap<usize, String>,
    /// The agents of each subject, by their indices.
    agents: BTreeMap<String, Vec<usize>>,
}

/// The place of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RulePlace {
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// Whether it is written once for several routes: in a requirement, in `defaults`, of an agent.
    pub is_shared: bool,
}

impl RulePlaces {
    /// The places in the text that a policy was read from, or in the larger document that it is a part of.
    ///
    /// The places in another text are those of rules with the same names, as far as it has them.
    pub fn new(policy: &Policy, text: &str) -> RulePlaces {
        let root = actgate_yaml::read::<Spanned<Tree>>(text).value;
        let root = root.unwrap_or(Spanned {
            value: Tree::Other,
            line: 0,
            column: 0,
        });
        let written = root.value.member("routes").map(|routes| routes.value.items());
        let matches = written.into_iter().flatten().enumerate().flat_map(|(index, route)| {
            let patterns = route.value.member("match");
            let patterns: Vec<Span> = match patterns.map(|written| (&written.value, written.span())) {
                Some((Tree::List(items), _)) => items.iter().map(Spanned::span).collect(),
                Some((_, span)) => vec![span],
                None => Vec::new(),
            };
            patterns.into_iter().map(move |span| (index, span))
        });
        // Both are in the order of the document.
        let mut first_routes = BTreeMap::new();
        let mut routes = BTreeMap::new();
        for (route, (index, span)) in policy.routes().zip(matches) {
            first_routes.entry(index).or_insert_with(|| route.to_owned());
            routes.insert(route.to_owned(), (index, span));
        }
        let mut agents: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let written = root.value.member("agents").map(|agents| agents.value.items());
        for (index, agent) in written.into_iter().flatten().enumerate() {
            if let Some(Tree::Text(subject)) = agent.value.member("subject").map(|subject| &subject.value) {
                agents.entry(subject.clone()).or_default().push(index);
            }
        }
        RulePlaces {
            agents,
            root,
            routes,
            first_routes,
        }
    }

    /// The place of a rule by its name, such as `POST /refunds: fresh-human.initiator.kind`, of a route by its own, or of a rule of a
    /// ceiling; [`None`] for a rule that holds without being written, and for a step before the policy.
    pub fn of(&self, rule: &str) -> Option<RulePlace> {
        self.find(rule).map(|(place, _)| place)
    }

    /// The place of a rule, and its name there: without the route where it is written in a requirement or in `defaults`, and with the
    /// first one where it is written beside several patterns.
    pub(super) fn find<'r>(&self, rule: &'r str) -> Option<(RulePlace, Cow<'r, str>)> {
        if let Some((_, span)) = self.routes.get(rule) {
            return Some((place(*span, false), rule.into()));
        }
        // The longest route that the name begins with.
        let route = rule.rmatch_indices(": ").find_map(|(end, separator)| {
            let (index, _) = self.routes.get(&rule[..end])?;
            Some((*index, &rule[end + separator.len()..]))
        });
        let Some((index, path)) = route else {
            return self.of_owner(rule).map(|place| (place, rule.into()));
        };
        let items = self.root.value.member("routes")?.value.items();
        let (place, shared) = self.within(items.get(index)?, path, None)?;
        let name = match (shared, self.first_routes.get(&index)) {
            (Some(shared), _) => shared.into(),
            (None, Some(first)) => format!("{first}: {path}").into(),
            (None, None) => rule.into(),
        };
        Some((place, name))
    }

    /// The place of a rule that no route owns.
    fn of_owner(&self, rule: &str) -> Option<RulePlace> {
        if rule == OF_POLICY {
            return Some(place(self.root.value.key_span("limit")?, true));
        }
        let name = rule.strip_prefix("agents.").unwrap_or(rule);
        let agents = self.root.value.member("agents").map(|agents| agents.value.items());
        let of_agent = name.match_indices('.').find_map(|(end, _)| {
            let mut same_subject = self.agents.get(&name[..end])?.iter();
            same_subject.find_map(|index| {
                let agent = agents?.get(*index)?;
                Some(self.within(agent, &name[end + 1..], Some(rule))?.0)
            })
        });
        let of_requirement = || {
            let (owner, path) = rule.split_once(": ")?;
            Some(self.within(self.requirement(owner)?, path, Some(rule))?.0)
        };
        of_agent.or_else(of_requirement)
    }

    fn requirement(&self, name: &str) -> Option<&Spanned<Tree>> {
        self.root.value.member("requirements")?.value.member(name)
    }

    /// The place at the end of a path, and the name there where it is `shared`. As far as the text has it, where a value is written
    /// in a shorter form.
    fn within<'r>(
        &self,
        node: &Spanned<Tree>,
        path: &'r str,
        shared: Option<&'r str>,
    ) -> Option<(RulePlace, Option<&'r str>)> {
        let here = |span: Span, shared: Option<&'r str>| (place(span, shared.is_some()), shared);
        if let Some((key, rest)) = longest_key(&node.value, path) {
            let value = node.value.member(key)?;
            if let Some((index, rest)) = item(rest) {
                let alternative = value.value.items().get(index)?;
                return match rest {
                    "" => Some(here(alternative.span(), shared)),
                    rest => self.within(alternative, rest, shared),
                };
            }
            let inner = rest.strip_prefix('.').and_then(|rest| self.within(value, rest, shared));
            return inner.or_else(|| Some(here(node.value.key_span(key)?, shared)));
        }
        let top = longest_key(&self.root.value, path);
        if let Some((key, rest)) = top.filter(|(key, _)| ["defaults", "limit", "unregistered_agents"].contains(key)) {
            let value = self.root.value.member(key)?;
            let inner = rest
                .strip_prefix('.')
                .and_then(|rest| self.within(value, rest, Some(path)));
            return inner.or_else(|| Some(here(self.root.value.key_span(key)?, Some(path))));
        }
        let requirements = self.root.value.member("requirements")?;
        let (name, rest) = longest_key(&requirements.value, path)?;
        // Each step takes a part of the path, so that no requirement is searched in itself without end.
        self.within(self.requirement(name)?, rest.strip_prefix('.')?, Some(path))
    }
}

fn place(Span { line, column }: Span, is_shared: bool) -> RulePlace {
    RulePlace {
        line,
        column,
        is_shared,
    }
}

/// The longest key of a mapping that a path begins with, and the rest of the path.
fn longest_key<'p>(mapping: &Tree, path: &'p str) -> Option<(&'p str, &'p str)> {
    let ends = path.rmatch_indices(['.', '[']).map(|(end, _)| end);
    let mut ends = [path.len()].into_iter().chain(ends);
    ends.find_map(|end| {
        let (key, rest) = path.split_at(end);
        mapping.member(key).map(|_| (key, rest))
    })
}

/// The index of `[0].rest`, and the rest.
fn item(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "\
unregistered_agents: deny
agents:
  - subject: bot.a
    ceiling:
      routes: [GET /a]
      initiators:
        kind: human
defaults:
  scopes: [a]
  require: [human]
requirements:
  human:
    initiator:
      kind: human
      amr:
        - mfa
  human.fresh:
    require: [human]
    initiator: { max_auth_age: 5m }
routes:
  - match: [GET /a, POST /a]
    require:
      - human.fresh
    claims:
      /a.b: 1
      a: 2
    any_of:
      - client: { one_of: [c] }
      - any_of:
          - actor: { absent: true }
          - require: [human]
            scopes:
              any_of: [x]
    chain: { max_depth: 2 }
  - match: POST /mcp
    mcp: { method: tools/call, name: a }
    scopes: [b]
  - match: POST /mcp
    mcp: { method: tools/call, name: b }
    scopes:
      - c
limit: { per: client, rate: 1/s }
";

    #[test]
    fn every_rule_of_a_policy_has_the_place_where_it_is_written() {
        let policy = Policy::from_yaml(POLICY).unwrap_or_else(|error| panic!("{error}"));
        let places = RulePlaces::new(&policy, POLICY);
        let line = |rule: &str| places.of(rule).map(|place| (place.line, place.is_shared));
        for (rule, expected) in [
            ("GET /a", (21, false)),
            ("GET /a: human.initiator.kind", (14, true)),
            ("POST /a: human.initiator.amr", (15, true)),
            ("POST /a: human.fresh.initiator.max_auth_age", (19, true)),
            ("GET /a: defaults.scopes", (9, true)),
            ("GET /a: claims./a.b", (25, false)),
            ("GET /a: claims.a", (26, false)),
            ("GET /a: any_of", (27, false)),
            ("GET /a: any_of[0]", (28, false)),
            ("GET /a: any_of[0].client.one_of", (28, false)),
            ("GET /a: any_of[1].any_of[0].actor.absent", (30, false)),
            ("GET /a: any_of[1].any_of[1].human.initiator.kind", (14, true)),
            ("GET /a: any_of[1].any_of[1].scopes.any_of", (33, false)),
            ("POST /a: chain.max_depth", (34, false)),
            ("GET /a: unregistered_agents", (1, true)),
            ("human.fresh: initiator.max_auth_age", (19, true)),
            ("agents.bot.a.ceiling.initiators.kind", (7, true)),
            ("agents.bot.a.ceiling.routes", (5, true)),
            ("limit of the policy", (42, true)),
        ] {
            assert_eq!(line(rule), Some(expected), "{rule}");
        }
        for rule in [
            "GET /a: self_actor",
            "form",
            "signature",
            "GET /b",
            "human.initiator.kind",
        ] {
            assert_eq!(line(rule), None, "{rule}");
        }
        let names: Vec<&str> = policy.routes().filter(|name| name.contains("/mcp")).collect();
        assert_eq!(line(&format!("{}: scopes", names[0])), Some((37, false)), "{names:?}");
        assert_eq!(line(&format!("{}: scopes", names[1])), Some((40, false)), "{names:?}");
    }

    #[test]
    fn every_rule_that_a_policy_writes_has_a_place() {
        let policy = Policy::from_yaml(POLICY).unwrap();
        let places = RulePlaces::new(&policy, POLICY);
        let implicit = ["self_actor", "chain_inverted", "ceiling"];
        for (rule, _) in policy.rules() {
            let is_written = !implicit.iter().any(|word| rule.ends_with(&format!(": {word}")));
            assert_eq!(places.of(rule).is_some(), is_written, "{rule}");
        }
    }
}
