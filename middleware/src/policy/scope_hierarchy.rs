//! `scopes: { implies: .. }` at the top of a policy: which scopes include others.

use std::borrow::Borrow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use actgate_yaml::Spanned;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::exact::shown;
use super::syntax::{Context, ImpliedBy, Word};
use crate::look::Look;

/// The most names in a hierarchy, each counted wherever it is written.
const MAX_NAMES: usize = 1_000;

/// Scopes that include others, for every rule that accepts a scope.
/// Example: `{ implies: { 'orders:admin': ['orders:read', 'orders:write'] } }`
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `scopes: { implies: { \"orders:admin\": [\"orders:read\"] } }` here, and the scopes of a request in its \
                 route"
)]
#[cfg_attr(feature = "schema", schemars(extend("required" = ["implies"])))]
pub(super) struct HierarchyDocument {
    /// Each scope with the scopes that it includes, also by way of others.
    /// Example: `{ 'orders:admin': ['orders:read', 'orders:write'] }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
    implies: Option<Implications>,
}

type Implications = BTreeMap<ImplyingScope, Spanned<Vec<Spanned<Word>>>>;

/// A scope that is a key, where a `literal` cannot be written.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ImplyingScope(Word);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A scope, as the token has it.
    ImplyingScope = "ImplyingScope", { "type": "string", "pattern": r"^[!#-)+-\[\]-~]+$" };
}

impl<'de> Deserialize<'de> for ImplyingScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        if Look::of(&text).is_some() {
            let shown = shown(&text);
            let help = "write a key for each scope, as the token has it";
            let message = format!(
                "`{shown}` looks like a pattern or like several scopes, and scopes are compared as they are\n{help}"
            );
            return Err(D::Error::custom(message));
        }
        Word::try_from(text).map(ImplyingScope).map_err(D::Error::custom)
    }
}

impl Borrow<str> for ImplyingScope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImplyingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl HierarchyDocument {
    /// Each implied scope as it is written, with the scope that implies it.
    pub(super) fn implied(&self) -> impl Iterator<Item = (&Word, &Spanned<Word>)> {
        let implications = self.implies.iter().flatten();
        implications.flat_map(|(scope, implied)| implied.value.iter().map(|implied| (&scope.0, implied)))
    }
}

/// The scopes that imply each scope, also by way of others.
pub(super) fn compile(document: Option<&Spanned<HierarchyDocument>>, context: &mut Context<'_>) -> ImpliedBy {
    let Some(document) = document else {
        return ImpliedBy::default();
    };
    let Some(implications) = document.value.implies.as_ref().filter(|implies| !implies.is_empty()) else {
        let help = "write what a scope implies, or remove it";
        context.mistake_if_whole(document.span(), "`scopes` is empty", help);
        return ImpliedBy::default();
    };
    let names: usize = implications.values().map(|implied| 1 + implied.value.len()).sum();
    if names > MAX_NAMES {
        let message = format!("the hierarchy of scopes has more than {MAX_NAMES} names");
        context.mistake(
            document.span(),
            message,
            "write fewer: a scope implies what its scopes imply",
        );
        return ImpliedBy::default();
    }
    let mut implied_by: BTreeMap<Word, Vec<Word>> = BTreeMap::new();
    for (scope, implied) in implications {
        if implied.value.is_empty() {
            let message = format!("`{scope}` implies no scope");
            context.mistake_if_whole(
                implied.span(),
                message,
                "write the scopes that it implies, or remove it",
            );
        }
        for (index, item) in implied.value.iter().enumerate() {
            if implied.value[..index].iter().any(|earlier| earlier.value == item.value) {
                let message = format!("`{scope}` implies `{}` twice", item.value);
                context.mistake(item.span(), message, "remove one of them");
            }
        }
        let reached = reached(implications, &scope.0);
        report_cycle(&scope.0, &reached, context);
        for name in reached.into_keys() {
            // The scopes come in their order, so that each list is sorted.
            implied_by.entry(name.clone()).or_default().push(scope.0.clone());
        }
    }
    implied_by
        .into_iter()
        .map(|(name, implying)| (name, implying.into()))
        .collect()
}

/// The item with which a scope is reached first, and the scope whose item it is.
type Way<'d> = (&'d Word, &'d Spanned<Word>);

/// Every scope that `start` implies, also by way of others.
fn reached<'d>(implications: &'d Implications, start: &'d Word) -> BTreeMap<&'d Word, Way<'d>> {
    let mut reached = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(scope) = open.pop_front() {
        for item in implications.get(&**scope).iter().flat_map(|implied| &implied.value) {
            if let Entry::Vacant(entry) = reached.entry(&item.value) {
                entry.insert((scope, item));
                open.push_back(&item.value);
            }
        }
    }
    reached
}

