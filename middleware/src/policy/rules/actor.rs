//! `actor`: the current actor, which is the outermost `act` of the token.

use std::slice;
use std::sync::Arc;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::agent::{self, AgentCondition, AgentWords, TenantName};
use super::finding::Finding;
use super::initiator::InitiatorCondition;
use super::list::{all_in, are_of_issuers, are_of_other_issuers, no_issuer_in, no_party_in, none_in};
use crate::chain::{Actor, Core, Delegation, Party};
use crate::policy::change::{Remedies, kind_of_actor};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::parties::{self, Parties, PartyList, PartyName, shown};
use crate::policy::syntax::{Collector, Conditions, Context, Name, Stated, joined};
use crate::profile::Kind;

/// The help for a wildcard in a list.
#[derive(Clone, Debug)]
struct ActorBlock;

impl parties::Block for ActorBlock {
    const ANY: &'static str = "write `actor: { required: true }` for any actor, `actor: { absent: true }` for none";
}

/// The current actor, who acts for the subject: the outermost `act` of the token. A subject that is its own actor is none.
/// Example: `{ one_of: [refund-agent] }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `actor: { one_of: [VALUE] }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct ActorDocument {
    /// `true`: there is a current actor other than the subject. Denied with `actor_missing`.
    /// Example: `true`
    #[cfg_attr(feature = "schema", schemars(with = "Option<Stated>"))]
    required: Option<bool>,
    /// `true`: there is no actor, the subject itself included. Denied with `actor_present`.
    /// Example: `true`
    #[cfg_attr(feature = "schema", schemars(with = "Option<Stated>"))]
    absent: Option<bool>,
    /// The current actor is of this kind, or of one of a list. Denied with `actor_kind_unknown`, `actor_kind_not_allowed`, or without
    /// an actor `actor_missing`.
    /// Example: `agent`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    kind: Option<OneOrMany<Kind>>,
    /// The current actor is one of these parties. Denied with `actor_not_allowed`, and with `actor_missing` where no party acts for the
    /// initiator: `any_of: [{ actor: { absent: true } }, { actor: { one_of: [a] } }]` accepts that, too.
    /// Example: `[refund-agent]`
    #[serde(default, deserialize_with = "parties::listed::<ActorBlock, _>")]
    one_of: Option<PartyList>,
    /// The current actor is none of these parties. Denied with `actor_not_allowed`.
    /// Example: `[old-agent]`
    #[serde(default, deserialize_with = "parties::listed::<ActorBlock, _>")]
    none_of: Option<PartyList>,
    /// The current actor is a member of this group, or of one of a list. Denied with `actor_not_allowed`, or without an actor
    /// `actor_missing`.
    /// Example: `payments`
    #[serde(default, deserialize_with = "parties::grouped")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<OneOrMany<parties::GroupName>>", extend("x-non-empty" = true)))]
    group: Option<PartyList>,
    /// The current actor is of this issuer, or of one of a list; `same` is that of the token. Denied with
    /// `actor_issuer_not_allowed`.
    /// Example: `same`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    issuer: Option<OneOrMany<Name>>,
    /// The client of the token is the current actor, by its `clients` in `agents` where it has some. A token without a
    /// client is denied. Denied with `actor_not_presenter`.
    /// Example: `true`
    is_presenter: Option<Stated>,
    /// The current actor is one of `agents`. Denied with `actor_not_registered`.
    /// Example: `true`
    registered: Option<Stated>,
    /// The `tenant` of the current actor in `agents` is the text in this claim of the token. Denied with
    /// `actor_not_registered` or `actor_tenant_mismatch`.
    /// Example: `tid`
    same_tenant: Option<Spanned<TenantName>>,
}

impl ActorDocument {
    /// Whether a token without an actor is denied.
    pub(in crate::policy) fn needs_actor(&self) -> bool {
        self.required == Some(true)
            || self.kind.is_some()
            || self.one_of.is_some()
            || self.issuer.is_some()
            || self.group.is_some()
            || self.is_presenter.is_some()
            || self.registered.is_some()
            || self.same_tenant.is_some()
    }

    pub(in crate::policy) fn party_lists(&mut self) -> impl Iterator<Item = &mut PartyList> {
        let lists = [&mut self.one_of, &mut self.none_of, &mut self.group];
        lists.into_iter().flatten()
    }

    pub(in crate::policy) fn is_absent(&self) -> bool {
        self.absent == Some(true)
    }
}

