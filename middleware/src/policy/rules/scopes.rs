//! `scopes`: what the token may be used for.

use std::fmt;
use std::sync::Arc;

use actgate_yaml::Spanned;
use memchr::memmem::Finder;
use serde::Deserialize;

use super::finding::Finding;
use crate::chain::Core;
use crate::policy::change::{Fact, Remedies, Value};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::syntax::{Collector, Conditions, Context, Word, joined};
use crate::token::Claims;

/// What the token may be used for. A bare list is `all_of`.
/// Example: `['refunds:write']`
/// Example: `{ any_of: ['orders:read', 'orders:write'] }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand all_of", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "Scopes", extend("x-shorthand" = "all_of", "minProperties" = 1)))]
pub(in crate::policy) struct ScopesDocument {
    /// The token has every one of these scopes. Denied with `insufficient_scope`, and the challenge names them.
    /// Example: `['orders:read', 'orders:write']`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(in crate::policy) all_of: Option<Vec<Word>>,
    /// The token has one of these scopes. Denied with `insufficient_scope`.
    /// Example: `['orders:read', 'orders:write']`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    any_of: Option<Vec<Word>>,
    /// The token has none of these scopes. Denied with `scope_not_allowed`.
    /// Example: `[admin]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    none_of: Option<Vec<Word>>,
}

impl ScopesDocument {
    /// The scopes of every list.
    pub(super) fn named(&self) -> impl Iterator<Item = &Word> {
        [&self.all_of, &self.any_of, &self.none_of]
            .into_iter()
            .flatten()
            .flatten()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum ScopesCondition {
    /// Every one of these; the text is for the challenge.
    All(Box<[ListedScope]>, Arc<str>),
    /// At least one of these; the text is for the challenge.
    Any(Box<[ListedScope]>, Arc<str>),
    Excluded(Box<[ListedScope]>),
}

/// A scope in a list, which a token has if it has one that implies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct ListedScope {
    scope: Word,
    search: ScopeSearch,
    /// The other scopes that imply it, in their order.
    implied_by: Arc<[Word]>,
}

/// The search for a scope in the scopes of a token, which is prepared once.
#[derive(Clone)]
struct ScopeSearch(Finder<'static>);

pub(super) fn compile(document: &Spanned<ScopesDocument>, context: &mut Context<'_>) -> Conditions<ScopesCondition> {
    let written = &document.value;
    // A token with the scopes of the challenge has to satisfy the whole requirement.
    let required = context.scopes.clone();
    let challenge = |more: &[Word]| joined(required.iter().chain(more), " ").into();
    for (key, accepted) in [("all_of", &written.all_of), ("any_of", &written.any_of)] {
        contradiction(document, key, accepted.as_deref(), context);
    }
    let lists = [&written.all_of, &written.any_of, &written.none_of];
    let [all, any, none] = lists.map(|list| list.as_ref().map(|list| listed(list, context)));
    let mut conditions = Collector::new("scopes", document.span(), context);
    conditions.list("", all.as_deref(), |all| ScopesCondition::All(all, challenge(&[])));
    conditions.list("any_of", any.as_deref(), |any| {
        ScopesCondition::Any(any, challenge(written.any_of.as_deref().unwrap_or_default()))
    });
    conditions.list("none_of", none.as_deref(), ScopesCondition::Excluded);
    conditions.finish()
}

fn listed(scopes: &[Word], context: &Context<'_>) -> Vec<ListedScope> {
    let listed = scopes.iter().map(|scope| ListedScope {
        scope: scope.clone(),
        search: ScopeSearch::new(scope),
        implied_by: context.implied_by.get(scope).cloned().unwrap_or_default(),
    });
    listed.collect()
}

/// Reports a scope in the list of a key that is in `none_of`, or implies one there.
fn contradiction(document: &Spanned<ScopesDocument>, key: &str, accepted: Option<&[Word]>, context: &mut Context<'_>) {
    let excluded = document.value.none_of.as_deref();
    context.contradiction(document.span(), key, accepted, excluded);
    let accepted = accepted.unwrap_or_default();
    let implying = listed(excluded.unwrap_or_default(), context)
        .into_iter()
        .find_map(|excluded| {
            let implying = accepted.iter().find(|accepted| excluded.is_implied_by(accepted))?;
            Some((implying, excluded.scope))
        });
    if let Some((implying, excluded)) = implying {
        let message = format!("`{implying}` in `{key}` implies `{excluded}` in `none_of`, and so is never accepted");
        context.mistake(document.span(), message, "remove one of the two");
    }
}

impl ListedScope {
    /// Whether one of the scopes of a token is this one, or implies it.
    fn is_in(&self, held: &str) -> bool {
        self.is_in_bytes(held.as_bytes(), || held)
    }

    /// The same for the scopes of a token, of which a text is only made where others imply this one.
    #[inline]
    fn is_of(&self, claims: &Claims) -> bool {
        self.is_in_bytes(claims.scope_bytes(), || claims.scope())
    }

    #[inline]
    fn is_in_bytes<'h>(&self, bytes: &[u8], held: impl FnOnce() -> &'h str) -> bool {
        let is_implied = || held().split(' ').any(|held| self.is_implied_by(held));
        self.search.finds(bytes) || !self.implied_by.is_empty() && is_implied()
    }

    fn is_implied_by(&self, other: &str) -> bool {
        self.implied_by
            .binary_search_by(|implying| (**implying).cmp(other))
            .is_ok()
    }

    /// Whether a token with this scope has the other one.
    fn includes(&self, other: &ListedScope) -> bool {
        self.scope == other.scope || other.is_implied_by(&self.scope)
    }
}

impl fmt::Display for ListedScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scope.fmt(f)
    }
}

