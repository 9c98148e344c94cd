//! `actor: { is_presenter }` beside rules on the client: each accepts some client, and no actor that is required is one of them.

use std::sync::Arc;

use super::agents::{Agent, Agents};
use super::conjunction::{Part, after};
use super::parties::PartyName;
use super::rules::{ActorCondition, AgentCondition, ClientCondition, CoreCondition, CoreRule};
use super::syntax::Context;

/// Reports rules on the client and on the actor of these parts that no presenter meets together.
pub(super) fn check(parts: &[Part<'_>], owner: &str, context: &mut Context<'_>) {
    if !context.agents.is_whole {
        return;
    }
    let rules = || {
        parts
            .iter()
            .flat_map(|part| part.rules.core.iter().map(move |rule| (part, rule)))
    };
    let presented = rules().find_map(|(part, rule)| match &rule.condition {
        CoreCondition::Actor(ActorCondition::Agent(AgentCondition::IsPresenter(agents))) => Some((part, rule, agents)),
        _ => None,
    });
    let Some((part, presented, agents)) = presented else {
        return;
    };
    let of_clients: Vec<(&Part<'_>, &CoreRule, &ClientCondition)> = rules()
        .filter_map(|(part, rule)| match &rule.condition {
            CoreCondition::Client(condition) => Some((part, rule, condition)),
            _ => None,
        })
        .collect();
    let Some((part_of_client, of_client, _)) = of_clients.last() else {
        return;
    };
    let of_actors: Vec<(&Part<'_>, &CoreRule, &[PartyName])> = rules()
        .filter_map(|(part, rule)| match &rule.condition {
            CoreCondition::Actor(condition) => Some((part, rule, condition.listed()?)),
            _ => None,
        })
        .collect();
    let is_same = |other: &Part<'_>| std::ptr::eq(other, part);
    // What is within one requirement is reported there.
    let is_within =
        of_clients.iter().all(|(part, ..)| is_same(part)) && of_actors.iter().all(|(part, ..)| is_same(part));
    if is_within && part.required.is_some() {
        return;
    }
    let is_met_by = |client: &str| of_clients.iter().all(|(_, _, condition)| condition.accepts(client));
    let presenters: Vec<Vec<&PartyName>> = of_actors
        .iter()
        .map(|(_, _, listed)| {
            let may_present = |name: &&PartyName| agents.presenters(name).into_iter().any(is_met_by);
            listed.iter().filter(may_present).collect()
        })
        .collect();
    let is_possible = match presenters.is_empty() {
        false => have_one(&presenters),
        true => {
            let mut listed = of_clients.iter().filter_map(|(_, _, condition)| condition.listed());
            listed.all(|clients| clients.iter().any(|client| agents.may_present(client)))
        }
    };
    if is_possible {
        return;
    }
    let name = |rule: &CoreRule| format!("`{}`", after(owner, &rule.name));
    // Those that no presenter is in, or else all.
    let without: Vec<&CoreRule> = of_actors
        .iter()
        .zip(&presenters)
        .filter_map(|((_, rule, _), presenters)| presenters.is_empty().then_some(*rule))
        .collect();
    let named = match without.is_empty() {
        true => of_actors.iter().map(|(_, rule, _)| *rule).collect(),
        false => without,
    };
    let with_actors: String = named.into_iter().map(|rule| format!(" and {}", name(rule))).collect();
    let message = format!(
        "no request meets {} beside {}{with_actors}: the client of the token is then another one than the actor",
        name(presented),
        name(of_client),
    );
    let help = "add the client to `clients` of the actor in `agents`, or change one of these rules";
    let later = match part_of_client.required.is_none() {
        true => part_of_client.span_of(after(owner, &of_client.name)),
        false => part.span_of(after(owner, &presented.name)),
    };
    context.mistake_if_whole(later, message, help);
}

/// Whether some party is in each of these lists.
fn have_one(lists: &[Vec<&PartyName>]) -> bool {
    // Of all names of a party, the one with an issuer, if there is one, is within each other name.
    let is_within = |name: &PartyName, other: &PartyName| {
        name.may_be(other) && (name.issuer().is_some() || other.issuer().is_none())
    };
    let mut names = lists.iter().flatten();
    names.any(|name| lists.iter().all(|list| list.iter().any(|other| is_within(name, other))))
}

impl Agents {
    /// The clients with which a party of this name may present a token.
    fn presenters<'a>(&'a self, name: &'a PartyName) -> Vec<&'a str> {
        let of_agents = self.iter().filter(|agent| name.may_be_agent(agent));
        let mut clients: Vec<&str> = of_agents.flat_map(|agent| agent.clients()).collect();
        // The issuer of a presenter is that of the token, which names the agents that have no issuer.
        let has_others = |agent: &Arc<Agent>| {
            let is_certain = agent.issuer().is_none() || agent.issuer() == name.issuer();
            is_certain && name.may_be_agent(agent) && agent.clients().len() > 0
        };
        if !self.iter().any(has_others) && !self.is_always_of_another(name.subject()) {
            clients.push(name.subject());
        }
        clients
    }

    /// Whether some actor may present a token with this client.
    fn may_present(&self, client: &str) -> bool {
        let has_client = self.iter().any(|agent| agent.clients().any(|name| name == client));
        let has_others =
            |agent: &Arc<Agent>| *agent.subject() == *client && agent.issuer().is_none() && agent.clients().len() > 0;
        has_client || !self.iter().any(has_others)
    }

    /// Whether a client is an agent of the table in every token.
    fn is_always_of_another(&self, client: &str) -> bool {
        let of_client = |agent: &Arc<Agent>| agent.issuer().is_none() && agent.clients().any(|name| name == client);
        self.iter().any(of_client)
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    const AGENTS: &str = "agents:
  - { subject: refund-agent, clients: [refund-client] }
  - { subject: report-agent }
  - { subject: partner-agent, issuer: 'https://partner.example', clients: [partner-client] }
";

    fn mistakes(route: &str) -> Vec<String> {
        let text = format!(
            "{AGENTS}requirements:\n  presented: {{ actor: {{ is_presenter: true }} }}\n  of_web: {{ actor: {{ is_presenter: true }}, client: {{ one_of: [web] }} }}\n  named: {{ actor: {{ one_of: [report-agent, {{ subject: web, issuer: 'https://partner.example' }}] }} }}\nroutes:\n  - {{ match: GET /, {route} }}\n"
        );
        match Policy::from_yaml(&text) {
            Ok(_) => Vec::new(),
            Err(error) => error.iter().map(|mistake| mistake.to_string()).collect(),
        }
    }

    #[test]
    fn a_client_that_is_no_client_of_the_actor_is_a_mistake() {
        for route in [
            "actor: { one_of: [refund-agent], is_presenter: true }, client: { one_of: [web] }",
            "actor: { one_of: [refund-agent], is_presenter: true }, client: { one_of: [refund-agent] }",
            "actor: { one_of: [report-agent], is_presenter: true }, client: { one_of: [refund-client, web] }",
            "actor: { one_of: [report-agent], is_presenter: true }, client: { none_of: [report-agent] }",
            "actor: { one_of: [other], is_presenter: true }, client: { one_of: [web] }",
            "actor: { is_presenter: true }, client: { one_of: [refund-agent] }",
            "require: [presented], actor: { one_of: [other] }, client: { one_of: [web] }",
            "require: [of_web], actor: { one_of: [other] }",
            "actor: { one_of: [{ subject: partner-agent, issuer: 'https://partner.example' }], is_presenter: true }, client: { one_of: [partner-agent] }",
            "actor: { one_of: [{ subject: refund-agent, issuer: 'https://other.example' }], is_presenter: true }, client: { one_of: [refund-agent] }",
            // Each list of actors has to have a presenter, and one of them is the actor.
            "require: [named], actor: { one_of: [refund-agent, report-agent], is_presenter: true }, client: { one_of: [refund-client] }",
            "require: [named], actor: { one_of: [report-agent, refund-agent], is_presenter: true }, client: { one_of: [refund-client, web] }",
            "require: [named], actor: { one_of: [report-agent, { subject: web, issuer: 'https://other.example' }], is_presenter: true }, client: { one_of: [web] }",
            // Another agent has its name as a client.
            "actor: { one_of: [refund-client], is_presenter: true }, client: { one_of: [refund-client] }",
        ] {
            let found = mistakes(route);
            assert!(
                found.len() == 1 && found[0].contains("no request meets `"),
                "{route}: {found:?}"
            );
        }
    }

    #[test]
    fn a_client_that_the_actor_may_have_is_none() {
        for route in [
            "actor: { one_of: [refund-agent], is_presenter: true }, client: { one_of: [web, refund-client] }",
            "actor: { one_of: [report-agent], is_presenter: true }, client: { one_of: [report-agent] }",
            "actor: { one_of: [partner-agent], is_presenter: true }, client: { one_of: [partner-client] }",
            "actor: { one_of: [partner-agent], is_presenter: true }, client: { one_of: [partner-agent] }",
            "actor: { is_presenter: true }, client: { one_of: [web] }",
            "actor: { is_presenter: true }, client: { one_of: [report-agent] }",
            "require: [of_web], actor: { one_of: [web] }",
            "actor: { one_of: [other], is_presenter: true }, client: { none_of: [web] }",
            "actor: { is_presenter: true, none_of: [other] }, client: { one_of: [refund-client] }",
            "require: [presented], client: { one_of: [refund-client] }",
            "require: [named], actor: { one_of: [refund-agent, report-agent], is_presenter: true }, client: { one_of: [report-agent] }",
            "require: [named], actor: { one_of: [refund-agent, web], is_presenter: true }, client: { one_of: [web] }",
        ] {
            assert_eq!(mistakes(route), [""; 0], "{route}");
        }
    }
}