/// With a tag of its own, which costs less to read than one within the conditions.
#[derive(Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::policy) enum ActorCondition {
    /// The initiator is not a human who is their own actor. Part of every requirement.
    NotSelfActor,
    /// No human acts for a machine. Part of every requirement that reads a kind, the actor or the chain.
    NotInverted,
    Required,
    Absent,
    Kind(Box<[Kind]>),
    OneOf(Parties),
    NoneOf(Parties),
    /// The actor is of one of these issuers; `same` is the token's.
    Issuer(Box<[Name]>),
    /// What is known of the actor by the agents of the policy.
    Agent(AgentCondition),
}

pub(super) fn compile(document: &Spanned<ActorDocument>, context: &mut Context<'_>) -> Conditions<ActorCondition> {
    let written = &document.value;
    let (is_required, is_absent) = (written.required == Some(true), written.is_absent());
    for (key, value) in [("required", written.required), ("absent", written.absent)] {
        if value == Some(false) {
            let message = format!("`{key}: false` requires nothing, and the other keys of `actor` require an actor");
            context.mistake(document.span(), message, format!("remove `{key}: false`"));
        }
    }
    if is_absent && written.needs_actor() {
        let message = "an actor cannot be absent and have properties";
        context.mistake(document.span(), message, "remove `absent: true`, or the other keys");
    }
    let (span, one_of, group) = (document.span(), written.one_of.as_ref(), written.group.as_ref());
    for (key, list) in [("one_of", one_of), ("group", group)] {
        parties::contradiction(context, span, key, list, written.none_of.as_ref());
    }
    let words = AgentWords {
        is_presenter: written.is_presenter.is_some(),
        registered: written.registered.is_some(),
        same_tenant: written.same_tenant.as_ref(),
        one_of: written.one_of.as_deref().unwrap_or_default(),
        named: written.one_of.as_ref().map_or(&[], PartyList::written),
        kinds: written.kind.as_deref().unwrap_or_default(),
    };
    let of_agents = agent::compile(span, &words, context);
    let has_tenant = of_agents.iter().any(|(word, _)| **word == *"same_tenant");
    let mut conditions = Collector::new("actor", document.span(), context);
    if written.same_tenant.is_some() && !has_tenant {
        conditions.has_mistake();
    }
    if is_required {
        conditions.add("required", ActorCondition::Required);
    }
    if is_absent {
        conditions.add("absent", ActorCondition::Absent);
    }
    conditions.list("kind", written.kind.as_deref(), ActorCondition::Kind);
    conditions.parties("one_of", written.one_of.as_ref(), ActorCondition::OneOf);
    conditions.parties("none_of", written.none_of.as_ref(), ActorCondition::NoneOf);
    conditions.list("issuer", written.issuer.as_deref(), ActorCondition::Issuer);
    conditions.parties("group", written.group.as_ref(), ActorCondition::OneOf);
    for (word, condition) in of_agents {
        conditions.add(&word, ActorCondition::Agent(condition));
    }
    conditions.finish()
}

impl ActorCondition {
    /// Whether an actor other than the subject is needed.
    pub(in crate::policy) fn needs_actor(&self) -> bool {
        match self {
            ActorCondition::NotSelfActor
            | ActorCondition::NotInverted
            | ActorCondition::Absent
            | ActorCondition::NoneOf(_)
            | ActorCondition::Agent(AgentCondition::NoneUnregistered(_)) => false,
            ActorCondition::Required
            | ActorCondition::Kind(_)
            | ActorCondition::OneOf(_)
            | ActorCondition::Issuer(_)
            | ActorCondition::Agent(_) => true,
        }
    }

