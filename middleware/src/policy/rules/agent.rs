//! The words on agents that the owner knows: `actor: { registered, same_tenant, is_presenter }`, and `unregistered_agents`.

use std::fmt;
use std::sync::Arc;

use actgate_yaml::{Span, Spanned};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::Value;

use super::claims;
use super::finding::Finding;
use super::member_path::MemberPath;
use crate::chain::{Actor, Core, Party};
use crate::policy::agents::Agents;
use crate::policy::change::{self, Fact, Remedies, kind_of_actor};
use crate::policy::exact;
use crate::policy::parties::{PartyName, shown};
use crate::policy::read::{Need, Reader};
use crate::policy::syntax::{Conditions, Context};
use crate::profile::Kind;

/// The words of `actor` that read the agents of the policy, as they are written.
pub(super) struct AgentWords<'d> {
    pub(super) is_presenter: bool,
    pub(super) registered: bool,
    pub(super) same_tenant: Option<&'d Spanned<TenantName>>,
    /// The parties of `one_of` beside them.
    pub(super) one_of: &'d [PartyName],
    /// Those of them that are written there, and not in a group.
    pub(super) named: &'d [PartyName],
    /// The kinds that are accepted; empty where any kind is.
    pub(super) kinds: &'d [Kind],
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum AgentCondition {
    /// The client of the token is the actor, by its clients in the table where it has some.
    IsPresenter(Arc<Agents>),
    /// The actor is in the table.
    Registered(Arc<Agents>),
    /// The tenant of the actor in the table is that of the token.
    SameTenant(TenantClaim, Arc<Agents>),
    /// No agent that is not in the table acts. Part of every requirement with `unregistered_agents: deny`.
    NoneUnregistered(Arc<Agents>),
}

pub(super) fn compile(span: Span, written: &AgentWords<'_>, context: &mut Context<'_>) -> Conditions<AgentCondition> {
    let agents = Arc::clone(&context.agents.table);
    let mut conditions = Vec::new();
    if written.is_presenter {
        context.agents.is_read |= agents.iter().any(|agent| agent.clients().len() > 0);
        conditions.push(("is_presenter".into(), AgentCondition::IsPresenter(Arc::clone(&agents))));
    }
    if written.registered {
        if agents.iter().next().is_none() && context.agents.is_whole {
            let message = "`registered` is met by no actor: the policy has no `agents`";
            let help = "add the agents that you know beside `routes`: `agents: [{ subject: refund-agent }]`";
            context.mistake(span, message, help);
        } else if context.agents.is_whole {
            let is_unknown = |name: &&PartyName| !agents.iter().any(|agent| name.may_be_agent(agent));
            if let Some(name) = written.one_of.iter().find(is_unknown) {
                let message =
                    format!("`{name}` is in `one_of` and not in `agents`, and so `registered` never accepts it");
                context.mistake(span, message, "add it to `agents`, or remove it from `one_of`");
            }
        }
        context.agents.is_read = true;
        conditions.push(("registered".into(), AgentCondition::Registered(Arc::clone(&agents))));
    }
    if !written.registered {
        check_unregistered(span, written, context);
    }
    if let Some(claim) = written.same_tenant {
        if !agents.iter().any(|agent| agent.tenant().is_some()) && context.agents.is_whole {
            let message = "`same_tenant` is met by no actor: no agent in `agents` has a `tenant`";
            context.mistake(claim.span(), message, "add `tenant` to the agents that act here");
        }
        context.agents.is_read = true;
        if let Some(path) = claims::path(&claim.value.0, claim.span(), context) {
            conditions.push((
                "same_tenant".into(),
                AgentCondition::SameTenant(TenantClaim(path), agents),
            ));
        }
    }
    conditions
}