impl ScopesCondition {
    /// Whether the token lacks a scope where this is not met: such conditions come first.
    pub(in crate::policy) fn asks_for_scope(&self) -> bool {
        !matches!(self, ScopesCondition::Excluded(_))
    }

    /// The scopes that meet this condition, all together or each.
    pub(in crate::policy) fn accepted(&self) -> impl Iterator<Item = &Word> {
        let accepted = match self {
            ScopesCondition::All(scopes, _) | ScopesCondition::Any(scopes, _) => &scopes[..],
            ScopesCondition::Excluded(_) => &[],
        };
        accepted.iter().map(|listed| &listed.scope)
    }

    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &ScopesCondition) -> bool {
        match (self, other) {
            (ScopesCondition::All(scopes, _), ScopesCondition::All(fewer, _)) => fewer
                .iter()
                .all(|other| scopes.iter().any(|scope| scope.includes(other))),
            (ScopesCondition::All(scopes, _), ScopesCondition::Any(accepted, _)) => scopes
                .iter()
                .any(|scope| accepted.iter().any(|other| scope.includes(other))),
            (ScopesCondition::Any(scopes, _), ScopesCondition::Any(accepted, _)) => scopes
                .iter()
                .all(|scope| accepted.iter().any(|other| scope.includes(other))),
            (ScopesCondition::Excluded(scopes), ScopesCondition::Excluded(others)) => others
                .iter()
                .all(|other| scopes.iter().any(|scope| other.includes(scope))),
            _ => self == other,
        }
    }

    /// Whether nothing meets both conditions.
    pub(in crate::policy) fn excludes(&self, other: &ScopesCondition) -> bool {
        match (self, other) {
            (accepted, ScopesCondition::Excluded(excluded)) | (ScopesCondition::Excluded(excluded), accepted) => {
                let is_excluded = |scope: &ListedScope| excluded.iter().any(|other| scope.includes(other));
                match accepted {
                    ScopesCondition::All(scopes, _) => scopes.iter().any(is_excluded),
                    ScopesCondition::Any(scopes, _) => scopes.iter().all(is_excluded),
                    ScopesCondition::Excluded(_) => false,
                }
            }
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn is_met(&self, core: &Core<'_>) -> bool {
        // What the ceiling of an agent leaves of the scopes of the token.
        let is_within = |scope: &ListedScope| core.scope_ceiling.is_none_or(|ceiling| scope.is_in(ceiling));
        let has = |scope: &ListedScope| scope.is_of(core.claims) && is_within(scope);
        match self {
            ScopesCondition::All(scopes, _) => scopes.iter().all(has),
            ScopesCondition::Any(scopes, _) => scopes.iter().any(has),
            ScopesCondition::Excluded(scopes) => !scopes.iter().any(|scope| scope.is_of(core.claims)),
        }
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        match self {
            _ if self.is_met(core) => Finding::Met,
            ScopesCondition::All(_, challenge) | ScopesCondition::Any(_, challenge) => {
                Finding::LacksScope(Arc::clone(challenge))
            }
            ScopesCondition::Excluded(_) => Finding::Unmet("scope_not_allowed"),
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let (scopes, expected) = match self {
            ScopesCondition::All(scopes, _) => (scopes, joined(scopes, " and ")),
            ScopesCondition::Any(scopes, _) => (scopes, joined(scopes, " or ")),
            ScopesCondition::Excluded(scopes) => (scopes, format!("none of {}", joined(scopes, ", "))),
        };
        let held = core.claims.scope();
        let got = match held {
            "" => return (expected, "no scope".to_owned()),
            held => held.to_owned(),
        };
        let implied = scopes.iter().filter(|scope| !scope.search.finds(held.as_bytes()));
        let implied = implied.filter_map(|scope| {
            let implying = held.split(' ').find(|held| scope.is_implied_by(held))?;
            Some(match implying == held {
                true => format!(", which implies {scope}"),
                false => format!(", of which {implying} implies {scope}"),
            })
        });
        (expected, got + &implied.collect::<String>())
    }
}

impl ScopeSearch {
    fn new(scope: &str) -> Self {
        ScopeSearch(Finder::new(scope).into_owned())
    }

    /// Whether the scope is one of those in `held`, which spaces separate. On the warm path: to search for the whole scope is cheaper than to
    /// compare it with each.
    fn finds(&self, held: &[u8]) -> bool {
        let length = self.0.needle().len();
        let is_end = |index: usize| held.get(index).is_none_or(|byte| *byte == b' ');
        let mut from = 0;
        while let Some(place) = held.get(from..).and_then(|rest| self.0.find(rest)) {
            let begin = from + place;
            if (begin == 0 || is_end(begin - 1)) && is_end(begin + length) {
                return true;
            }
            from = begin + 1;
        }
        false
    }
}

impl fmt::Debug for ScopeSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScopeSearch")
    }
}

