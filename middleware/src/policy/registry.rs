//! `groups`, `agents` and `unregistered_agents` at the top of a policy: named groups of parties, and the agents that an owner
//! knows. A group means its members wherever a list of parties names it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actgate_yaml::{Diagnostics, OneOrMany, Span, Spanned, nearest};
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::agents::{Agent, Agents, KnownAgents};
use super::exact::quoted;
use super::parties::{self, GroupName, PartyList, PartyName};
use super::rules::{CeilingDocument, CeilingOf};
use super::syntax::{Context, Name};

/// The most parties that the lists of a policy hold as members of groups, each counted wherever its group is written. The rules
/// that are made of one list share its members.
const MAX_MEMBERS: usize = 100_000;

pub(super) type GroupsDocument = BTreeMap<GroupName, Spanned<MembersDocument>>;
pub(super) type AgentsDocument = Vec<Spanned<AgentDocument>>;

/// The members of a group.
#[derive(Debug)]
pub(super) struct MembersDocument(PartyList);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The members of a group.
    MembersDocument = "Members", { "type": "array", "minItems": 1, "items": generator.subschema_for::<parties::PartyName>() };
    /// Whom to ask about an agent.
    Owner = "Owner", { "type": "string", "pattern": r"\S" };
}

impl<'de> Deserialize<'de> for MembersDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GroupBlock;
        impl parties::Block for GroupBlock {
            const ANY: &'static str = "write each member of the group";
        }
        let members = parties::without_groups::<GroupBlock, D>(deserializer)?;
        Ok(MembersDocument(members.unwrap_or_default()))
    }
}

/// An agent that the owner knows. An entry proves no kind.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `- subject: VALUE`")]
pub(super) struct AgentDocument {
    /// The identifier of the agent, which its tokens have in `act.sub` or `sub`.
    /// Example: `refund-agent`
    subject: Name,
    /// The issuer that the identifier is of. Without it: the issuer of each token.
    /// Example: `https://idp.example.com`
    issuer: Option<Name>,
    /// Whom to ask about the agent: a text for the decision log, which no rule reads.
    /// Example: `payments-team@example.com`
    owner: Option<Owner>,
    /// The groups that the agent is a member of; one, or a list.
    /// Example: `[payments]`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    groups: Option<OneOrMany<Spanned<GroupName>>>,
    /// The tenant that the agent is of, for `actor: { same_tenant: CLAIM }`.
    /// Example: `acme`
    tenant: Option<Name>,
    /// The clients that present the tokens of the agent, for `actor: { is_presenter: true }`; one, or a list. Without it the
    /// client has the agent's own name.
    /// Example: `[refund-client]`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    clients: Option<OneOrMany<Spanned<Name>>>,
    ceiling: Option<Spanned<CeilingDocument>>,
}

/// Who is responsible for an agent: a text that is not compared.
#[derive(Debug)]
struct Owner(Box<str>);

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        if text.trim().is_empty() || text.contains(char::is_control) {
            let help = "write whom to ask, such as `payments-team@example.com`, or remove the key";
            return Err(D::Error::custom(format!(
                "an owner is blank or contains a control character\n{help}"
            )));
        }
        Ok(Owner(text))
    }
}

/// What becomes of an agent that is not in `agents`. Without it, agents are not compared with the list. Denied with
/// `agent_not_registered`.
/// Example: `deny`
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", expecting = "a single word\nwrite `deny`")]
pub(super) enum UnregisteredAgents {
    /// No route accepts it.
    Deny,
}

/// The groups of a policy, with what is named of them.
#[derive(Default)]
pub(super) struct Groups {
    groups: BTreeMap<GroupName, Group>,
    named: BTreeSet<GroupName>,
    /// How many members the lists have received.
    added: usize,
    agents_span: Option<Span>,
}

/// A group: where it is written first, and its members.
struct Group {
    span: Span,
    members: Vec<PartyName>,
    /// Whether an agent names it.
    has_agents: bool,
}