    /// The parties one of which the actor has to be.
    pub(in crate::policy) fn listed(&self) -> Option<&[PartyName]> {
        match self {
            ActorCondition::OneOf(listed) => Some(listed),
            _ => None,
        }
    }

    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &ActorCondition) -> bool {
        match (self, other) {
            (one, ActorCondition::Required) => one.needs_actor(),
            (ActorCondition::Absent, ActorCondition::NoneOf(_)) => true,
            (ActorCondition::Kind(one), ActorCondition::Kind(other)) => all_in(one, other),
            (ActorCondition::OneOf(one), ActorCondition::OneOf(other)) => all_in(one, other),
            (ActorCondition::OneOf(one), ActorCondition::NoneOf(other)) => no_party_in(one, other),
            (ActorCondition::OneOf(listed), ActorCondition::Issuer(issuers)) => are_of_issuers(listed, issuers),
            (ActorCondition::NoneOf(one), ActorCondition::NoneOf(other)) => all_in(other, one),
            (ActorCondition::Issuer(one), ActorCondition::Issuer(other)) => all_in(one, other),
            (ActorCondition::Agent(AgentCondition::IsPresenter(_)), ActorCondition::Issuer(issuers)) => {
                issuers.iter().any(|issuer| **issuer == *"same")
            }
            (one, other) => one == other,
        }
    }

    /// Whether nothing meets both conditions, as far as that is known.
    pub(in crate::policy) fn excludes(&self, other: &ActorCondition) -> bool {
        match (self, other) {
            (ActorCondition::Absent, other) | (other, ActorCondition::Absent) => other.needs_actor(),
            (ActorCondition::Kind(one), ActorCondition::Kind(other)) => none_in(one, other),
            (ActorCondition::OneOf(one), ActorCondition::OneOf(other)) => no_party_in(one, other),
            (ActorCondition::OneOf(listed), ActorCondition::NoneOf(excluded))
            | (ActorCondition::NoneOf(excluded), ActorCondition::OneOf(listed)) => all_in(listed, excluded),
            (ActorCondition::Issuer(one), ActorCondition::Issuer(other)) => no_issuer_in(one, other),
            // A human is no agent.
            (
                ActorCondition::Kind(kinds),
                ActorCondition::Agent(AgentCondition::Registered(_) | AgentCondition::SameTenant(..)),
            )
            | (
                ActorCondition::Agent(AgentCondition::Registered(_) | AgentCondition::SameTenant(..)),
                ActorCondition::Kind(kinds),
            ) => **kinds == [Kind::Human],
            (ActorCondition::OneOf(listed), ActorCondition::Issuer(issuers))
            | (ActorCondition::Issuer(issuers), ActorCondition::OneOf(listed)) => are_of_other_issuers(listed, issuers),
            _ => false,
        }
    }

    /// Whether nothing meets both conditions, as far as that is known. The initiator is no actor, and no human acts for a machine.
    pub(in crate::policy) fn excludes_initiator(&self, initiator: &InitiatorCondition) -> bool {
        match (self, initiator) {
            (ActorCondition::Kind(actors), InitiatorCondition::Kind(initiators)) => {
                **actors == [Kind::Human] && !initiators.contains(&Kind::Human)
            }
            (ActorCondition::OneOf(actors), InitiatorCondition::OneOf(initiators)) => initiators
                .iter()
                .all(|initiator| actors.iter().all(|actor| actor.is_always(initiator))),
            _ => false,
        }
    }

    /// Whether a current actor of this name does not meet the condition, as far as that is known.
    pub(super) fn refuses(&self, name: &PartyName) -> bool {
        match self {
            ActorCondition::OneOf(listed) => !listed.iter().any(|listed| listed.may_be(name)),
            ActorCondition::NoneOf(excluded) => excluded.contains(name),
            ActorCondition::Issuer(issuers) => are_of_other_issuers(slice::from_ref(name), issuers),
            _ => false,
        }
    }

    #[inline(always)]
    pub(super) fn is_met(&self, core: &Core<'_>) -> bool {
        let is_listed = |listed: &[PartyName], actor: &Actor| parties::contains(listed, actor.party(), core.initiator);
        match self {
            ActorCondition::NotSelfActor => {
                core.kind != Kind::Human || !matches!(core.delegation, Delegation::SelfActor(_))
            }
            ActorCondition::NotInverted => {
                let is_machine = matches!(core.kind, Kind::Agent | Kind::Service);
                let acts = |actor: &Actor| actor.kind() == Kind::Human;
                !(is_machine && core.delegate().is_some_and(acts))
            }
            ActorCondition::Required => core.delegate().is_some(),
            ActorCondition::Absent => core.delegation.actor().is_none(),
            ActorCondition::Kind(kinds) => core.delegate().is_some_and(|actor| kinds.contains(&actor.kind())),
            ActorCondition::OneOf(listed) => core.delegate().is_some_and(|actor| is_listed(listed, actor)),
            ActorCondition::NoneOf(listed) => !core.delegation.actor().is_some_and(|actor| is_listed(listed, actor)),
            ActorCondition::Issuer(issuers) => {
                let is_of_issuer = |actor: &Actor| parties::is_of_issuer(issuers, actor.party(), core.initiator);
                core.delegate().is_some_and(is_of_issuer)
            }
            ActorCondition::Agent(condition) => matches!(condition.evaluate(core), Finding::Met),
        }
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        // Acting for oneself is no delegation: it satisfies no rule on the actor.
        let unless_missing = |code| Finding::Unmet(core.delegate().map_or("actor_missing", |_| code));
        match self {
            ActorCondition::Agent(condition) => condition.evaluate(core),
            _ if self.is_met(core) => Finding::Met,
            ActorCondition::NotSelfActor => Finding::Unmet("self_actor"),
            ActorCondition::NotInverted => Finding::Unmet("chain_inverted"),
            ActorCondition::Required => Finding::Unmet("actor_missing"),
            ActorCondition::Absent => Finding::Unmet("actor_present"),
            ActorCondition::Kind(_) => match core.delegate().map(Actor::kind) {
                Some(Kind::Unknown) => Finding::Unmet("actor_kind_unknown"),
                _ => unless_missing("actor_kind_not_allowed"),
            },
            ActorCondition::OneOf(_) => unless_missing("actor_not_allowed"),
            ActorCondition::NoneOf(_) => Finding::Unmet("actor_not_allowed"),
            ActorCondition::Issuer(_) => unless_missing("actor_issuer_not_allowed"),
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let expected = match self {
            ActorCondition::NotSelfActor => "no human as their own actor".to_owned(),
            ActorCondition::NotInverted => "no human who acts for a machine".to_owned(),
            ActorCondition::Required => "an actor".to_owned(),
            ActorCondition::Absent => "no actor".to_owned(),
            ActorCondition::Kind(kinds) => joined(kinds, " or "),
            ActorCondition::OneOf(listed) => format!("one of {}", joined(listed.iter(), ", ")),
            ActorCondition::NoneOf(listed) => format!("none of {}", joined(listed.iter(), ", ")),
            ActorCondition::Issuer(issuers) => format!("an actor of issuer {}", joined(issuers, " or ")),
            ActorCondition::Agent(condition) => return condition.explain(core),
        };
        let got = match (self, core.delegation) {
            (_, Delegation::None) => "no actor".to_owned(),
            (ActorCondition::NotInverted, Delegation::Delegated(actor)) => {
                let actor = format!("{} ({})", shown(actor.party(), core.initiator), actor.kind());
                format!("{actor} for {} ({})", core.initiator.subject(), core.kind)
            }
            (ActorCondition::Kind(_), Delegation::Delegated(actor)) => actor.kind().to_string(),
            (_, Delegation::SelfActor(actor)) => format!("{}, for itself", shown(actor.party(), core.initiator)),
            (_, Delegation::Delegated(actor)) => shown(actor.party(), core.initiator),
        };
        (expected, got)
    }
}