/// Searches for one scope are equal.
impl PartialEq for ScopeSearch {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl Eq for ScopeSearch {}

impl ScopesCondition {
    /// The scopes that are missing, and those that are not accepted.
    pub(super) fn remedies(&self, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let held = core.claims.scope();
        let accepted = match self {
            ScopesCondition::All(scopes, _) | ScopesCondition::Any(scopes, _) => scopes,
            ScopesCondition::Excluded(scopes) => {
                for word in held
                    .split(' ')
                    .filter(|word| scopes.iter().any(|scope| scope.is_in(word)))
                {
                    remedies.add(Fact::Scope(word.into()), Value::Held(false), format!("no scope {word}"));
                }
                return;
            }
        };
        // Each of them is needed: one at a time leads to all, without every subset of them between.
        let tried = match self {
            ScopesCondition::All(..) => 1,
            ScopesCondition::Any(..) | ScopesCondition::Excluded(_) => usize::MAX,
        };
        for scope in accepted.iter().filter(|scope| !scope.is_in(held)).take(tried) {
            remedies.scope(&scope.scope);
            // It grants more than the rule asks for.
            remedies.wide(|remedies| scope.implied_by.iter().for_each(|implying| remedies.scope(implying)));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::error::Error;
    use crate::policy::Policy;
    use crate::policy::testing::{checks, checks_of, code, code_of, outcome};

    const HIERARCHY: &str = "scopes: { implies: { root: [orders:admin], orders:admin: [orders:read, orders:write] } }";

    /// A policy with the hierarchy and one route.
    fn with_hierarchy(body: &str) -> String {
        format!("{HIERARCHY}\nroutes:\n  - match: GET /\n    {body}\n")
    }

    #[test]
    fn a_scope_is_a_whole_word_of_those_of_the_token() {
        let long = format!("{} orders:read", "xorders:read orders:readx ".repeat(20).trim_end());
        for (held, expected) in [
            ("orders:read", "allow"),
            ("a orders:read b", "allow"),
            ("xorders:read orders:readx orders:read", "allow"),
            (&long, "allow"),
            ("", "insufficient_scope"),
            ("orders:rea", "insufficient_scope"),
            ("xorders:read orders:readx", "insufficient_scope"),
            ("orders:readorders:read", "insufficient_scope"),
            (&format!("{long}x"), "insufficient_scope"),
        ] {
            assert_eq!(
                code("scopes: [orders:read]", json!({"scope": held})),
                expected,
                "{held}"
            );
        }
    }

    #[test]
    fn a_scope_that_implies_another_is_as_good_as_it() {
        let scope = |body: &str, scope: &str| code_of(&with_hierarchy(body), json!({"scope": scope}));
        let lacks = "insufficient_scope";
        for (body, held, expected) in [
            ("scopes: [orders:read]", "orders:read", "allow"),
            ("scopes: [orders:read]", "x orders:admin y", "allow"),
            ("scopes: [orders:read, orders:write]", "root", "allow"),
            ("scopes: [orders:read, other]", "root", lacks),
            ("scopes: [orders:read]", "orders:write", lacks),
            ("scopes: [orders:read]", "orders:admins", lacks),
            ("scopes: [orders:admin]", "orders:read orders:write", lacks),
            ("scopes: { any_of: [a, orders:write] }", "orders:admin", "allow"),
            ("scopes: { any_of: [a, orders:write] }", "orders:read", lacks),
            ("scopes: { none_of: [orders:write] }", "orders:read", "allow"),
            (
                "scopes: { none_of: [orders:write] }",
                "orders:admin",
                "scope_not_allowed",
            ),
            ("scopes: { none_of: [orders:write] }", "root", "scope_not_allowed"),
            (
                "scopes: { none_of: [orders:admin] }",
                "orders:read orders:write",
                "allow",
            ),
            (
                "scopes: { all_of: [orders:read], none_of: [orders:admin] }",
                "orders:read",
                "allow",
            ),
            (
                "any_of: [{ scopes: [orders:read] }, { client: { one_of: [x] } }]",
                "root",
                "allow",
            ),
        ] {
            assert_eq!(scope(body, held), expected, "{body}: {held}");
        }
        assert_eq!(code("scopes: [orders:read]", json!({"scope": "orders:admin"})), lacks);
    }

    #[test]
    fn explain_names_the_scope_that_implies_another() {
        let got = |body: &str, scope: &str| {
            let checks = checks_of(&with_hierarchy(body), json!({"scope": scope}));
            checks
                .into_iter()
                .find(|check| check.rule.starts_with("GET /: scopes"))
                .unwrap()
                .got
        };
        assert_eq!(
            got("scopes: [orders:read]", "orders:admin"),
            "orders:admin, which implies orders:read"
        );
        assert_eq!(
            got("scopes: { none_of: [orders:read, orders:write] }", "a root"),
            "a root, of which root implies orders:read, of which root implies orders:write"
        );
        assert_eq!(
            got("scopes: [orders:read]", "orders:read orders:admin"),
            "orders:read orders:admin"
        );
        assert_eq!(got("scopes: [orders:read]", ""), "no scope");
        assert_eq!(checks("scopes: [a]", json!({"scope": "a b"}))[0].got, "a b");
    }

    #[test]
    fn a_list_that_implies_a_scope_of_none_of_is_a_mistake() {
        for (body, key) in [
            ("scopes: { all_of: [root], none_of: [orders:write] }", "all_of"),
            ("scopes: { any_of: [root, a], none_of: [orders:write] }", "any_of"),
        ] {
            let mistakes = Policy::from_yaml(&with_hierarchy(body)).unwrap_err().to_string();
            let expected = format!(
                "4:13: `root` in `{key}` implies `orders:write` in `none_of`, and so is never accepted\n  help: remove one of the two"
            );
            assert_eq!(mistakes, expected);
        }
    }

    #[test]
    fn a_route_that_requires_a_scope_requires_what_it_implies() {
        let covered = |strict: &str, weak: &str| {
            let routes =
                format!("[{{ match: GET /a, scopes: [{strict}] }}, {{ match: 'GET /{{*rest}}', scopes: [{weak}] }}]");
            let policy = Policy::from_yaml(&format!("{HIERARCHY}\nroutes: {routes}")).unwrap();
            policy.covered_spellings().count()
        };
        assert_eq!(covered("orders:read", "orders:admin"), 0);
        assert_eq!(covered("orders:read", "root"), 0);
        assert_eq!(covered("orders:admin", "orders:read"), 1);
    }

    #[test]
    fn scopes_are_whole_words_and_come_before_other_rules() {
        let body = "scopes: [orders:read]\n    initiator: { kind: human }";
        let scope = |scope: &str| code(body, json!({"sub_profile": "user", "scope": scope}));
        assert_eq!(scope("a orders:read b"), "allow");
        for bad in [
            "",
            "orders:rea",
            "orders:reads",
            "Orders:read",
            "orders:read,a",
            "a\torders:read",
            "a\u{a0}orders:read",
            "xorders:read",
        ] {
            assert_eq!(scope(bad), "insufficient_scope", "{bad:?}");
        }
        assert_eq!(code(body, json!({})), "insufficient_scope");
        assert_eq!(code("scopes: { any_of: [a, b] }", json!({"scope": "b"})), "allow");
        let Err(Error::InsufficientScope { required, .. }) =
            outcome("scopes: { all_of: [a], any_of: [b, c] }", json!({"scope": "a"}))
        else {
            panic!("scope suffices")
        };
        assert_eq!(&*required, "a b c");
        assert_eq!(
            code("scopes: { none_of: [admin] }", json!({"scope": "a admin"})),
            "scope_not_allowed"
        );
    }
}