/// Compiles the agents into the context, and the groups.
pub(super) fn compile(
    groups: Option<&Spanned<GroupsDocument>>,
    agents: Option<&Spanned<AgentsDocument>>,
    unregistered: Option<&Spanned<UnregisteredAgents>>,
    context: &mut Context<'_>,
) -> Groups {
    if let Some(Spanned {
        value: UnregisteredAgents::Deny,
        ..
    }) = unregistered
        && agents.is_none()
        && !context.omissions.has_key("agents")
    {
        let message = "`unregistered_agents` is written without `agents`, so that every agent would be denied";
        let span = unregistered.map(Spanned::span).unwrap_or_default();
        context.mistake(
            span,
            message,
            "add the agents that you know: `agents: [{ subject: refund-agent }]`",
        );
    }
    let known = agents.map_or(Vec::new(), |agents| known(agents, context));
    let is_whole = match agents {
        None => !context.omissions.has_key("agents"),
        // An empty list is a mistake that is reported.
        Some(agents) => !agents.value.is_empty() && !context.omissions.within(agents.span()),
    };
    context.agents = KnownAgents {
        table: Arc::new(Agents::new(&known, unregistered.is_some())),
        is_whole,
        is_read: unregistered.is_some(),
    };
    let mut compiled = Groups {
        agents_span: agents.map(Spanned::span),
        ..Groups::default()
    };
    compiled.define(groups, agents.map_or(&[], |agents| &agents.value), context);
    compiled
}

/// The agents with a ceiling.
pub(super) fn ceilings(agents: Option<&Spanned<AgentsDocument>>) -> impl Iterator<Item = CeilingOf<'_>> {
    agents.into_iter().flat_map(|agents| &agents.value).filter_map(|agent| {
        Some(CeilingOf {
            subject: &agent.value.subject,
            issuer: agent.value.issuer.as_ref(),
            document: agent.value.ceiling.as_ref()?,
        })
    })
}

/// The agents, and the mistakes in them.
fn known(document: &Spanned<AgentsDocument>, context: &mut Context<'_>) -> Vec<Arc<Agent>> {
    if document.value.is_empty() {
        let help = "write the agents that you know, or remove it";
        context.mistake_if_whole(document.span(), "`agents` is empty", help);
    }
    let mut same_subject: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut same_client: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut agents: Vec<Arc<Agent>> = Vec::new();
    for (index, written) in document.value.iter().enumerate() {
        let agent = Arc::new(written.value.agent());
        let others = same_subject.entry(&written.value.subject).or_default();
        let shares_issuer = |other: &&usize| agents[**other].may_share_issuer(&agent);
        if let Some(other) = others.iter().find(shares_issuer) {
            let line = document.value[*other].line;
            let message = format!("the agent `{}` is listed twice, first in line {line}", agent.subject);
            let help = match agents[*other].issuer == agent.issuer {
                true => "write it once, with all that is known of it",
                false => "write the `issuer` of both: without it an agent is one of any issuer",
            };
            context.mistake(written.span(), message, help);
        }
        others.push(index);
        for (key, is_empty) in [
            (
                "groups",
                written.value.groups.as_ref().is_some_and(|list| list.is_empty()),
            ),
            (
                "clients",
                written.value.clients.as_ref().is_some_and(|list| list.is_empty()),
            ),
        ] {
            if is_empty {
                context.mistake_if_whole(
                    written.span(),
                    format!("`{key}` is empty"),
                    "write at least one, or remove the key",
                );
            }
        }
        for client in written.value.clients.iter().flat_map(|clients| clients.iter()) {
            let others = same_client.entry(&client.value).or_default();
            let is_another = |other: &&usize| **other != index && shares_issuer(other);
            if let Some(other) = others.iter().find(is_another) {
                let message = format!(
                    "the client `{}` is of `{}` as well",
                    client.value, agents[*other].subject
                );
                context.mistake(
                    client.span(),
                    message,
                    "a client is one agent: remove it from one of the two",
                );
            }
            others.push(index);
        }
        agents.push(agent);
    }
    agents
}