/// Reports named parties that `unregistered_agents: deny` denies, unless they are people.
fn check_unregistered(span: Span, written: &AgentWords<'_>, context: &mut Context<'_>) {
    let agents = Arc::clone(&context.agents.table);
    if !agents.deny_others || !context.agents.is_whole {
        return;
    }
    let is_unknown = |name: &&PartyName| !agents.iter().any(|agent| name.may_be_agent(agent));
    let Some(name) = written.named.iter().find(is_unknown) else {
        return;
    };
    match written.kinds {
        [] => {
            let message = format!(
                "`{name}` is in `one_of` and not in `agents`, and so `unregistered_agents: deny` denies it, unless its token \
                 proves that it is a human"
            );
            let help = "add it to `agents`, or write `kind: human` beside `one_of` if these are people";
            context.warnings.push_coded("unregistered_actor", span, message, help);
        }
        kinds if !kinds.contains(&Kind::Human) => {
            let message = format!(
                "`{name}` is in `one_of` and not in `agents`, and so `unregistered_agents: deny` never accepts it"
            );
            context.mistake(span, message, "add it to `agents`, or remove it from `one_of`");
        }
        _ => {}
    }
}

/// How the claim with the tenant is written.
#[derive(Clone, Debug)]
pub(in crate::policy) struct TenantName(Box<str>);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// The name of a claim, or its JSON pointer.
    TenantName = "TenantClaim", { "type": "string", "minLength": 1, "not": { "pattern": r"^claims\." } };
}

impl<'de> Deserialize<'de> for TenantName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOfClaim;
        impl Visitor<'_> for NameOfClaim {
            type Value = TenantName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text\nwrite the claim with the tenant, such as `same_tenant: tid`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<TenantName, E> {
                match text.strip_prefix("claims.") {
                    Some(name) => Err(E::custom(format!(
                        "`same_tenant` is the name of a claim alone\nwrite `{}`",
                        exact::shown(name)
                    ))),
                    None => Ok(TenantName(text.into())),
                }
            }
        }
        deserializer.deserialize_str(NameOfClaim)
    }
}

/// The claim that names the tenant of a token.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct TenantClaim(MemberPath);

impl AgentCondition {
    /// The condition of `unregistered_agents: deny`.
    pub(in crate::policy) fn of_every_requirement(agents: &Arc<Agents>) -> Option<Self> {
        let condition = || AgentCondition::NoneUnregistered(Arc::clone(agents));
        agents.deny_others.then(condition)
    }