impl ActorCondition {
    /// Other actors and kinds, none, and where a party acts for itself, another initiator.
    pub(super) fn remedies(&self, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let kind = kind_of_actor(core);
        match self {
            ActorCondition::NotSelfActor => {
                remedies.no_actor();
                remedies.other_actor(core);
                remedies.other_initiator(core);
                remedies.initiator(core.initiator.clone(), Kind::Agent);
                return;
            }
            ActorCondition::NotInverted => {
                remedies.initiator(core.initiator.clone(), Kind::Human);
                if let Some(actor) = core.delegate() {
                    remedies.actor(actor.party().clone(), Kind::Agent);
                    // A machine that acts for itself.
                    remedies.wide(|remedies| {
                        remedies.initiator(actor.party().clone(), core.kind);
                        remedies.actor(core.initiator.clone(), actor.kind());
                    });
                }
                remedies.no_actor();
                return;
            }
            ActorCondition::Required => remedies.other_actor(core),
            ActorCondition::Absent => return remedies.no_actor(),
            ActorCondition::Kind(kinds) => {
                for kind in kinds {
                    match core.delegate() {
                        Some(actor) => remedies.actor(actor.party().clone(), *kind),
                        None => {
                            remedies.other_actor(core);
                            break;
                        }
                    }
                }
            }
            ActorCondition::OneOf(listed) => {
                listed
                    .iter()
                    .for_each(|name| remedies.actor(name.party(core.initiator), kind));
            }
            ActorCondition::NoneOf(_) => {
                remedies.other_actor(core);
                remedies.no_actor();
            }
            ActorCondition::Issuer(issuers) => match core.delegate() {
                None => remedies.other_actor(core),
                Some(actor) => {
                    for issuer in issuers {
                        let issuer = match &**issuer {
                            "same" => core.initiator.to_issuer(),
                            issuer => Arc::from(issuer),
                        };
                        remedies.actor(Party::new(issuer, actor.party().subject().into()), kind);
                    }
                }
            },
            ActorCondition::Agent(condition) => condition.remedies(core, remedies),
        }
        remedies.delegation(core);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::testing::{agent, chain, checks, code, human};

    #[test]
    fn a_human_who_is_their_own_actor_is_denied_by_every_requirement() {
        assert_eq!(
            code("scopes: { none_of: [x] }", human(json!({"sub": "u1"}))),
            "self_actor"
        );
        assert_eq!(
            code(
                "scopes: { none_of: [x] }",
                human(json!({"sub": "u1", "iss": "https://other.example"}))
            ),
            "allow"
        );
    }

    #[test]
    fn acting_for_oneself_is_no_delegation() {
        let bot = json!({"sub": "bot", "sub_profile": "ai_agent", "act": {"sub": "bot", "sub_profile": "ai_agent"}});
        assert_eq!(code("initiator: { kind: agent }", bot.clone()), "allow");
        for body in [
            "actor: { required: true }",
            "actor: { kind: agent }",
            "actor: { one_of: [bot] }",
            "actor: { issuer: same }",
            "actor: { is_presenter: true }",
        ] {
            assert_eq!(code(body, bot.clone()), "actor_missing", "{body}");
        }
        assert_eq!(code("actor: { absent: true }", bot.clone()), "actor_present");
        assert_eq!(code("actor: { none_of: [bot] }", bot), "actor_not_allowed");
    }

    #[test]
    fn the_presenter_is_the_current_actor_or_the_token_is_denied() {
        let body = "actor: { is_presenter: true }";
        let by = |client: Value, act: Value| {
            let mut claims = human(act);
            claims["client_id"] = client;
            claims
        };
        assert_eq!(code(body, by(json!("a1"), agent("a1"))), "allow");
        let denial = "actor_not_presenter";
        assert_eq!(code(body, by(json!("worker"), agent("caller"))), denial);
        assert_eq!(code(body, human(agent("a1"))), denial, "no client");
        assert_eq!(code(body, by(json!("A1"), agent("a1"))), denial);
        assert_eq!(
            code(body, by(json!("a1"), chain(&["a2", "a1"]))),
            denial,
            "a prior actor"
        );
        let foreign = json!({"sub": "a1", "iss": "https://partner.example"});
        assert_eq!(code(body, by(json!("a1"), foreign)), denial);
        let with_own = json!({"sub": "a1", "client_id": "c1"});
        assert_eq!(
            code(body, by(json!("c1"), with_own)),
            denial,
            "a client within the actor"
        );
        assert_eq!(code(body, by(json!("a1"), Value::Null)), "actor_missing");
        let check = checks(body, by(json!("worker"), agent("caller"))).pop().unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            ("an actor that is the client of the token", "caller, and client worker")
        );
        for mistake in [
            "is_presenter: false",
            "is_presenter: true, absent: true",
            "is_presenter: ~",
        ] {
            let text = format!("routes: [{{ match: GET /, actor: {{ {mistake} }} }}]");
            assert!(crate::Policy::from_yaml(&text).is_err(), "{mistake}");
        }
    }

