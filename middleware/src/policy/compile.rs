//! From the written form to rules: every name resolved, every rule named by its owner and its place, all at load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Policy;
use super::core_rule::{CoreDemand, CoreRule};
use super::demands::{self, Demands, empty, mistake};
use super::document::{ChainDocument, Document, Guard, RequirementDocument, Routes};
use super::history_rule::{HistoryRule, Truncation};
use super::requirement::Requirement;
use super::route::{Access, RouteTable};
use crate::yaml::{At, YamlError as PolicyError, nearest};

/// Deepest nesting of `any_of`: deeper ones cannot be read aloud.
const MAX_NESTING: usize = 4;

pub(super) fn compile(document: Document) -> Result<Policy, PolicyError> {
    let defined = document.requirements.0;
    let mut requirements = BTreeMap::new();
    for (name, body) in &defined {
        if body.value.is_empty() {
            let message = format!("requirement `{name}` demands nothing");
            return Err(mistake(body, message, "write what it demands, or remove it"));
        }
        let compiled = Compiler::new(&defined, name).requirement(body, Some(name))?;
        requirements.insert(name.clone(), Arc::new(compiled));
    }
    let routes = routes(document.routes, &defined)?;
    Ok(Policy { requirements, routes })
}

fn routes(written: Routes, defined: &BTreeMap<String, At<RequirementDocument>>) -> Result<RouteTable, PolicyError> {
    let mut table = RouteTable::default();
    for route in written.0 {
        let place = route.place();
        let patterns = route.value.matches.0.clone();
        if patterns.is_empty() {
            return Err(mistake(
                &place,
                "the list `match` is empty".into(),
                "name at least one `METHOD /path`",
            ));
        }
        let guard = match route.value.into_guard() {
            Guard::Contradiction => {
                let message = "a public route asks nobody for anything".to_owned();
                return Err(mistake(
                    &place,
                    message,
                    "remove `public: true`, or every other key but `match`",
                ));
            }
            Guard::Public => None,
            Guard::Demands(body) => Some(place.with(*body)),
        };
        for pattern in patterns {
            let access = match &guard {
                None => Access::Public,
                Some(body) => {
                    let compiled = Compiler::new(defined, pattern.trim()).requirement(body, None)?;
                    Access::Guarded(Arc::new(compiled))
                }
            };
            table.add(&pattern, access, &place)?;
        }
    }
    table.finish()?;
    Ok(table)
}

/// Compiles one route or one requirement.
struct Compiler<'d> {
    defined: &'d BTreeMap<String, At<RequirementDocument>>,
    /// What the names of all its rules begin with.
    owner: &'d str,
}

/// The rules found so far, and the requirements already taken in.
#[derive(Default)]
struct Rules<'d> {
    scopes: Vec<CoreRule>,
    core: Vec<CoreRule>,
    history: Vec<HistoryRule>,
    demanded: Vec<Box<str>>,
    included: BTreeSet<&'d str>,
    /// The requirements whose bodies are being read, outermost first.
    within: Vec<&'d str>,
    nesting: usize,
}

impl<'d> Compiler<'d> {
    fn new(defined: &'d BTreeMap<String, At<RequirementDocument>>, owner: &'d str) -> Self {
        Compiler { defined, owner }
    }

    fn requirement(&self, body: &At<RequirementDocument>, name: Option<&'d str>) -> Result<Requirement, PolicyError> {
        let mut rules = Rules {
            within: name.into_iter().collect(),
            ..Rules::default()
        };
        self.body(body, "", &mut rules)?;
        let mut core = rules.scopes;
        for rule in &mut core {
            // Whoever asks for what the challenge names must not come back for the rest.
            if let CoreDemand::ScopesAny(any, challenged) = &mut rule.demand {
                *challenged = rules
                    .demanded
                    .iter()
                    .chain(any.iter())
                    .map(|scope| &**scope)
                    .collect::<Vec<_>>()
                    .join(" ")
                    .into();
            }
        }
        core.push(self.rule("not-their-own-actor", CoreDemand::NotOwnActor));
        core.extend(rules.core);
        Ok(Requirement {
            core,
            history: rules.history,
            scope: rules.demanded.join(" ").into(),
        })
    }

    fn name(&self, path: &str) -> Arc<str> {
        format!("{}: {path}", self.owner).into()
    }

    fn rule(&self, path: &str, demand: CoreDemand) -> CoreRule {
        let name = self.name(path);
        CoreRule { name, demand }
    }

