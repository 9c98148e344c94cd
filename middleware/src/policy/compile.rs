//! From the written form to rules: names resolved, every list non-empty, contradictions refused, all at load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::core_rule::{ClaimDemand, ClaimName, ClaimTest, CoreDemand, CoreRule, IssuerName};
use super::document::{
    ActorDocument, ChainDocument, ClientDocument, Document, Guard, InitiatorDocument, RequirementDocument,
};
use super::history_rule::{HistoryDemand, HistoryRule};
use super::requirement::{Parties, Requirement, Truncation};
use super::route::{Access, RouteTable};
use super::words::{ClaimWords, Names, OneOrMany, Scopes};
use super::{Policy, PolicyError};
use crate::yaml::{At, nearest};

/// Deepest nesting of `any_of`: deeper ones cannot be read aloud.
const MAX_NESTING: usize = 4;

pub(super) fn compile(document: Document) -> Result<Policy, PolicyError> {
    let defined = document.requirements.0;
    let mut requirements = BTreeMap::new();
    for (name, body) in &defined {
        if body.value.is_empty() {
            return Err(mistake(
                body,
                format!("requirement `{name}` demands nothing"),
                "write what it demands, or remove it",
            ));
        }
        let compiled = Compiler::new(&defined, name).requirement(body, Some(name))?;
        requirements.insert(name.clone(), Arc::new(compiled));
    }
    let mut routes = RouteTable::default();
    for route in document.routes.0 {
        let place = At {
            value: (),
            line: route.line,
            column: route.column,
        };
        let matches = route.value.matches.0.clone();
        let guard = route.value.into_guard();
        if matches.is_empty() {
            return Err(mistake(
                &place,
                "the list `match` is empty".into(),
                "name at least one `METHOD /path`",
            ));
        }
        for pattern in matches {
            let access = match &guard {
                Guard::Public => Access::Public,
                Guard::Contradiction => {
                    let message = "a public route asks nobody for anything".to_owned();
                    return Err(mistake(
                        &place,
                        message,
                        "remove `public: true`, or every other key but `match`",
                    ));
                }
                Guard::Demands(body) => {
                    let body = At {
                        value: (**body).clone(),
                        line: place.line,
                        column: place.column,
                    };
                    let compiled = Compiler::new(&defined, pattern.trim()).requirement(&body, None)?;
                    Access::Guarded(Arc::new(compiled))
                }
            };
            routes.add(&pattern, access, &place)?;
        }
    }
    routes.finish()?;
    Ok(Policy { requirements, routes })
}