impl AgentDocument {
    /// Every list of parties that can contain groups.
    pub(super) fn party_lists(&mut self) -> Vec<&mut PartyList> {
        let ceiling = self.ceiling.iter_mut();
        ceiling.flat_map(|ceiling| ceiling.value.party_lists()).collect()
    }

    fn agent(&self) -> Agent {
        let text = |name: &Name| Box::<str>::from(&**name);
        let groups: BTreeSet<&GroupName> = self.groups().map(|group| &group.value).collect();
        let clients: BTreeSet<&Name> = self
            .clients
            .iter()
            .flat_map(|clients| clients.iter())
            .map(|client| &client.value)
            .collect();
        Agent {
            subject: text(&self.subject),
            issuer: self.issuer.as_ref().map(text),
            owner: self.owner.as_ref().map(|owner| owner.0.clone()),
            groups: groups.into_iter().map(|group| Box::from(&**group)).collect(),
            tenant: self.tenant.as_ref().map(text),
            clients: clients.into_iter().map(text).collect(),
        }
    }

    fn groups(&self) -> impl Iterator<Item = &Spanned<GroupName>> {
        self.groups.iter().flat_map(|groups| groups.iter())
    }
}

impl Groups {
    fn define(
        &mut self,
        document: Option<&Spanned<GroupsDocument>>,
        agents: &[Spanned<AgentDocument>],
        context: &mut Context<'_>,
    ) {
        if let Some(document) = document
            && document.value.is_empty()
        {
            let help = "write a name with its parties, or remove it";
            context.mistake_if_whole(document.span(), "`groups` is empty", help);
        }
        for (name, members) in document.iter().flat_map(|document| &document.value) {
            let group = Group {
                span: members.span(),
                members: members.value.0.to_vec(),
                has_agents: false,
            };
            self.groups.insert(name.clone(), group);
        }
        for agent in agents {
            let AgentDocument { subject, issuer, .. } = &agent.value;
            for name in agent.value.groups() {
                let group = self.groups.entry(name.value.clone()).or_insert_with(|| Group {
                    span: name.span(),
                    members: Vec::new(),
                    has_agents: false,
                });
                group.has_agents = true;
                group.members.push(PartyName::new(issuer.clone(), subject.clone()));
            }
        }
        for members in document.iter().flat_map(|document| document.value.values()) {
            self.report_bare(&members.value.0, context);
        }
        for (name, group) in &mut self.groups {
            let mut seen = BTreeSet::new();
            group.members.retain(|member| seen.insert(member.clone()));
            if group.members.is_empty() && context.agents.is_whole {
                let message = format!("the group `{name}` is empty");
                let help = "write its parties, or name it in `groups` of an agent";
                context.mistake_if_whole(group.span, message, help);
            }
        }
    }

    /// Adds the members of the groups that lists name to these lists.
    pub(super) fn add_members(&mut self, lists: Vec<&mut PartyList>, context: &mut Context<'_>) {
        for list in lists {
            self.report_bare(list, context);
            for name in list.groups().to_vec() {
                let stand_in = [PartyName::of_unknown(&name.value)];
                match self.groups.get(&name.value) {
                    None => {
                        self.report_unknown(&name, context);
                        list.add(&stand_in);
                    }
                    // An empty group is reported where it is written.
                    Some(group) if group.members.is_empty() => list.add(&stand_in),
                    Some(group) if self.added + group.members.len() <= MAX_MEMBERS => {
                        context.agents.is_read |= group.has_agents;
                        self.added += group.members.len();
                        list.add(&group.members);
                    }
                    Some(_) => {
                        if self.added <= MAX_MEMBERS {
                            let message = format!("the groups that lists name have more than {MAX_MEMBERS} members");
                            let help = "move the rule to a requirement, and require it where it applies";
                            context.mistake(name.span(), message, help);
                            self.added = MAX_MEMBERS + 1;
                        }
                        list.add(&stand_in);
                    }
                }
                self.named.insert(name.value);
            }
        }
    }