    pub(super) fn evaluate(&self, core: &Core<'_>) -> Finding {
        match self {
            AgentCondition::IsPresenter(agents) => Finding::of_delegate(core, |actor| {
                Finding::met_if(is_presenter(agents, actor.party(), core), "actor_not_presenter")
            }),
            AgentCondition::Registered(agents) => Finding::of_delegate(core, |actor| {
                let met = agents.of_kind(actor.party(), actor.kind(), core.initiator).is_some();
                Finding::met_if(met, "actor_not_registered")
            }),
            AgentCondition::SameTenant(TenantClaim(path), agents) => Finding::of_delegate(core, |actor| {
                let Some(agent) = agents.of_kind(actor.party(), actor.kind(), core.initiator) else {
                    return Finding::Unmet("actor_not_registered");
                };
                let of_token = claims::value(path, core).and_then(Value::as_str);
                let met = agent.tenant().is_some() && agent.tenant() == of_token;
                Finding::met_if(met, "actor_tenant_mismatch")
            }),
            AgentCondition::NoneUnregistered(agents) => {
                let is_known = |party: &Party| agents.of(party, core.initiator).is_some();
                let met = read_parties(core).all(|(party, _)| is_known(party));
                Finding::met_if(met, "agent_not_registered")
            }
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>) -> (String, String) {
        let delegate = |explain: &dyn Fn(&Actor) -> String| match (core.delegate(), core.delegation.actor()) {
            (Some(actor), _) => explain(actor),
            (None, Some(itself)) => format!("{}, for itself", shown(itself.party(), core.initiator)),
            (None, None) => "no actor".to_owned(),
        };
        let name = |party: &Party| shown(party, core.initiator);
        match self {
            AgentCondition::IsPresenter(agents) => {
                let clients = core
                    .delegate()
                    .and_then(|actor| agents.of(actor.party(), core.initiator));
                let clients = clients.filter(|agent| agent.clients().len() > 0).map(|agent| {
                    let clients: Vec<&str> = agent.clients().collect();
                    format!("an actor whose client is that of the token: {}", clients.join(" or "))
                });
                let expected = clients.unwrap_or_else(|| "an actor that is the client of the token".to_owned());
                let got = delegate(&|actor| {
                    let client = core.claims.client();
                    let client = client.map_or("no client".to_owned(), |client| format!("client {client}"));
                    format!("{}, and {client}", name(actor.party()))
                });
                (expected, got)
            }
            AgentCondition::Registered(agents) => {
                let is_human =
                    |actor: &Actor| actor.kind() == Kind::Human && agents.of(actor.party(), core.initiator).is_some();
                let got = delegate(&|actor| match is_human(actor) {
                    true => format!("{}, a human", name(actor.party())),
                    false => name(actor.party()),
                });
                ("one of the agents of the policy".to_owned(), got)
            }
            AgentCondition::SameTenant(TenantClaim(path), agents) => {
                let of_token = claims::value(path, core).map_or("no such claim".to_owned(), Value::to_string);
                let expected = format!("an agent of the tenant in the claim {path}, {of_token}");
                let got = delegate(&|actor| match agents.of(actor.party(), core.initiator) {
                    None => format!("{}, which is not in `agents`", name(actor.party())),
                    Some(_) if actor.kind() == Kind::Human => format!("{}, a human", name(actor.party())),
                    Some(agent) => match agent.tenant() {
                        None => format!("{} of no tenant", name(actor.party())),
                        Some(tenant) => format!("{} of tenant {tenant}", name(actor.party())),
                    },
                });
                (expected, got)
            }
            AgentCondition::NoneUnregistered(agents) => {
                let unknown = read_parties(core).find(|(party, _)| agents.of(party, core.initiator).is_none());
                let got = match unknown {
                    Some((party, kind)) => format!("{} ({kind}), which is not in `agents`", name(party)),
                    None => "none".to_owned(),
                };
                ("no agent that is not in `agents`".to_owned(), got)
            }
        }
    }
}

/// The parties that `unregistered_agents` decides on, with their kinds: an initiator that is a proven agent, and a current actor
/// unless it is a proven human.
fn read_parties<'f>(core: &Core<'f>) -> impl Iterator<Item = (&'f Party, Kind)> {
    let initiator = (core.kind == Kind::Agent).then_some((core.initiator, core.kind));
    let actor = core.delegation.actor().filter(|actor| actor.kind() != Kind::Human);
    initiator
        .into_iter()
        .chain(actor.map(|actor| (actor.party(), actor.kind())))
}

/// Whether the client of the token is this actor. A client is one of the issuer of the token. Where the table has a client or the
/// clients of an actor, it alone decides.
fn is_presenter(agents: &Agents, actor: &Party, core: &Core<'_>) -> bool {
    let Some(client) = core.claims.client() else {
        return false;
    };
    let agent = agents.of(actor, core.initiator);
    match agents.of_client(client, core.initiator) {
        Some(presenter) => agent.is_some_and(|agent| Arc::ptr_eq(agent, presenter)),
        None => {
            let is_by_name = agent.is_none_or(|agent| agent.clients().len() == 0);
            is_by_name && *actor.issuer() == *core.initiator.issuer() && *client == *actor.subject()
        }
    }
}