    #[test]
    fn a_human_who_acts_for_a_machine_is_denied_wherever_a_kind_the_actor_or_the_chain_is_read() {
        let inverted = |machine: &str| {
            let person = json!({"sub": "alice", "sub_profile": "user"});
            json!({"sub": "bot", "sub_profile": machine, "act": person})
        };
        for body in [
            "initiator: { kind: [human, agent, service] }",
            "initiator: { kind: human }",
            "actor: { required: true }",
            "actor: { absent: true }",
            "actor: { kind: human }",
            "actor: { one_of: [alice] }",
            "actor: { none_of: [x] }",
            "actor: { issuer: same }",
            "chain: { max_depth: 2 }",
            "chain: { all_of: [alice] }",
            "chain: { none_of: [x] }",
            "any_of: [{ client: { one_of: [c] } }, { initiator: { kind: agent } }]",
            "any_of: [{ any_of: [{ actor: { required: true } }] }]",
        ] {
            for machine in ["ai_agent", "service"] {
                let mut claims = inverted(machine);
                claims["client_id"] = json!("c");
                assert_eq!(code(body, claims), "chain_inverted", "{body}");
            }
        }
        for body in [
            "scopes: { none_of: [x] }",
            "client: { one_of: [c] }",
            "claims: { tid: T1 }",
            "initiator: { one_of: [bot] }",
            "initiator: { amr: [mfa] }",
            "any_of: [{ client: { one_of: [c] } }]",
        ] {
            let mut claims = inverted("ai_agent");
            claims["client_id"] = json!("c");
            claims["tid"] = json!("T1");
            claims["amr"] = json!(["mfa"]);
            assert_eq!(code(body, claims), "allow", "{body}");
        }
    }