    /// Reports bare names that are the name of a group: the party of this name is hardly what is meant.
    fn report_bare(&self, list: &PartyList, context: &mut Context<'_>) {
        for (name, span) in list.bare().filter(|(name, _)| self.groups.contains_key(*name)) {
            let message = format!("`{name}` is a group, and this item is a party");
            let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
            let shown = match name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.chars().all(is_plain)
            {
                true => name.to_owned(),
                false => quoted(name),
            };
            let group = match list.takes_groups() {
                true => format!("`{{ group: {shown} }}`"),
                false => "each party of the group as an item of its own".to_owned(),
            };
            let help = format!("write {group}, or `{{ subject: {shown} }}` for a party of this name");
            context.mistake(span, message, help);
        }
    }

    fn report_unknown(&self, name: &Spanned<GroupName>, context: &mut Context<'_>) {
        let omitted = ["groups", &*name.value];
        if !context.agents.is_whole || omitted.iter().any(|key| context.omissions.has_key(key)) {
            return;
        }
        let known: Vec<&str> = self.groups.keys().map(|name| &**name).collect();
        let help = match known[..] {
            [] => "define it under `groups`, or name it in `groups` of an agent".to_owned(),
            _ => nearest(&name.value, &known),
        };
        let message = format!("no group is named `{}`", name.value);
        context.mistake(name.span(), message, help);
    }