    fn body(&self, body: &At<RequirementDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let value = &body.value;
        if let Some(required) = &value.require {
            if required.value.is_empty() {
                return Err(empty(required, "require"));
            }
            for name in &required.value {
                self.include(name, rules)?;
            }
        }
        if let Some(scopes) = &value.scopes {
            self.scopes(demands::scopes(scopes)?, path, rules);
        }
        let mut core = |key: &str, demands: Demands<CoreDemand>| {
            let named = demands
                .into_iter()
                .map(|(word, demand)| self.rule(&format!("{path}{key}.{word}"), demand));
            rules.core.extend(named);
        };
        if let Some(initiator) = &value.initiator {
            core("initiator", demands::initiator(initiator)?);
        }
        if let Some(actor) = &value.actor {
            core("actor", demands::actor(actor)?);
        }
        if let Some(client) = &value.client {
            core("client", demands::client(client)?);
        }
        if let Some(claims) = &value.claims {
            if claims.value.is_empty() {
                return Err(empty(claims, "claims"));
            }
            for (claim, words) in &claims.value {
                let demand = demands::claim(claim, words)?;
                rules.core.push(self.rule(&format!("{path}claims.{claim}"), demand));
            }
        }
        if let Some(alternatives) = &value.any_of {
            self.any_of(alternatives, &format!("{path}any_of"), rules)?;
        }
        if let Some(chain) = &value.chain {
            let actor_required = value.actor.as_ref().is_some_and(|actor| actor.value.required);
            if chain.value.max_depth == Some(0) && actor_required {
                let message = "no token has an actor and a chain of depth 0".to_owned();
                return Err(mistake(chain, message, "remove `actor`, or raise `max_depth`"));
            }
            self.chain(chain, path, rules)?;
        }
        Ok(())
    }

    fn include(&self, required: &At<String>, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let Some((name, body)) = self.defined.get_key_value(&required.value) else {
            let known: Vec<&str> = self.defined.keys().map(String::as_str).collect();
            let mend = if known.is_empty() {
                "define it under `requirements`".to_owned()
            } else {
                nearest(&required.value, &known)
            };
            return Err(mistake(
                required,
                format!("no requirement is named `{}`", required.value),
                mend,
            ));
        };
        if rules.within.contains(&name.as_str()) {
            let circle = rules.within.join(" → ");
            let message = format!("requirement `{name}` requires itself: {circle} → {name}");
            return Err(mistake(required, message, "break the circle"));
        }
        if rules.included.insert(name) {
            rules.within.push(name);
            self.body(body, &format!("{name}."), rules)?;
            rules.within.pop();
        }
        Ok(())
    }

    /// Scopes that are demanded come before every other rule; refused ones are rules like any other.
    fn scopes(&self, demands: Demands<CoreDemand>, path: &str, rules: &mut Rules<'d>) {
        for (word, demand) in demands {
            if let CoreDemand::ScopesAll(all) = &demand {
                let new = all
                    .iter()
                    .filter(|scope| !rules.demanded.contains(scope))
                    .cloned()
                    .collect::<Vec<_>>();
                rules.demanded.extend(new);
            }
            let tier = match demand {
                CoreDemand::ScopesNone(_) => &mut rules.core,
                _ => &mut rules.scopes,
            };
            tier.push(self.rule(&format!("{path}{word}"), demand));
        }
    }

    fn any_of(
        &self,
        alternatives: &At<Vec<At<RequirementDocument>>>,
        path: &str,
        rules: &mut Rules<'d>,
    ) -> Result<(), PolicyError> {
        if alternatives.value.is_empty() {
            return Err(empty(alternatives, "any_of"));
        }
        if rules.nesting == MAX_NESTING {
            let message = format!("`any_of` is nested more than {MAX_NESTING} deep");
            return Err(mistake(alternatives, message, "demand less in one place"));
        }
        let mut compiled = Vec::new();
        for (index, alternative) in alternatives.value.iter().enumerate() {
            if alternative.value.is_empty() {
                let message = "an alternative that demands nothing makes the others pointless".to_owned();
                return Err(mistake(alternative, message, "write what it demands, or remove it"));
            }
            let mut inner = Rules {
                within: rules.within.clone(),
                nesting: rules.nesting + 1,
                ..Rules::default()
            };
            self.body(alternative, &format!("{path}[{index}]."), &mut inner)?;
            if !inner.history.is_empty() {
                // Otherwise a prior actor could turn a refusal into an allow.
                let message = "`chain` cannot be an alternative: prior actors may only refuse".to_owned();
                return Err(mistake(alternative, message, "move `chain` out of `any_of`"));
            }
            inner.scopes.extend(inner.core);
            compiled.push(inner.scopes);
        }
        rules.core.push(self.rule(path, CoreDemand::AnyOf(compiled.into())));
        Ok(())
    }