    #[test]
    fn only_a_proven_machine_with_another_proven_human_is_inverted() {
        let body = "actor: { required: true }";
        let person = || json!({"sub": "alice", "sub_profile": "user"});
        assert_eq!(code(body, human(person())), "allow", "a person for a person");
        assert_eq!(
            code(body, json!({"act": person()})),
            "allow",
            "an initiator of unknown kind"
        );
        let bot = |act: Value| json!({"sub": "bot", "sub_profile": "ai_agent", "act": act});
        assert_eq!(
            code(body, bot(json!({"sub": "x"}))),
            "allow",
            "an actor of unknown kind"
        );
        assert_eq!(code(body, bot(agent("other"))), "allow");
        let mut prior = agent("other");
        prior["act"] = person();
        assert_eq!(code(body, bot(prior)), "allow", "a prior actor");
        let own = json!({"sub": "bot", "sub_profile": "user"});
        assert_eq!(code(body, bot(own)), "actor_missing", "its own actor");
    }

    #[test]
    fn an_inverted_chain_comes_after_scopes_and_before_other_rules() {
        let person = json!({"sub": "alice", "sub_profile": "user"});
        let bot = json!({"sub": "bot", "sub_profile": "ai_agent", "act": person});
        let body = "scopes: [a]\n    initiator: { kind: human }";
        assert_eq!(code(body, bot.clone()), "insufficient_scope");
        let checks = checks(body, bot);
        let [_, _, check, kind] = &checks[..] else {
            panic!("{checks:?}")
        };
        assert_eq!(&*check.rule, "GET /: chain_inverted");
        assert_eq!(check.expected, "no human who acts for a machine");
        assert_eq!(check.got, "alice (human) for bot (agent)");
        assert_eq!(kind.code, Some("initiator_not_human"));
    }

    #[test]
    fn the_current_actor_is_a_pair_compared_byte_for_byte() {
        let body = "actor: { one_of: [billing-bot] }";
        assert_eq!(code(body, human(agent("billing-bot"))), "allow");
        for name in [
            "Billing-bot",
            "billing-bot ",
            "billing-bo",
            "billing-bot,x",
            "billing‑bot",
        ] {
            assert_eq!(code(body, human(agent(name))), "actor_not_allowed", "{name}");
        }
        assert_eq!(
            code(
                body,
                human(json!({"sub": "billing-bot", "iss": "https://evil.example"}))
            ),
            "actor_not_allowed"
        );
        assert_eq!(code(body, human(chain(&["other", "billing-bot"]))), "actor_not_allowed");
        assert_eq!(code(body, human(Value::Null)), "actor_missing");
        let pair = "actor: { one_of: [{ issuer: 'https://partner.example', subject: bot }] }";
        assert_eq!(
            code(pair, human(json!({"sub": "bot", "iss": "https://partner.example"}))),
            "allow"
        );
        assert_eq!(code(pair, human(agent("bot"))), "actor_not_allowed");
        assert_eq!(
            code(
                "actor: { issuer: same }",
                human(json!({"sub": "bot", "iss": "https://partner.example"}))
            ),
            "actor_issuer_not_allowed"
        );
        assert_eq!(
            code(
                "actor: { kind: agent }",
                human(json!({"sub": "adm7", "sub_profile": "user"}))
            ),
            "actor_kind_not_allowed"
        );
        assert_eq!(
            code("actor: { kind: agent }", human(json!({"sub": "x"}))),
            "actor_kind_unknown"
        );
    }

    #[test]
    fn the_kind_of_a_party_that_is_its_own_actor_is_not_shown_as_that_of_an_actor() {
        let claims = json!({"sub": "b", "sub_profile": "ai_agent", "act": {"sub": "b", "sub_profile": "ai_agent"}});
        let checks = crate::policy::testing::checks("any_of: [{ actor: { kind: agent } }]", claims);
        let kind = checks.last().unwrap().alternatives[0].last().unwrap();
        assert_eq!((&*kind.expected, &*kind.got), ("agent", "b, for itself"));
        assert_eq!(kind.code, Some("actor_missing"));
    }
}