pub(super) fn mistake<T>(place: &At<T>, message: String, mend: impl Into<String>) -> PolicyError {
    PolicyError {
        line: place.line,
        column: place.column,
        message,
        mend: Some(mend.into()),
    }
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
        core.push(self.core("not-their-own-actor", CoreDemand::NotOwnActor));
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

    fn core(&self, path: &str, demand: CoreDemand) -> CoreRule {
        CoreRule {
            name: self.name(path),
            demand,
        }
    }

    fn body(&self, body: &At<RequirementDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let value = &body.value;
        for required in &value.require {
            self.include(required, rules)?;
        }
        if let Some(scopes) = &value.scopes {
            self.scopes(scopes, path, rules)?;
        }
        if let Some(initiator) = &value.initiator {
            self.initiator(initiator, &format!("{path}initiator"), rules)?;
        }
        if let Some(actor) = &value.actor {
            self.actor(actor, &format!("{path}actor"), rules)?;
        }
        if let Some(client) = &value.client {
            self.client(client, &format!("{path}client"), rules)?;
        }
        for (claim, words) in &value.claims {
            let demand = claim_demand(claim, words)?;
            rules
                .core
                .push(self.core(&format!("{path}claims.{claim}"), CoreDemand::Claim(Arc::new(demand))));
        }
        if let Some(alternatives) = &value.any_of {
            self.any_of(alternatives, &format!("{path}any_of"), rules)?;
        }
        if let Some(chain) = &value.chain {
            let contradiction =
                chain.value.max_depth == Some(0) && value.actor.as_ref().is_some_and(|actor| actor.value.required);
            if contradiction {
                let message = "no token has an actor and a chain of depth 0".to_owned();
                return Err(mistake(chain, message, "remove `actor`, or raise `max_depth`"));
            }
            self.chain(chain, &format!("{path}chain"), rules)?;
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
            let message = format!(
                "requirement `{name}` requires itself: {} → {name}",
                rules.within.join(" → ")
            );
            return Err(mistake(required, message, "break the circle"));
        }
        if rules.included.insert(name) {
            rules.within.push(name);
            self.body(body, &format!("{name}."), rules)?;
            rules.within.pop();
        }
        Ok(())
    }

    fn scopes(&self, scopes: &At<Scopes>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let Scopes {
            all_of,
            any_of,
            none_of,
        } = &scopes.value;
        if all_of.is_none() && any_of.is_none() && none_of.is_none() {
            return Err(empty(scopes, "scopes"));
        }
        if let Some(all) = all_of {
            let all = texts(scopes, "scopes", all)?;
            rules.demanded.extend(
                all.iter()
                    .filter(|scope| !rules.demanded.contains(scope))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            rules
                .scopes
                .push(self.core(&format!("{path}scopes"), CoreDemand::ScopesAll(all)));
        }
        if let Some(any) = any_of {
            let any = texts(scopes, "scopes.any_of", any)?;
            let joined = any.join(" ").into();
            rules
                .scopes
                .push(self.core(&format!("{path}scopes.any_of"), CoreDemand::ScopesAny(any, joined)));
        }
        if let Some(none) = none_of {
            let none = texts(scopes, "scopes.none_of", none)?;
            rules
                .core
                .push(self.core(&format!("{path}scopes.none_of"), CoreDemand::ScopesNone(none)));
        }
        Ok(())
    }

    fn initiator(
        &self,
        initiator: &At<InitiatorDocument>,
        path: &str,
        rules: &mut Rules<'d>,
    ) -> Result<(), PolicyError> {
        let InitiatorDocument {
            kind,
            one_of,
            none_of,
            amr,
            acr,
            auth_within,
        } = &initiator.value;
        let mut demands = Vec::new();
        if let Some(OneOrMany(kinds)) = kind {
            demands.push(("kind", CoreDemand::InitiatorKind(filled(initiator, "kind", kinds)?)));
        }
        if let Some(names) = one_of {
            demands.push((
                "one_of",
                CoreDemand::InitiatorOneOf(parties(initiator, "one_of", names)?),
            ));
        }
        if let Some(names) = none_of {
            demands.push((
                "none_of",
                CoreDemand::InitiatorNoneOf(parties(initiator, "none_of", names)?),
            ));
        }
        if let Some(OneOrMany(methods)) = amr {
            demands.push(("amr", CoreDemand::Methods(texts(initiator, "amr", methods)?)));
        }
        if let Some(OneOrMany(contexts)) = acr {
            let contexts = texts(initiator, "acr", contexts)?;
            if contexts.iter().any(|context| {
                !context
                    .bytes()
                    .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            }) {
                let message = "an `acr` goes into the challenge: one word of printable ASCII without quotes".to_owned();
                return Err(mistake(initiator, message, "write it as the issuer does"));
            }
            let joined = contexts.join(" ").into();
            demands.push(("acr", CoreDemand::Contexts(contexts, joined)));
        }
        if let Some(seconds) = auth_within {
            demands.push(("auth_within", CoreDemand::LoggedInWithin(seconds.0)));
        }
        self.push(initiator, "initiator", path, demands, rules)
    }

    fn actor(&self, actor: &At<ActorDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let ActorDocument {
            required,
            absent,
            kind,
            one_of,
            none_of,
            issuer,
        } = &actor.value;
        if *absent && (*required || kind.is_some() || one_of.is_some() || issuer.is_some()) {
            let message = "an actor cannot be absent and be somebody".to_owned();
            return Err(mistake(actor, message, "remove `absent: true`, or the other keys"));
        }
        let mut demands = Vec::new();
        if *required {
            demands.push(("required", CoreDemand::ActorRequired));
        }
        if *absent {
            demands.push(("absent", CoreDemand::ActorAbsent));
        }
        if let Some(OneOrMany(kinds)) = kind {
            demands.push(("kind", CoreDemand::ActorKind(filled(actor, "kind", kinds)?)));
        }
        if let Some(names) = one_of {
            demands.push(("one_of", CoreDemand::ActorOneOf(parties(actor, "one_of", names)?)));
        }
        if let Some(names) = none_of {
            demands.push(("none_of", CoreDemand::ActorNoneOf(parties(actor, "none_of", names)?)));
        }
        if let Some(OneOrMany(issuers)) = issuer {
            let issuers = texts(actor, "issuer", issuers)?;
            let name = |issuer: &str| match issuer {
                "same" => IssuerName::Same,
                _ => IssuerName::Named(issuer.into()),
            };
            demands.push((
                "issuer",
                CoreDemand::ActorIssuer(issuers.iter().map(|issuer| name(issuer)).collect()),
            ));
        }
        self.push(actor, "actor", path, demands, rules)
    }

    fn client(&self, client: &At<ClientDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let mut demands = Vec::new();
        if let Some(clients) = &client.value.one_of {
            demands.push(("one_of", CoreDemand::ClientOneOf(texts(client, "one_of", clients)?)));
        }
        if let Some(clients) = &client.value.none_of {
            demands.push(("none_of", CoreDemand::ClientNoneOf(texts(client, "none_of", clients)?)));
        }
        self.push(client, "client", path, demands, rules)
    }

    fn push<T>(
        &self,
        place: &At<T>,
        key: &str,
        path: &str,
        demands: Vec<(&str, CoreDemand)>,
        rules: &mut Rules<'d>,
    ) -> Result<(), PolicyError> {
        if demands.is_empty() {
            return Err(empty(place, key));
        }
        let named = demands
            .into_iter()
            .map(|(word, demand)| self.core(&format!("{path}.{word}"), demand));
        rules.core.extend(named);
        Ok(())
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
            return Err(mistake(
                alternatives,
                message,
                "give the inner alternatives a requirement of their own",
            ));
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
        rules.core.push(self.core(path, CoreDemand::AnyOf(compiled.into())));
        Ok(())
    }

    fn chain(&self, chain: &At<ChainDocument>, path: &str, rules: &mut Rules<'d>) -> Result<(), PolicyError> {
        let ChainDocument {
            max_depth,
            all_of,
            none_of,
            accept_truncation,
        } = &chain.value;
        let truncation = if *accept_truncation {
            Truncation::Accepted
        } else {
            Truncation::Refused
        };
        let mut demands = Vec::new();
        if let Some(depth) = max_depth {
            demands.push(("max_depth", HistoryDemand::MaxDepth(*depth as usize)));
        }
        if let Some(names) = all_of {
            demands.push(("all_of", HistoryDemand::AllOf(parties(chain, "all_of", names)?)));
        }
        if let Some(names) = none_of {
            demands.push(("none_of", HistoryDemand::NoneOf(parties(chain, "none_of", names)?)));
        }
        if demands.is_empty() {
            return Err(empty(chain, "chain"));
        }
        rules
            .history
            .extend(demands.into_iter().map(|(word, demand)| HistoryRule {
                name: self.name(&format!("{path}.{word}")),
                line: chain.line,
                truncation,
                demand,
            }));
        Ok(())
    }
}

fn claim_demand(claim: &str, words: &At<ClaimWords>) -> Result<ClaimDemand, PolicyError> {
    let ClaimWords {
        equals,
        one_of,
        contains,
    } = &words.value;
    let top = claim
        .strip_prefix('/')
        .map_or(claim, |inner| inner.split('/').next().unwrap_or(inner));
    if top.is_empty() {
        return Err(mistake(
            words,
            "a claim has no name".into(),
            "write the name of a claim, or a JSON pointer such as `/a/b`",
        ));
    }
    if top == "act" {
        let message = "`claims` cannot read `act`".to_owned();
        return Err(mistake(
            words,
            message,
            "use `actor` for the current actor and `chain` for prior ones",
        ));
    }
    if top == "cnf" {
        let message = "`claims` cannot read `cnf`: a binding counts only with its proof".to_owned();
        return Err(mistake(words, message, "remove it"));
    }
    let test = match (equals, one_of, contains) {
        (Some(value), None, None) => ClaimTest::OneOf(vec![value.0.clone()]),
        (None, Some(values), None) if !values.is_empty() => {
            ClaimTest::OneOf(values.iter().map(|value| value.0.clone()).collect())
        }
        (None, None, Some(value)) => ClaimTest::Contains(value.0.clone()),
        _ => {
            let message = format!("the claim `{claim}` needs one test");
            return Err(mistake(
                words,
                message,
                "write a value, or one of `equals`, `one_of` (not empty), `contains`",
            ));
        }
    };
    let name = if claim.starts_with('/') {
        ClaimName::Pointer(claim.into())
    } else {
        ClaimName::Top(claim.into())
    };
    Ok(ClaimDemand { name, test })
}

fn empty<T>(place: &At<T>, key: &str) -> PolicyError {
    mistake(
        place,
        format!("`{key}` is empty"),
        "an empty list is no check: write what it demands, or remove it",
    )
}

fn filled<T, U: Clone>(place: &At<T>, key: &str, values: &[U]) -> Result<Arc<[U]>, PolicyError> {
    if values.is_empty() {
        return Err(empty(place, key));
    }
    Ok(values.into())
}

fn texts<T, U: AsRef<str>>(place: &At<T>, key: &str, values: &[U]) -> Result<Arc<[Box<str>]>, PolicyError> {
    if values.is_empty() || values.iter().any(|value| value.as_ref().trim().is_empty()) {
        return Err(empty(place, key));
    }
    Ok(values.iter().map(|value| Box::from(value.as_ref())).collect())
}

fn parties<T>(place: &At<T>, key: &str, names: &Names) -> Result<Arc<Parties>, PolicyError> {
    if names.is_empty() {
        return Err(empty(place, key));
    }
    Ok(Arc::new(Parties(names.iter().map(|name| name.value.clone()).collect())))
}