    fn chain(&self, chain: &At<ChainDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let truncation = match chain.value.accept_truncation {
            true => Truncation::Accepted,
            false => Truncation::Refused,
        };
        let demands = demands::chain(chain)?;
        rules
            .history
            .extend(demands.into_iter().map(|(word, demand)| HistoryRule {
                name: self.name(&format!("{path}chain.{word}")),
                line: chain.line,
                truncation,
                demand,
            }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Policy::from_yaml(text)
            .unwrap_err()
            .to_string()
            .replace("\n  help: ", "; ")
    }

    #[test]
    fn rules_are_named_by_their_route_and_the_requirement_they_come_from() {
        let policy = Policy::from_yaml(
            "requirements:\n  a: { initiator: { kind: human } }\n  b: { require: [a], scopes: [x] }\n\
             routes:\n  - match: GET /\n    require: [b]\n    scopes: [y, x]\n    any_of: [{ client: { one_of: [c] } }]\n",
        )
        .unwrap();
        let Access::Guarded(requirement) = &policy.route("GET", "/").unwrap().access else {
            panic!()
        };
        let names: Vec<&str> = requirement.core.iter().map(|rule| &*rule.name).collect();
        let expected = [
            "b.scopes",
            "scopes",
            "not-their-own-actor",
            "a.initiator.kind",
            "any_of",
        ];
        assert_eq!(names, expected.map(|path| format!("GET /: {path}")));
        assert_eq!(&*requirement.scope, "x y");
    }

    #[test]
    fn a_name_that_is_not_defined_or_requires_itself_is_refused() {
        let text =
            "requirements:\n  human: { initiator: { kind: human } }\nroutes:\n  - { match: GET /, require: [humen] }\n";
        assert_eq!(
            error(text),
            "4:31: no requirement is named `humen`; did you mean `human`?"
        );
        let circle = error("requirements:\n  a: { require: [b] }\n  b: { require: [a] }\n");
        assert!(circle.contains("requires itself: a → b → a"), "{circle}");
        assert!(error("requirements:\n  a: { any_of: [{ require: [a] }] }\n").contains("requires itself"));
    }

    #[test]
    fn what_looks_like_a_check_and_is_none_is_refused() {
        for body in [
            "scopes: []",
            "scopes: {}",
            "scopes: { any_of: [] }",
            "scopes: ['a b']",
            "scopes: ['']",
            "initiator: {}",
            "initiator: { kind: [] }",
            "initiator: { kind: unknown }",
            "initiator: { kind: person }",
            "initiator: { one_of: [] }",
            "initiator: { one_of: [''] }",
            "initiator: { amr: [] }",
            "initiator: { acr: ['a b'] }",
            "initiator: { auth_within: 0s }",
            "initiator: { auth_within: 300 }",
            "initiator: { auth_within: soon }",
            "actor: {}",
            "actor: { required: yes }",
            "actor: { absent: true, kind: agent }",
            "actor: { absent: true, required: true }",
            "actor: { issuer: [] }",
            "client: {}",
            "client: { one_of: [] }",
            "claims: { tid: {} }",
            "claims: { tid: { one_of: [] } }",
            "claims: { tid: { equals: a, contains: b } }",
            "claims: { tid: 1.5 }",
            "claims: { tid: null }",
            "claims: { act: x }",
            "claims: { /act/sub: x }",
            "claims: { cnf: x }",
            "claims: { '': x }",
            "any_of: []",
            "any_of: [{}]",
            "any_of: [{ chain: { max_depth: 1 } }]",
            "chain: {}",
            "chain: { accept_truncation: true }",
            "chain: { max_depth: -1 }",
            "chain: { max_depth: 0 }\n    actor: { required: true }",
            "public: true\n    scopes: [a]",
            "deny: all",
            "any_of: [{ any_of: [{ any_of: [{ any_of: [{ any_of: [{ scopes: [a] }] }] }] }] }]",
        ] {
            let text = format!("routes:\n  - match: GET /\n    {body}\n");
            let error = Policy::from_yaml(&text).map(|_| ()).unwrap_err();
            assert!(error.iter().all(|mistake| mistake.line() >= 2), "{body}: {error}");
        }
        for body in [
            "require:",
            "require: []",
            "scopes:",
            "scopes: ~",
            "scopes: { all_of: , none_of: [x] }",
            "scopes: { all_of: ~, any_of: [x] }",
            "initiator:",
            "initiator: { kind: , amr: [pwd] }",
            "initiator: { kind: ~, amr: [pwd] }",
            "initiator: { auth_within: , amr: [pwd] }",
            "initiator: { amr: ~, kind: human }",
            "initiator: { acr: ~, kind: human }",
            "initiator: { none_of: ~, kind: human }",
            "actor:",
            "actor: { one_of: , required: true }",
            "actor: { required: , kind: agent }",
            "actor: { issuer: ~, kind: agent }",
            "client: { one_of: ~, none_of: [b] }",
            "claims:",
            "claims: {}",
            "claims: { tid: }",
            "claims: { tid: { equals: ~, contains: b } }",
            "any_of:",
            "any_of: [~]",
            "chain:",
            "chain: { max_depth: ~, none_of: [q] }",
            "chain: { max_depth: 1, all_of: ~ }",
            "chain: { max_depth: 1, accept_truncation: ~ }",
            "public: true\n    scopes:",
            "public: true\n    require: []",
            "public: true\n    claims: {}",
            "public:\n    scopes: [a]",
        ] {
            let text = format!("routes:\n  - match: GET /\n    {body}\n");
            assert!(
                Policy::from_yaml(&text).is_err(),
                "null or empty passes for a check: {body}"
            );
        }
        assert!(Policy::from_yaml("requirements:\n  a:\n").is_err());
        assert!(error("requirements:\n  a: {}\n").contains("demands nothing"));
        assert!(error("routes:\n  - { match: [], public: true }\n").contains("empty"));
    }
}