    /// Reports groups that no list names, and agents that nothing reads.
    pub(super) fn report_unused(&self, agents: &KnownAgents, diagnostics: &mut Diagnostics) {
        for (name, group) in &self.groups {
            if !self.named.contains(name) {
                let message = format!("no rule names the group `{name}`");
                let help = format!("write `{{ group: {name} }}` in a list of parties, or remove it");
                diagnostics.push_coded("unused_group", group.span, message, help);
            }
        }
        let has_owner = |agent: &Arc<Agent>| agent.owner.is_some();
        if let Some(span) = self.agents_span
            && !agents.is_read
            && !agents.table.iter().any(has_owner)
        {
            let message = "no rule reads `agents`, and none of them has an owner for the decision log";
            let help = "write `unregistered_agents: deny`, or `actor: { registered: true }` on a route, or remove them";
            diagnostics.push_coded("unused_agents", span, message, help);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::parties::PartyName;
    use crate::policy::rules::CoreCondition;
    use crate::policy::testing::{agent, chain, code_of, human};
    use crate::policy::{Access, Policy};

    const ISSUER: &str = "https://idp.example";
    const PARTNER: &str = "https://partner.example";

    /// Both `{ISSUER}` and `{PARTNER}` in it are replaced.
    fn code(top: &str, route: &str, claims: Value) -> &'static str {
        let policy = format!("{top}routes:\n  - match: GET /\n    {route}\n");
        code_of(
            &policy.replace("{ISSUER}", ISSUER).replace("{PARTNER}", PARTNER),
            claims,
        )
    }

    fn mistakes(text: &str) -> Vec<String> {
        let mistakes = Policy::from_yaml(text).unwrap_err().to_string();
        let mistakes = mistakes.replace("\n  help: ", "; ");
        mistakes.lines().map(str::to_owned).collect()
    }

    /// Each policy has the one mistake beside it.
    fn assert_mistakes(rows: impl IntoIterator<Item = (String, &'static str)>) {
        let wrong = rows.into_iter().filter_map(|(text, expected)| {
            let found = mistakes(&text);
            (found != [expected]).then(|| {
                format!(
                    "{text}\n  expected {expected}\n  found    {}",
                    found.join("\n           ")
                )
            })
        });
        let wrong: Vec<String> = wrong.collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn warnings(text: &str) -> Vec<String> {
        let policy = Policy::from_yaml(text).unwrap();
        let warnings = policy
            .warnings()
            .map(|warning| warning.to_string().replace("\n  help: ", "; "));
        warnings.collect()
    }

    const GROUPS: &str = "groups: { operators: [u1, { issuer: '{PARTNER}', subject: u2 }], old: [a2] }
agents: [{ subject: a1, groups: payments }, { subject: a2, groups: [payments] }, { subject: a3, issuer: '{PARTNER}', groups: payments }]
";

    #[test]
    fn a_group_is_each_of_its_members_in_every_list() {
        for (route, allowed, denied, denial) in [
            (
                "actor: { group: payments }",
                &["a1"][..],
                &["x"][..],
                "actor_not_allowed",
            ),
            (
                "actor: { group: [old, payments] }",
                &["a2"],
                &["a3"],
                "actor_not_allowed",
            ),
            (
                "actor: { one_of: [x, { group: payments }] }",
                &["x"],
                &["y"],
                "actor_not_allowed",
            ),
            (
                "actor: { none_of: [{ group: old }] }",
                &["a1"],
                &["a2"],
                "actor_not_allowed",
            ),
            (
                "actor: { group: payments, none_of: [{ group: old }] }",
                &["a1"],
                &["a2"],
                "actor_not_allowed",
            ),
            (
                "any_of: [{ actor: { group: old } }]",
                &["a2"],
                &["a1"],
                "any_of_not_met",
            ),
            (
                "chain: { all_of: [{ group: payments }] }",
                &["a1", "a2"],
                &["a1", "x"],
                "chain_actor_not_allowed",
            ),
            (
                "chain: { any_of: [{ group: old }] }",
                &["x", "a2"],
                &["x", "a1"],
                "chain_actor_missing",
            ),
            (
                "chain: { none_of: [{ group: old }] }",
                &["x", "a1"],
                &["x", "a2"],
                "chain_actor_not_allowed",
            ),
            (
                "chain: { called_by: [{ group: old }] }",
                &["x", "a2"],
                &["a2", "x"],
                "chain_caller_not_allowed",
            ),
            (
                "chain: { prior: { first: [{ group: old }] } }",
                &["x", "a2"],
                &["a2", "x"],
                "prior_actor_not_allowed",
            ),
            (
                "chain: { prior: { none_of: [{ group: old }] } }",
                &["a2", "x"],
                &["x", "a2"],
                "prior_actor_not_allowed",
            ),
        ] {
            assert_eq!(code(GROUPS, route, human(chain(allowed))), "allow", "{route}");
            assert_eq!(code(GROUPS, route, human(chain(denied))), denial, "{route}");
        }
        let via = "groups: { reviewers: [a, b] }\n";
        let all = "chain: { via: [{ group: reviewers }] }";
        assert_eq!(code(via, all, human(chain(&["x", "b", "a"]))), "allow");
        assert_eq!(
            code(via, all, human(chain(&["x", "b"]))),
            "chain_actor_missing",
            "every member"
        );
        let partner = |subject: &str| json!({"sub": subject, "iss": PARTNER, "sub_profile": "ai_agent"});
        let route = "actor: { group: payments }";
        assert_eq!(code(GROUPS, route, human(partner("a3"))), "allow");
        assert_eq!(
            code(GROUPS, route, human(partner("a1"))),
            "actor_not_allowed",
            "of the token's issuer"
        );
        let route = "initiator: { group: operators }";
        assert_eq!(code(GROUPS, route, human(Value::Null)), "allow");
        assert_eq!(
            code(GROUPS, route, json!({"sub": "u2"})),
            "initiator_not_allowed",
            "of another issuer"
        );
    }

    #[test]
    fn every_route_shares_the_members_of_a_group() {
        let text = "groups: { g: [a, b] }
requirements: { payment: { actor: { group: g } } }
defaults: { actor: { one_of: [{ group: g }, c] } }
routes: [{ match: GET /a, require: [payment] }, { match: GET /b, require: [payment] }]
";
        let policy = Policy::from_yaml(text).unwrap();
        let lists = |path: &str| {
            let Access::Guarded(requirement) = &policy.exact_route("GET", path).unwrap().access else {
                panic!("a public route")
            };
            let lists = requirement.core.iter().filter_map(|rule| match &rule.condition {
                CoreCondition::Actor(condition) => condition.listed().map(<[PartyName]>::as_ptr),
                _ => None,
            });
            lists.collect::<Vec<_>>()
        };
        assert_eq!(lists("/a").len(), 2);
        assert_eq!(lists("/a"), lists("/b"));
    }

    #[test]
    fn a_mistake_in_groups_has_a_place_and_a_help() {
        let route = "routes: [{ match: GET /, actor: { group: payment } }]";
        assert_mistakes([
            (
                format!("groups: {{ payments: [a] }}\n{route}"),
                "2:42: no group is named `payment`; did you mean `payments`?",
            ),
            (
                route.to_owned(),
                "1:42: no group is named `payment`; define it under `groups`, or name it in `groups` of an agent",
            ),
            (
                format!("groups: {{ payment: [] }}\n{route}"),
                "1:20: the group `payment` is empty; write its parties, or name it in `groups` of an agent",
            ),
            (
                format!("groups: {{ payment: [a, {{ group: others }}], others: [b] }}\n{route}"),
                "1:24: `others` is a group, and this list holds parties alone; write each party as an item of its own",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, chain: { path: [{ group: g }] } }]".to_owned(),
                "2:42: `g` is a group, and this list holds parties alone; write each party as an item of its own",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { one_of: [{ group: g, subject: b }] } }]".to_owned(),
                "2:44: an item is a party or a group; write `{ group: g }`, and the party as an item of its own",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { one_of: [{ group: g }], none_of: [{ group: g }] } }]".to_owned(),
                "2:33: every party of `one_of` is in `none_of`, and so none is ever accepted; remove a group from one of the two",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { one_of: [a], none_of: [{ group: g }] } }]".to_owned(),
                "2:33: `a` is in `one_of` and in `none_of`, and so is never accepted; remove it from one of the two",
            ),
            (
                "groups: { 'pay*': [a] }\nroutes: [{ match: GET /, public: true }]".to_owned(),
                "1:11: `pay*` is no name of a group; write the name of one group in full, such as `payments`",
            ),
            (
                "groups: { payment: ['bot-*'] }\nroutes: [{ match: GET /, actor: { group: payment } }]".to_owned(),
                "1:21: `bot-*` is a pattern, and parties are compared as they are; write each party in full, or \
                 `{ subject: 'bot-*' }` if the token has this very text",
            ),
            (
                "groups: {}\nroutes: [{ match: GET /, public: true }]".to_owned(),
                "1:9: `groups` is empty; write a name with its parties, or remove it",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { one_of: [a, { group: 'g ' }], group: g } }]".to_owned(),
                "2:56: `g ` is no name of a group; write the name of one group in full, such as `payments`",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { one_of: [{ group: 1 }], group: g } }]".to_owned(),
                "2:53: expected a text, not a number; put a text in quotes",
            ),
            (
                "routes: [{ match: GET /, actor: { one_of: [{ issuer: https://idp.example }] } }]".to_owned(),
                "1:44: the key `subject` is missing; add `subject: …`",
            ),
            (
                "groups: { g: [a] }\nroutes: [{ match: GET /, actor: { group: [] } }]".to_owned(),
                "2:33: `group` is empty; write what it requires, or remove it",
            ),
            (
                "routes: [{ match: GET /, group: a }]".to_owned(),
                "1:26: unknown key `group`; a group of parties is `actor: { group: payments }`; a claim is `claims: { groups: { \
                 contains: admin } }`",
            ),
        ]);
    }

    #[test]
    fn a_bare_name_of_a_group_is_no_party() {
        let top =
            "groups: { retired: [v1] }\nagents: [{ subject: planner, groups: planner }]\nroutes: [{ match: GET /, ";
        let of = |rule: &str| format!("{top}{rule} }}]");
        let of_retired = "`retired` is a group, and this item is a party; write `{ group: retired }`, or `{ subject: retired }` for a \
                          party of this name";
        for (rule, column) in [
            ("chain: { none_of: [retired] }", 45),
            ("chain: { prior: { none_of: [x, retired] } }", 57),
            ("actor: { none_of: [retired] }", 45),
            ("initiator: { one_of: [retired] }", 48),
            ("any_of: [{ actor: { none_of: [retired] } }]", 56),
        ] {
            assert_eq!(mistakes(&of(rule)), [format!("3:{column}: {of_retired}")], "{rule}");
        }
        assert_mistakes([
            (
                of("actor: { one_of: [planner] }"),
                "3:44: `planner` is a group, and this item is a party; write `{ group: planner }`, or `{ subject: planner }` for a party \
                 of this name",
            ),
            (
                of("chain: { path: [x, retired] }"),
                "3:45: `retired` is a group, and this item is a party; write each party of the group as an item of its own, or \
                 `{ subject: retired }` for a party of this name",
            ),
            (
                "groups: { a: ['b 1'], 'b 1': [x] }\nroutes: [{ match: GET /, actor: { group: [a, 'b 1'] } }]"
                    .to_owned(),
                "1:15: `b 1` is a group, and this item is a party; write each party of the group as an item of its own, or \
                 `{ subject: 'b 1' }` for a party of this name",
            ),
        ]);
        let party = "actor: { one_of: [{ subject: planner }, { group: retired }], none_of: [x] }";
        assert!(Policy::from_yaml(&of(party)).is_ok());
    }

    #[test]
    fn a_mistake_in_agents_has_a_place_and_a_help() {
        let route = "\nroutes: [{ match: GET /, actor: { registered: true } }]";
        let rows = [
            (
                "agents: []",
                "1:9: `agents` is empty; write the agents that you know, or remove it",
            ),
            (
                "agents: [{ subject: a }, { subject: b }, { subject: a, owner: x }]",
                "1:42: the agent `a` is listed twice, first in line 1; write it once, with all that is known of it",
            ),
            (
                "agents: [{ subject: a }, { subject: a, issuer: https://idp.example }]",
                "1:26: the agent `a` is listed twice, first in line 1; write the `issuer` of both: without it an agent is one of any issuer",
            ),
            (
                "agents: [{ subject: a, clients: c }, { subject: b, clients: [d, c] }]",
                "1:65: the client `c` is of `a` as well; a client is one agent: remove it from one of the two",
            ),
            (
                "agents: [{ subject: a, tenant: '' }]",
                "1:32: a name is blank or contains a control character; write the name as the token has it",
            ),
            (
                "agents: [{ subject: a, owner: ' ' }]",
                "1:31: an owner is blank or contains a control character; write whom to ask, such as `payments-team@example.com`, or \
                 remove the key",
            ),
            (
                "agents: [{ subject: 'bot-*' }]",
                "1:21: `bot-*` is a pattern, and values are compared as they are; write each value in full, or \
                 `{ literal: 'bot-*' }` if the token has this very text",
            ),
            (
                "agents: [{ subject: a, clients: [] }]",
                "1:10: `clients` is empty; write at least one, or remove the key",
            ),
            (
                "agents: [{ owner: a }]",
                "1:10: the key `subject` is missing; add `subject: …`",
            ),
            (
                "agents: [{ subject: a, group: b }]",
                "1:24: unknown key `group`; did you mean `groups`?",
            ),
            (
                "agents: [a]",
                "1:10: expected a mapping, not a text; write `- subject: a`",
            ),
            (
                "unregistered_agents: deny\nagents: [{ subject: a }]\nspelling: exat",
                "3:11: unknown word `exat`; did you mean `exact`?",
            ),
            (
                "agents: [{ subject: a }]\nunregistered_agents: allow",
                "2:22: unknown word `allow`; expected `deny`",
            ),
            (
                "agents: [{ subject: a }]\nunregistered_agents: true",
                "2:22: expected a single word, not true or false; write `deny`",
            ),
        ];
        assert_mistakes(rows.map(|(agents, expected)| (format!("{agents}{route}"), expected)));
        assert_eq!(
            mistakes(&format!(
                "unregistered_agents: deny{}",
                route.replace("registered", "required")
            )),
            [
                "1:22: `unregistered_agents` is written without `agents`, so that every agent would be denied; add the agents that you \
              know: `agents: [{ subject: refund-agent }]`"
            ]
        );
        let both = "agents: [{ subject: a, issuer: https://one.example, clients: c }, { subject: a, issuer: https://two.example, clients: c }]";
        assert!(
            Policy::from_yaml(&format!("{both}{route}")).is_ok(),
            "two agents of two issuers"
        );
        let literal = "agents: [{ subject: { literal: 'a*b' } }]";
        assert!(Policy::from_yaml(&format!("{literal}{route}")).is_ok());
    }

    #[test]
    fn groups_and_agents_without_effect_are_reported() {
        let route = "routes: [{ match: GET /, actor: { group: g } }]";
        assert_eq!(
            warnings(&format!("groups: {{ g: [a], h: [b] }}\n{route}")),
            ["1:22: no rule names the group `h`; write `{ group: h }` in a list of parties, or remove it"]
        );
        assert_eq!(
            warnings(&format!("groups: {{ g: [a] }}\nagents: [{{ subject: b }}]\n{route}")),
            [
                "2:9: no rule reads `agents`, and none of them has an owner for the decision log; write `unregistered_agents: deny`, \
              or `actor: { registered: true }` on a route, or remove them"
            ]
        );
        for agents in [
            "agents: [{ subject: b, owner: c }]\ngroups: { g: [a] }",
            "agents: [{ subject: b, groups: g }]",
            "agents: [{ subject: b }]\nunregistered_agents: deny\ngroups: { g: [a] }",
        ] {
            assert!(warnings(&format!("{agents}\n{route}")).is_empty(), "{agents}");
        }
    }

    #[test]
    fn the_members_that_lists_receive_are_limited() {
        let members: Vec<String> = (0..1_000).map(|number| format!("a{number}")).collect();
        let members = members.join(", ");
        let with_routes = |count: usize| {
            let routes: String = (0..count)
                .map(|number| format!("  - {{ match: GET /r{number}, actor: {{ group: g }} }}\n"))
                .collect();
            Policy::from_yaml(&format!("groups: {{ g: [{members}] }}\nroutes:\n{routes}"))
        };
        assert!(with_routes(100).is_ok());
        let mistakes = with_routes(102).unwrap_err();
        assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
        assert!(
            mistakes
                .to_string()
                .contains("the groups that lists name have more than 100000 members")
        );
    }

    #[test]
    fn unregistered_agents_are_denied_on_every_route() {
        let top = "agents: [{ subject: a1 }, { subject: a3, issuer: '{PARTNER}' }]\nunregistered_agents: deny\n";
        let of = |claims: Value| code(top, "scopes: { none_of: [x] }", claims);
        assert_eq!(of(human(agent("a1"))), "allow");
        assert_eq!(of(human(Value::Null)), "allow");
        assert_eq!(of(human(agent("a2"))), "agent_not_registered");
        assert_eq!(of(human(agent("a3"))), "agent_not_registered", "of another issuer");
        assert_eq!(
            of(human(json!({"sub": "a2"}))),
            "agent_not_registered",
            "of no known kind"
        );
        assert_eq!(
            of(human(json!({"sub": "alice", "sub_profile": "user"}))),
            "allow",
            "a person"
        );
        assert_eq!(of(json!({"sub": "a1", "sub_profile": "ai_agent"})), "allow");
        assert_eq!(
            of(json!({"sub": "a2", "sub_profile": "ai_agent"})),
            "agent_not_registered"
        );
        let itself = json!({"sub": "a2", "act": {"sub": "a2"}});
        assert_eq!(of(itself), "agent_not_registered");
        assert_eq!(
            of(json!({"sub": "s", "sub_profile": "service"})),
            "allow",
            "not decided"
        );
        assert_eq!(of(json!({"sub": "s"})), "allow", "not decided");
        assert_eq!(of(human(chain(&["a1", "a2"]))), "allow", "a prior actor is not read");
    }
}