/// Reports that a scope implies itself, once for each cycle: at the first of its names.
fn report_cycle(start: &Word, reached: &BTreeMap<&Word, Way<'_>>, context: &mut Context<'_>) {
    let mut at = start;
    while let Some((from, _)) = reached.get(at) {
        if *from == start {
            break;
        }
        if *from < start {
            return;
        }
        at = from;
    }
    match reached.get(start) {
        None => {}
        Some((from, item)) if *from == start => {
            let message = format!("`{start}` implies itself");
            context.mistake(item.span(), message, "remove it from its own list");
        }
        Some((from, item)) => {
            let message = format!("`{start}` implies itself by way of `{from}`");
            context.mistake(
                item.span(),
                message,
                format!("remove `{start}` from the list of `{from}`"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    fn mistakes(hierarchy: &str) -> Vec<String> {
        let policy = Policy::from_yaml(&format!(
            "scopes: {hierarchy}\nroutes: [{{ match: GET /, scopes: [a] }}]\n"
        ));
        let mistakes = policy.err().map(|mistakes| mistakes.to_string()).unwrap_or_default();
        mistakes
            .replace("\n  help: ", "; ")
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_hierarchy_that_makes_no_sense_is_a_mistake_with_place_and_help() {
        let mapping = "write `scopes: { implies: { \"orders:admin\": [\"orders:read\"] } }` here, and the scopes of a request in its route";
        for (hierarchy, expected) in [
            ("{ implies: { b: [a] } }", vec![]),
            ("{}", vec!["1:9: `scopes` is empty; write what a scope implies, or remove it".to_owned()]),
            ("{ implies: {} }", vec!["1:9: `scopes` is empty; write what a scope implies, or remove it".to_owned()]),
            ("[a, b]", vec![format!("1:9: expected a mapping, not a list; {mapping}")]),
            ("a", vec![format!("1:9: expected a mapping, not a text; {mapping}")]),
            (
                "{ implies: { b: [] } }",
                vec!["1:25: `b` implies no scope; write the scopes that it implies, or remove it".to_owned()],
            ),
            (
                "{ implies: { b: [b] } }",
                vec!["1:26: `b` implies itself; remove it from its own list".to_owned()],
            ),
            (
                "{ implies: { b: [a, c, a] } }",
                vec!["1:32: `b` implies `a` twice; remove one of them".to_owned()],
            ),
            (
                "{ implies: { c: [b], b: [a], a: [d, c] } }",
                vec!["1:34: `a` implies itself by way of `b`; remove `a` from the list of `b`".to_owned()],
            ),
            (
                "{ implies: { b: [a], b: [c] } }",
                vec!["1:30: the key `b` occurs twice; keep one of them".to_owned()],
            ),
            (
                "{ implies: { 'orders:*': [a] } }",
                vec![
                    "1:22: `orders:*` looks like a pattern or like several scopes, and scopes are compared as they are; write a key for \
                     each scope, as the token has it"
                        .to_owned(),
                ],
            ),
            (
                "{ implies: { b: ['orders:*'] } }",
                vec![
                    "1:26: `orders:*` is a pattern, and values are compared as they are; write each value in full, or `{ literal: \
                     'orders:*' }` if the token has this very text"
                        .to_owned(),
                ],
            ),
            (
                "{ implies: { 'b c': [a] } }",
                vec![
                    "1:22: expected one word of printable ASCII without quotes and backslashes; write several words as a list"
                        .to_owned(),
                ],
            ),
            ("{ implied: { b: [a] } }", vec!["1:11: unknown key `implied`; did you mean `implies`?".to_owned()]),
        ] {
            assert_eq!(mistakes(hierarchy), expected, "{hierarchy}");
        }
    }

    #[test]
    fn each_cycle_is_reported_once() {
        let mistakes = mistakes("{ implies: { a: [b], b: [a], c: [d], d: [e], e: [c, a] } }");
        assert_eq!(
            mistakes,
            [
                "1:34: `a` implies itself by way of `b`; remove `a` from the list of `b`",
                "1:58: `c` implies itself by way of `e`; remove `c` from the list of `e`",
            ]
        );
    }

    #[test]
    fn the_number_of_names_is_limited() {
        let chain = |length: usize| {
            let links: Vec<String> = (0..length).map(|n| format!("s{n}: [s{}]", n + 1)).collect();
            mistakes(&format!("{{ implies: {{ {} }} }}", links.join(", ")))
        };
        assert_eq!(chain(500), [""; 0]);
        let expected =
            "1:9: the hierarchy of scopes has more than 1000 names; write fewer: a scope implies what its scopes imply";
        assert_eq!(chain(501), [expected]);
    }

    #[test]
    fn an_implied_scope_that_no_rule_names_is_reported() {
        let warnings = |text: &str| -> Vec<String> {
            let policy = Policy::from_yaml(text).unwrap();
            policy.warnings().map(|warning| warning.to_string()).collect()
        };
        let text = "scopes:
  implies:
    root: [admin, billing]
    admin: [read, wrte]
requirements:
  bill: { any_of: [{ scopes: { none_of: [billing] } }] }
routes:
  - { match: GET /, scopes: [read], require: [bill] }
  - { match: PUT /, scopes: [write] }
";
        assert_eq!(
            warnings(text),
            ["4:19: no rule names `wrte`, which `admin` implies\n  help: correct the name, or remove it"]
        );
    }
}