impl AgentCondition {
    /// The claim with the tenant, which is compared with those of the agents.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        if let AgentCondition::SameTenant(TenantClaim(path), agents) = self {
            reader.claim(path.written(), path.steps(), Need::Comparison);
            agents
                .iter()
                .filter_map(|agent| agent.tenant())
                .for_each(|tenant| reader.text(tenant));
        }
    }

    /// Actors, clients and tenants by the agents of the policy.
    pub(super) fn remedies(&self, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let kind = match kind_of_actor(core) {
            // A human is no agent.
            Kind::Human => Kind::Agent,
            kind => kind,
        };
        let registered = |agents: &Agents, remedies: &mut Remedies<'_>| {
            agents
                .iter()
                .for_each(|agent| remedies.actor(agent.party(core.initiator), kind));
        };
        match self {
            AgentCondition::IsPresenter(agents) => {
                let Some(actor) = core.delegate() else {
                    return remedies.other_actor(core);
                };
                let client = |client: &str, remedies: &mut Remedies<'_>| {
                    let words = format!("client {client}");
                    remedies.add(Fact::Client, change::Value::Text(client.into()), words);
                };
                match agents.of(actor.party(), core.initiator) {
                    Some(agent) if agent.clients().len() > 0 => agent.clients().for_each(|name| client(name, remedies)),
                    _ => client(actor.party().subject(), remedies),
                }
                if let Some(name) = core.claims.client() {
                    let of_table = agents.of_client(name, core.initiator);
                    let own = || Party::new(core.initiator.to_issuer(), name.into());
                    let party = of_table.map_or_else(own, |agent| agent.party(core.initiator));
                    remedies.actor(party, kind_of_actor(core));
                }
            }
            AgentCondition::Registered(agents) => registered(agents, remedies),
            AgentCondition::SameTenant(TenantClaim(path), agents) => {
                registered(agents, remedies);
                let agent = core
                    .delegate()
                    .and_then(|actor| agents.of(actor.party(), core.initiator));
                if let Some(tenant) = agent.and_then(|agent| agent.tenant()) {
                    let words = format!("claim {path} {}", Value::from(tenant));
                    let fact = Fact::Claim(path.to_string().into());
                    remedies.add(fact, change::Value::Json(tenant.into()), words);
                }
            }
            AgentCondition::NoneUnregistered(agents) => {
                let is_unknown = |party: &Party| agents.of(party, core.initiator).is_none();
                if core.kind == Kind::Agent && is_unknown(core.initiator) {
                    let parties = agents.iter().map(|agent| agent.party(core.initiator));
                    parties.for_each(|party| remedies.initiator(party, core.kind));
                    remedies.initiator(core.initiator.clone(), Kind::Human);
                    return;
                }
                registered(agents, remedies);
                if let Some(actor) = core.delegation.actor() {
                    remedies.actor(actor.party().clone(), Kind::Human);
                    remedies.no_actor();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::Policy;
    use crate::policy::testing::{agent, chain, checks_of, code_of, human};

    const AGENTS: &str = "agents:
  - { subject: a1, tenant: T1, clients: [c1, c2] }
  - { subject: a2, tenant: T2 }
  - { subject: a3 }
  - { subject: a4, issuer: https://partner.example, tenant: T1, clients: c4 }
  - { subject: a5, issuer: https://idp.example, clients: c5 }
";

    fn policy(words: &str) -> String {
        format!("{AGENTS}routes: [{{ match: GET /, actor: {{ {words} }} }}]\n")
    }

    fn code(words: &str, claims: Value) -> &'static str {
        code_of(&policy(words), claims)
    }

    fn partner(subject: &str) -> Value {
        json!({"sub": subject, "iss": "https://partner.example", "sub_profile": "ai_agent"})
    }

    #[test]
    fn a_registered_actor_is_one_of_the_agents() {
        let words = "registered: true";
        assert_eq!(code(words, human(agent("a1"))), "allow");
        assert_eq!(code(words, human(agent("a5"))), "allow");
        assert_eq!(code(words, human(partner("a4"))), "allow");
        let denial = "actor_not_registered";
        assert_eq!(code(words, human(agent("x"))), denial);
        assert_eq!(code(words, human(agent("A1"))), denial);
        assert_eq!(code(words, human(agent("a4"))), denial, "of another issuer");
        assert_eq!(code(words, human(partner("a1"))), denial, "of another issuer");
        assert_eq!(code(words, human(chain(&["x", "a1"]))), denial, "a prior actor");
        assert_eq!(code(words, human(Value::Null)), "actor_missing");
        assert_eq!(
            code(words, json!({"sub": "a1", "sub_profile": "ai_agent"})),
            "actor_missing"
        );
        let check = checks_of(&policy(words), human(agent("x"))).pop().unwrap();
        assert_eq!(
            (&*check.rule, &*check.expected, &*check.got),
            ("GET /: actor.registered", "one of the agents of the policy", "x")
        );
    }

    #[test]
    fn a_party_that_is_proven_to_be_human_is_none_of_the_agents() {
        let person = |subject: &str| json!({"sub": subject, "sub_profile": "user"});
        let unknown = |subject: &str| json!({"sub": subject});
        for words in ["registered: true", "same_tenant: tid"] {
            let of = |act: Value| {
                let mut claims = human(act);
                claims["tid"] = json!("T1");
                claims
            };
            assert_eq!(code(words, of(agent("a1"))), "allow", "{words}");
            assert_eq!(code(words, of(unknown("a1"))), "allow", "{words}");
            assert_eq!(code(words, of(person("a1"))), "actor_not_registered", "{words}");
            let check = checks_of(&policy(words), of(person("a1"))).pop().unwrap();
            assert_eq!(check.got, "a1, a human");
        }
        let mut claims = human(person("a1"));
        claims["client_id"] = json!("a1");
        let denial = "actor_not_presenter";
        assert_eq!(
            code("is_presenter: true", claims),
            denial,
            "the clients of the subject are known"
        );
    }

    #[test]
    fn the_tenant_of_the_actor_is_that_of_the_token() {
        let of = |act: Value, tid: Value| {
            let mut claims = human(act);
            if !tid.is_null() {
                claims["tid"] = tid;
            }
            claims
        };
        let words = "same_tenant: tid";
        assert_eq!(code(words, of(agent("a1"), json!("T1"))), "allow");
        assert_eq!(code(words, of(partner("a4"), json!("T1"))), "allow");
        let denial = "actor_tenant_mismatch";
        assert_eq!(code(words, of(agent("a2"), json!("T1"))), denial);
        assert_eq!(code(words, of(agent("a3"), json!("T1"))), denial, "no tenant");
        assert_eq!(code(words, of(agent("a1"), Value::Null)), denial, "no claim");
        assert_eq!(code(words, of(agent("a3"), Value::Null)), denial, "neither");
        for other in [json!("t1"), json!(["T1"]), json!({"T1": 1}), json!(1), json!(true)] {
            assert_eq!(code(words, of(agent("a1"), other.clone())), denial, "{other}");
        }
        assert_eq!(code(words, of(agent("x"), json!("T1"))), "actor_not_registered");
        assert_eq!(code(words, of(Value::Null, json!("T1"))), "actor_missing");
        let mut own = agent("a2");
        own["tid"] = json!("T1");
        assert_eq!(code(words, of(own, json!("T1"))), denial, "a claim within the actor");
        let mut nested = human(agent("a1"));
        nested["org"] = json!({"id": "T1"});
        assert_eq!(code("same_tenant: /org/id", nested), "allow");
        let got = |act: Value| {
            let check = checks_of(&policy(words), of(act, json!("T1"))).pop().unwrap();
            (check.expected, check.got)
        };
        let expected = "an agent of the tenant in the claim tid, \"T1\"".to_owned();
        assert_eq!(got(agent("a2")), (expected.clone(), "a2 of tenant T2".to_owned()));
        assert_eq!(got(agent("a3")), (expected.clone(), "a3 of no tenant".to_owned()));
        assert_eq!(got(agent("x")), (expected, "x, which is not in `agents`".to_owned()));
    }

    #[test]
    fn the_clients_of_an_agent_decide_whether_it_is_the_presenter() {
        let of = |act: Value, client: &str| {
            let mut claims = human(act);
            claims["client_id"] = json!(client);
            code("is_presenter: true", claims)
        };
        let denial = "actor_not_presenter";
        assert_eq!(of(agent("a1"), "c1"), "allow");
        assert_eq!(of(agent("a1"), "c2"), "allow");
        assert_eq!(of(agent("a1"), "a1"), denial, "its clients are known");
        assert_eq!(of(agent("a1"), "c5"), denial, "the client of another agent");
        assert_eq!(
            of(agent("c1"), "c1"),
            denial,
            "the client of another agent, of the same name"
        );
        assert_eq!(of(agent("a2"), "a2"), "allow", "no client of it is known");
        assert_eq!(of(agent("x"), "x"), "allow", "not one of the agents");
        assert_eq!(of(agent("a5"), "c5"), "allow");
        assert_eq!(
            of(partner("a4"), "c4"),
            denial,
            "a client is one of the issuer of the token"
        );
        assert_eq!(of(agent("a4"), "c4"), denial);
        let mut claims = human(agent("a1"));
        assert_eq!(code("is_presenter: true", claims.clone()), denial, "no client");
        claims["client_id"] = json!("a1");
        let check = checks_of(&policy("is_presenter: true"), claims).pop().unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            (
                "an actor whose client is that of the token: c1 or c2",
                "a1, and client a1"
            )
        );
    }

    #[test]
    fn a_rule_that_no_agent_meets_is_a_mistake() {
        let mistake = |text: &str| {
            let mistakes = Policy::from_yaml(text).unwrap_err();
            assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
            mistakes.to_string().replace("\n  help: ", "; ")
        };
        assert_eq!(
            mistake("routes: [{ match: GET /, actor: { registered: true } }]"),
            "1:33: `registered` is met by no actor: the policy has no `agents`; add the agents that you know beside `routes`: \
             `agents: [{ subject: refund-agent }]`"
        );
        assert_eq!(
            mistake("agents: [{ subject: a }]\nroutes: [{ match: GET /, actor: { same_tenant: tid } }]"),
            "2:48: `same_tenant` is met by no actor: no agent in `agents` has a `tenant`; add `tenant` to the agents that act here"
        );
        let help = "write the claim with the tenant, such as `same_tenant: tid`";
        for (claim, message) in [
            ("true", format!("expected a text, not true or false; {help}")),
            ("[tid]", format!("expected a text, not a list; {help}")),
            (
                "claims.tid",
                "`same_tenant` is the name of a claim alone; write `tid`".to_owned(),
            ),
        ] {
            let text = policy(&format!("same_tenant: {claim}"));
            assert_eq!(mistake(&text).split_once(": ").unwrap().1, message);
        }
        assert_eq!(
            mistake(&policy("same_tenant: /act/tid")),
            "7:48: `claims` cannot read `act`; use `actor` for the current actor, `chain` for prior ones"
        );
        let words = "registered: true, one_of: [a1, { issuer: https://other.example, subject: a5 }]";
        assert_eq!(
            mistake(&policy(words)),
            "7:33: `a5 of https://other.example` is in `one_of` and not in `agents`, and so `registered` never accepts it; add it to \
             `agents`, or remove it from `one_of`"
        );
        for words in [
            "registered: false",
            "registered: ~",
            "registered: true, absent: true",
            "same_tenant: ~",
            "same_tenant: act",
            "same_tenant: 'tid*'",
            "same_tenant: ''",
            "same_tenant: tid, absent: true",
            "none_of: [{ registered: true }]",
            "group: g, absent: true",
        ] {
            assert!(Policy::from_yaml(&policy(words)).is_err(), "{words}");
        }
        let unread =
            "agents: [{ subject: 1 }]\nroutes: [{ match: GET /, actor: { registered: true, same_tenant: tid } }]";
        assert!(mistake(unread).starts_with("1:21: "), "one mistake alone");
    }
}
