//! What a ceiling lists and its agent can never use: a route whose rules name other actors, and a scope that no rule accepts.

use std::collections::BTreeSet;

use actgate_yaml::Diagnostics;

use super::document::Document;
use super::exact::shown;
use super::parties::PartyName;
use super::registry;
use super::requirement::Requirement;
use super::route_table::{Access, RouteTable};
use super::rules::{ActorCondition, CoreCondition, InitiatorCondition};
use super::syntax::Word;
use crate::profile::Kind;

/// Reports the routes and scopes of ceilings without effect; `accepted` are the scopes that meet some rule.
pub(super) fn report(
    document: &Document,
    accepted: &BTreeSet<Word>,
    routes: &RouteTable,
    diagnostics: &mut Diagnostics,
) {
    for ceiling in registry::ceilings(document.agents.as_ref()) {
        let agent = PartyName::new(ceiling.issuer.cloned(), ceiling.subject.clone());
        for written in ceiling.document.value.routes() {
            let name = written.value.trim();
            let named: Vec<&Access> = routes
                .routes()
                .filter(|(_, route)| *route.name == *name)
                .map(|(_, route)| &route.access)
                .collect();
            let all_are = |is_so: &dyn Fn(&Requirement) -> bool| {
                !named.is_empty()
                    && named.iter().all(|access| match access {
                        Access::Public => false,
                        Access::Guarded(requirement) => is_so(requirement),
                    })
            };
            if all_are(&is_of_people_alone) {
                let name = shown(name);
                let message = format!("`{name}` accepts people without an actor alone: `{agent}` never gets there");
                let help = "remove it from the ceiling, or `absent: true` from the actor of the route";
                diagnostics.push_coded("unused_ceiling_route", written.span(), message, help);
            } else if all_are(&|requirement| is_of_other_actors(requirement, &agent)) {
                let name = shown(name);
                let message = format!("`{name}` accepts other actors alone: `{agent}` never gets there");
                let help = format!("remove it from the ceiling, or add `{agent}` to the actors of the route");
                diagnostics.push_coded("unused_ceiling_route", written.span(), message, help);
            }
        }
        for (scope, span) in ceiling.document.value.scopes() {
            if !accepted.contains(scope) {
                let message = format!("no rule accepts `{scope}`, so that it has no effect in a ceiling");
                diagnostics.push_coded("unused_ceiling_scope", span, message, "correct the name, or remove it");
            }
        }
    }
}

/// Whether the current actor has to be a party that is not this one.
fn is_of_other_actors(requirement: &Requirement, agent: &PartyName) -> bool {
    requirement.core.iter().any(|rule| match &rule.condition {
        CoreCondition::Actor(condition) => {
            let listed = condition.listed();
            listed.is_some_and(|listed| !listed.iter().any(|name| name.may_be(agent)))
        }
        _ => false,
    })
}

/// Whether the initiator has to be a person, and to act itself: then no agent acts.
fn is_of_people_alone(requirement: &Requirement) -> bool {
    let mut rules = requirement.core.iter();
    let is_absent = |condition: &CoreCondition| matches!(condition, CoreCondition::Actor(ActorCondition::Absent));
    let is_human = |condition: &CoreCondition| match condition {
        CoreCondition::Initiator(InitiatorCondition::Kind(kinds)) => kinds.iter().all(|kind| *kind == Kind::Human),
        _ => false,
    };
    rules.clone().any(|rule| is_absent(&rule.condition)) && rules.any(|rule| is_human(&rule.condition))
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn a_route_is_of_no_use_in_a_ceiling_where_people_without_an_actor_have_access_alone() {
        for (rules, found) in [
            ("initiator: { kind: human }, actor: { absent: true }", 1),
            ("initiator: { kind: human }", 0),
            // An agent acts itself.
            ("actor: { absent: true }", 0),
            ("initiator: { kind: [human, agent] }, actor: { absent: true }", 0),
        ] {
            let text = format!(
                "agents: [{{ subject: bot, ceiling: {{ routes: [GET /a] }} }}]\nroutes: [{{ match: GET /a, {rules} }}]"
            );
            let policy = Policy::from_yaml(&text).unwrap();
            let codes = policy.warnings().filter_map(|warning| warning.code());
            let unused = codes.filter(|code| *code == "unused_ceiling_route");
            assert_eq!(unused.count(), found, "{rules}");
        }
    }
}
