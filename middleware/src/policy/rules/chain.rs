//! `chain`: every actor of the token, prior ones included. Local policy beyond RFC 8693 section 4.1, which only denies.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::members::{Members, MembersTest, listing};
use super::prior::{self, PriorDocument, PriorTest};
use crate::chain::{Actor, History};
use crate::policy::parties::{self, Parties, PartyList, PartyName, shown};
use crate::policy::syntax::{Collector, Conditions, Context, Name, joined};
use crate::profile::Kind;

/// The help for a wildcard in a list.
#[derive(Clone, Debug)]
struct ChainBlock;

impl parties::Block for ChainBlock {
    const ANY: &'static str = "leave the list out for any chain, or write `chain: { max_depth: 0 }` for no actor";
}

/// Every actor of the token, the prior ones included. It is local policy beyond RFC 8693 section 4.1, can only deny, and
/// needs `prior_actors: enforce` of the issuer.
/// Example: `{ max_depth: 2 }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `chain: { max_depth: 2 }` or `chain: { all_of: [VALUE] }`"
)]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct ChainDocument {
    /// There are at most so many actors. Denied with `chain_too_deep`.
    /// Example: `2`
    pub(in crate::policy) max_depth: Option<u32>,
    /// Every actor is one of these parties. Denied with `chain_actor_not_allowed`.
    /// Example: `[planner, refund-agent]`
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    all_of: Option<PartyList>,
    /// At least one actor is one of these parties. Denied with `chain_actor_missing`.
    /// Example: `[gateway-eu, gateway-asia]`
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    any_of: Option<PartyList>,
    /// No actor, nor the subject, is one of these parties. Denied with `chain_actor_not_allowed`.
    /// Example: `[revoked-agent]`
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    none_of: Option<PartyList>,
    /// Every actor is of this kind, or of one of a list. Denied with `chain_actor_kind_unknown` or
    /// `chain_actor_kind_not_allowed`.
    /// Example: `agent`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    kinds: Option<OneOrMany<Kind>>,
    /// Every actor is of this issuer, or of one of a list; `same` is that of the token. Denied with
    /// `actor_issuer_not_allowed`.
    /// Example: `same`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    issuers: Option<OneOrMany<Name>>,
    /// Each of these parties is an actor, in any order. Denied with `chain_actor_missing`.
    /// Example: `[reviewer]`
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    via: Option<PartyList>,
    /// The oldest actors are these parties, the oldest first. Denied with `chain_start_not_allowed`.
    /// Example: `[orchestrator]`
    #[serde(default, deserialize_with = "parties::without_groups::<ChainBlock, _>")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<OrderedParties>"))]
    starts_with: Option<PartyList>,
    /// The actors are exactly these parties, the oldest first. Denied with `chain_path_not_allowed`.
    /// Example: `[orchestrator, planner, refund-agent]`
    #[serde(default, deserialize_with = "parties::without_groups::<ChainBlock, _>")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<OrderedParties>"))]
    path: Option<PartyList>,
    /// The actor before the current one is one of these parties. Denied with `chain_caller_not_allowed`.
    /// Example: `[planner]`
    #[serde(default, deserialize_with = "parties::listed::<ChainBlock, _>")]
    called_by: Option<PartyList>,
    /// Which repetitions of an actor are accepted. Denied with `chain_actor_repeated`.
    /// Example: `none`
    repeats: Option<Repeats>,
    prior: Option<Spanned<PriorDocument>>,
    /// `true`: the rules accept a chain from which the issuer dropped actors.
    /// Example: `true`
    #[serde(default)]
    accept_truncation: bool,
}

/// Which repetitions of an actor are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Repeats {
    /// No actor is in the chain twice.
    None,
    /// No actor is in the chain twice in a row.
    NotAdjacent,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct ChainCondition {
    pub(in crate::policy) truncation: Truncation,
    pub(super) test: ChainTest,
}

/// Whether a chain from which the issuer dropped prior actors evades the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// It can, and so the issuer's chain must be complete.
    Refused,
    /// It can, and the policy accepts that: `accept_truncation: true`.
    Accepted,
    /// It cannot: what meets the rule with fewer actors meets it with all of them.
    Harmless,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ChainTest {
    /// At most so many `act` objects.
    MaxDepth(usize),
    /// What each actor is, or at least one.
    Members(MembersTest),
    /// No party, the initiator included, is one of these.
    NoneOf(Parties),
    /// Each of these is one of the actors.
    Via(Parties),
    /// The oldest actors are these, the oldest first.
    StartsWith(Parties),
    /// The actors are exactly these, the oldest first.
    Path(Parties),
    /// The actor before the current one is one of these.
    CalledBy(Parties),
    Repeats(Repeats),
    Prior(PriorTest),
}

const MEMBERS: Members = Members {
    one: "actor",
    not_allowed: "chain_actor_not_allowed",
    missing: "chain_actor_missing",
    kind_unknown: "chain_actor_kind_unknown",
    kind_not_allowed: "chain_actor_kind_not_allowed",
};

pub(super) fn compile(document: &Spanned<ChainDocument>, context: &mut Context<'_>) -> Conditions<ChainCondition> {
    let written = &document.value;
    document.value.check(document, context);
    let prior = written.prior.as_ref().map(|prior| prior::compile(prior, context));
    let members = |test: fn(Parties) -> MembersTest| move |listed| ChainTest::Members(test(listed));
    let mut tests = Collector::new("chain", document.span(), context);
    if let Some(depth) = written.max_depth {
        tests.add("max_depth", ChainTest::MaxDepth(depth as usize));
    }
    tests.parties("all_of", written.all_of.as_ref(), members(MembersTest::AllOf));
    tests.parties("any_of", written.any_of.as_ref(), members(MembersTest::AnyOf));
    tests.parties("none_of", written.none_of.as_ref(), ChainTest::NoneOf);
    tests.list("kinds", written.kinds.as_deref(), |kinds| {
        ChainTest::Members(MembersTest::Kinds(kinds))
    });
    tests.list("issuers", written.issuers.as_deref(), |issuers| {
        ChainTest::Members(MembersTest::Issuers(issuers))
    });
    tests.parties("via", written.via.as_ref(), ChainTest::Via);
    tests.parties("starts_with", written.starts_with.as_ref(), ChainTest::StartsWith);
    tests.parties("path", written.path.as_ref(), ChainTest::Path);
    tests.parties("called_by", written.called_by.as_ref(), ChainTest::CalledBy);
    if let Some(repeats) = written.repeats {
        tests.add("repeats", ChainTest::Repeats(repeats));
    }
    let is_prior_wrong = prior.as_ref().is_some_and(Vec::is_empty);
    for (word, test) in prior.into_iter().flatten() {
        tests.add(&format!("prior.{word}"), ChainTest::Prior(test));
    }
    let tests = match is_prior_wrong {
        // Its mistake is reported.
        true => return Vec::new(),
        false => tests.finish(),
    };
    let evaded = |test: &ChainTest| !test.is_met_by_more();
    if written.accept_truncation && !tests.is_empty() && !tests.iter().any(|(_, test)| evaded(test)) {
        let message = "`accept_truncation` has no effect: a chain with fewer actors evades none of these rules";
        context.mistake(document.span(), message, "remove it");
    }
    let conditions = tests.into_iter().map(|(word, test)| {
        let truncation = match (test.is_met_by_more(), written.accept_truncation) {
            (true, _) => Truncation::Harmless,
            (false, true) => Truncation::Accepted,
            (false, false) => Truncation::Refused,
        };
        (word, ChainCondition { truncation, test })
    });
    conditions.collect()
}

impl ChainDocument {
    pub(in crate::policy) fn party_lists(&mut self) -> impl Iterator<Item = &mut PartyList> {
        let lists = [
            &mut self.all_of,
            &mut self.any_of,
            &mut self.none_of,
            &mut self.via,
            &mut self.starts_with,
            &mut self.path,
            &mut self.called_by,
        ];
        let prior = self.prior.iter_mut().flat_map(|prior| prior.value.party_lists());
        lists.into_iter().flatten().chain(prior)
    }

    /// Reports lists that contradict each other, and rules that no chain meets.
    fn check(&self, document: &Spanned<ChainDocument>, context: &mut Context<'_>) {
        let span = document.span();
        let lists = [
            ("all_of", &self.all_of),
            ("any_of", &self.any_of),
            ("via", &self.via),
            ("starts_with", &self.starts_with),
            ("path", &self.path),
            ("called_by", &self.called_by),
        ];
        for (key, list) in lists {
            parties::contradiction(context, span, key, list.as_ref(), self.none_of.as_ref());
        }
        if self.path.is_some() {
            let others = lists.into_iter().filter(|(key, _)| *key != "path");
            let others = others.filter_map(|(key, list)| list.is_some().then_some(key));
            let depth = self.max_depth.map(|_| "max_depth");
            let repeats = self.repeats.map(|_| "repeats");
            for key in others.chain(depth).chain(repeats) {
                let message = format!("`path` names every actor, and `{key}` is another rule on them");
                context.mistake(span, message, format!("remove `{key}`, or write it in place of `path`"));
            }
            return;
        }
        if let (Some(most), Some((word, least))) = (self.max_depth, self.least_depth())
            && (most as usize) < least
        {
            let actors = if least == 1 {
                "1 actor"
            } else {
                &format!("{least} actors")
            };
            let message = format!("no chain meets `max_depth: {most}` and `{word}`, which needs at least {actors}");
            context.mistake(span, message, format!("raise `max_depth`, or remove `{word}`"));
        }
        for (key, list) in [("via", &self.via), ("starts_with", &self.starts_with)] {
            let (Some(list), Some(all_of)) = (list, &self.all_of) else {
                continue;
            };
            let is_outside = |name: &&PartyName| !all_of.iter().any(|accepted| accepted.may_be(name));
            if let Some(name) = list.iter().find(is_outside) {
                let message = format!("`{name}` is in `{key}` and not in `all_of`, so that no chain meets both");
                context.mistake(span, message, format!("add it to `all_of`, or remove it from `{key}`"));
            }
        }
    }

    /// The word that needs the most actors, and how many.
    pub(in crate::policy) fn least_depth(&self) -> Option<(&'static str, usize)> {
        let distinct = |list: &PartyList| {
            let repeated = |(index, name): &(usize, &PartyName)| list[..*index].contains(name);
            list.len() - list.iter().enumerate().filter(repeated).count()
        };
        let of_prior = self.prior.as_ref().and_then(|prior| prior.value.requires_one());
        let needs = [
            self.path.as_ref().map(|list| ("path", list.len())),
            self.any_of.as_ref().map(|_| ("any_of", 1)),
            self.via.as_ref().map(|list| ("via", distinct(list))),
            self.starts_with.as_ref().map(|list| ("starts_with", list.len())),
            self.called_by.as_ref().map(|_| ("called_by", 2)),
            of_prior.map(|word| (word, 2)),
        ];
        needs.into_iter().flatten().max_by_key(|(_, least)| *least)
    }
}

impl ChainTest {
    /// Whether a chain that meets the test meets it with further actors anywhere in it. Then a chain without some of its actors
    /// meets the test only if the whole one does.
    fn is_met_by_more(&self) -> bool {
        match self {
            ChainTest::Via(_)
            | ChainTest::Members(MembersTest::AnyOf(_))
            | ChainTest::Prior(PriorTest::Members(MembersTest::AnyOf(_))) => true,
            // An actor that is dropped is not counted and not compared, or another one takes its place.
            ChainTest::MaxDepth(_)
            | ChainTest::Members(_)
            | ChainTest::NoneOf(_)
            | ChainTest::StartsWith(_)
            | ChainTest::Path(_)
            | ChainTest::CalledBy(_)
            | ChainTest::Repeats(_)
            | ChainTest::Prior(_) => false,
        }
    }
}

impl ChainCondition {
    /// The code of the denial, unless the chain meets the condition.
    pub(in crate::policy) fn evaluate(&self, history: &History<'_>) -> Option<&'static str> {
        let initiator = history.initiator;
        let is = |name: &PartyName, actor: &Actor| name.is(actor.party(), initiator);
        let mut oldest_first = history.actors().rev();
        let mut begins_with = |listed: &[PartyName]| {
            let mut listed = listed.iter();
            listed.all(|name| oldest_first.next().is_some_and(|actor| is(name, actor)))
        };
        let (met, code) = match &self.test {
            ChainTest::MaxDepth(most) => (history.depth() <= *most, "chain_too_deep"),
            ChainTest::Members(test) => return test.evaluate(history.actors(), initiator, &MEMBERS),
            ChainTest::NoneOf(listed) => {
                let mut parties = history.actors().map(Actor::party).chain([initiator]);
                let is_listed = parties.any(|party| parties::contains(listed, party, initiator));
                (!is_listed, MEMBERS.not_allowed)
            }
            ChainTest::Via(listed) => {
                let is_there = |name: &PartyName| history.actors().any(|actor| is(name, actor));
                (listed.iter().all(is_there), MEMBERS.missing)
            }
            ChainTest::StartsWith(listed) => (begins_with(listed), "chain_start_not_allowed"),
            ChainTest::Path(listed) => {
                let met = begins_with(listed) && history.depth() == listed.len();
                (met, "chain_path_not_allowed")
            }
            ChainTest::CalledBy(listed) => {
                let caller = history.prior.first();
                let met = caller.is_some_and(|actor| parties::contains(listed, actor.party(), initiator));
                (met, "chain_caller_not_allowed")
            }
            ChainTest::Repeats(accepted) => (!accepted.are_exceeded(history), "chain_actor_repeated"),
            ChainTest::Prior(test) => return test.evaluate(history),
        };
        (!met).then_some(code)
    }

    pub(super) fn explain(&self, history: &History<'_>) -> (String, String) {
        (self.test.expected(), self.test.got(history))
    }
}

impl ChainTest {
    fn expected(&self) -> String {
        match self {
            ChainTest::MaxDepth(1) => "at most 1 actor".to_owned(),
            ChainTest::MaxDepth(most) => format!("at most {most} actors"),
            ChainTest::Members(test) => test.expected(&MEMBERS),
            ChainTest::NoneOf(listed) => format!("no party of {}", joined(listed.iter(), ", ")),
            ChainTest::Via(listed) => format!("an actor {}", joined(listed.iter(), ", and an actor ")),
            ChainTest::StartsWith(listed) => format!("a chain that begins {}", joined(listed.iter(), " → ")),
            ChainTest::Path(listed) => format!("exactly {}", joined(listed.iter(), " → ")),
            ChainTest::CalledBy(listed) => format!(
                "an actor before the current one, one of {}",
                joined(listed.iter(), ", ")
            ),
            ChainTest::Repeats(Repeats::None) => "no actor twice".to_owned(),
            ChainTest::Repeats(Repeats::NotAdjacent) => "no actor twice in a row".to_owned(),
            ChainTest::Prior(test) => test.expected(),
        }
    }

    fn got(&self, history: &History<'_>) -> String {
        let shown = |actor: &Actor| shown(actor.party(), history.initiator);
        match self {
            ChainTest::Members(test) => test.got(history.actors(), history.initiator, &MEMBERS),
            ChainTest::Prior(test) => test.got(history),
            ChainTest::CalledBy(_) => history.prior.first().map_or("no prior actor".to_owned(), shown),
            ChainTest::StartsWith(_) | ChainTest::Path(_) if history.depth() > 0 => {
                let names: Vec<String> = history.actors().rev().map(shown).collect();
                names.join(" → ")
            }
            ChainTest::MaxDepth(_)
            | ChainTest::NoneOf(_)
            | ChainTest::Via(_)
            | ChainTest::StartsWith(_)
            | ChainTest::Path(_)
            | ChainTest::Repeats(_) => listing(history.actors().map(shown).collect(), MEMBERS.one),
        }
    }
}

impl Repeats {
    fn are_exceeded(self, history: &History<'_>) -> bool {
        let parties = || history.actors().map(Actor::party);
        match self {
            Repeats::None => parties()
                .enumerate()
                .any(|(index, party)| parties().take(index).any(|other| other == party)),
            Repeats::NotAdjacent => parties().zip(parties().skip(1)).any(|(one, next)| one == next),
        }
    }
}

/// A list of parties without groups, as it is written where the order counts.
#[cfg(feature = "schema")]
struct OrderedParties;

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A list of parties.
    OrderedParties = "OrderedParties", { "type": "array", "minItems": 1, "items": generator.subschema_for::<parties::PartyName>() };
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Truncation;
    use crate::policy::Policy;
    use crate::policy::testing::{agent, chain, checks, code, human, requirement};

    fn of(body: &str, names: &[&str]) -> &'static str {
        code(&format!("chain: {{ {body} }}"), human(chain(names)))
    }

    #[test]
    fn rules_on_the_chain_read_every_party_in_it() {
        let depth = "max_depth: 2";
        assert_eq!(of(depth, &["b", "a"]), "allow");
        assert_eq!(of(depth, &["c", "b", "a"]), "chain_too_deep");
        assert_eq!(of("all_of: [a, b]", &["b", "a"]), "allow");
        assert_eq!(of("all_of: [a, b]", &["b", "x"]), "chain_actor_not_allowed");
        assert_eq!(of("none_of: [x]", &["b", "a", "x"]), "chain_actor_not_allowed");
        assert_eq!(of("none_of: [u1]", &["a"]), "chain_actor_not_allowed");
    }

    #[test]
    fn an_incomplete_chain_meets_no_rule() {
        for body in [
            "max_depth: 9",
            "all_of: [b, a]",
            "any_of: [a]",
            "none_of: [x]",
            "kinds: agent",
            "issuers: same",
            "via: [a]",
            "starts_with: [a]",
            "path: [a, b]",
            "called_by: [a]",
            "repeats: none",
            "prior: { all_of: [a] }",
        ] {
            let mut claims = human(chain(&["b", "a"]));
            let body = format!("chain: {{ {body} }}");
            assert_eq!(code(&body, claims.clone()), "allow", "{body}");
            claims["chain_complete"] = json!(false);
            assert_eq!(code(&body, claims.clone()), "chain_incomplete", "{body}");
            let check = checks(&body, claims).pop().unwrap();
            assert_eq!(check.got, "a chain that its issuer declares incomplete", "{body}");
        }
    }

    #[test]
    fn at_least_one_actor_is_listed_and_each_of_via_is_an_actor() {
        assert_eq!(of("any_of: [a, b]", &["x", "b"]), "allow");
        assert_eq!(of("any_of: [a, b]", &["x", "y"]), "chain_actor_missing");
        assert_eq!(of("any_of: [u1]", &["a"]), "chain_actor_missing", "no initiator");
        assert_eq!(of("via: [a, b]", &["b", "x", "a"]), "allow", "in any order");
        assert_eq!(of("via: [a, b]", &["b", "x"]), "chain_actor_missing");
        for body in ["chain: { any_of: [a] }", "chain: { via: [a] }"] {
            assert_eq!(code(body, human(Value::Null)), "chain_actor_missing", "{body}");
            let foreign = human(json!({"sub": "a", "iss": "https://evil.example"}));
            assert_eq!(code(body, foreign), "chain_actor_missing", "{body}");
        }
    }

    #[test]
    fn an_order_is_written_from_the_oldest_actor() {
        let start = "starts_with: [orch]";
        assert_eq!(of(start, &["t", "orch"]), "allow");
        assert_eq!(of(start, &["orch"]), "allow");
        assert_eq!(of(start, &["t", "x"]), "chain_start_not_allowed");
        assert_eq!(of(start, &["orch", "t"]), "chain_start_not_allowed");
        let two = "starts_with: [orch, plan]";
        assert_eq!(of(two, &["t", "plan", "orch"]), "allow");
        assert_eq!(of(two, &["orch"]), "chain_start_not_allowed", "too few");
        assert_eq!(of(two, &["t", "orch", "plan"]), "chain_start_not_allowed");
        let path = "path: [orch, plan, tool]";
        assert_eq!(of(path, &["tool", "plan", "orch"]), "allow");
        for names in [
            &["orch", "plan", "tool"][..],
            &["tool", "orch", "plan"],
            &["tool", "orch"],
            &["plan", "orch"],
            &["tool", "plan", "orch", "x"],
            &["x", "tool", "plan", "orch"],
            &["tool", "plan", "plan", "orch"],
        ] {
            assert_eq!(of(path, names), "chain_path_not_allowed", "{names:?}");
        }
        assert_eq!(
            of("path: [a, b, a]", &["a", "b", "a"]),
            "allow",
            "a repetition is written"
        );
        for body in ["chain: { starts_with: [a] }", "chain: { path: [a] }"] {
            assert_ne!(code(body, human(Value::Null)), "allow", "{body}");
        }
        let check = checks("chain: { path: [orch, tool] }", human(chain(&["tool", "x", "orch"]))).pop();
        let check = check.unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            ("exactly orch → tool", "orch → x → tool")
        );
    }

    #[test]
    fn the_caller_is_the_actor_before_the_current_one() {
        let body = "called_by: [B]";
        assert_eq!(of(body, &["A", "B"]), "allow");
        assert_eq!(of(body, &["A", "B", "x"]), "allow");
        for names in [&["A"][..], &["B"], &["A", "C", "B"], &["B", "A"]] {
            assert_eq!(of(body, names), "chain_caller_not_allowed", "{names:?}");
        }
        assert_eq!(
            code("chain: { called_by: [B] }", human(Value::Null)),
            "chain_caller_not_allowed"
        );
        let check = checks("chain: { called_by: [B] }", human(chain(&["A", "C", "B"])))
            .pop()
            .unwrap();
        let expected = "an actor before the current one, one of B";
        assert_eq!((&*check.expected, &*check.got), (expected, "C"));
    }

    #[test]
    fn an_actor_is_repeated_by_its_issuer_and_subject() {
        let (none, apart) = ("repeats: none", "repeats: not_adjacent");
        assert_eq!(of(none, &["a2", "a1"]), "allow");
        assert_eq!(of(none, &["a1", "a2", "a1"]), "chain_actor_repeated");
        assert_eq!(of(apart, &["a1", "a2", "a1"]), "allow");
        for body in [none, apart] {
            assert_eq!(of(body, &["b", "a", "a"]), "chain_actor_repeated");
            assert_eq!(of(body, &["a", "a"]), "chain_actor_repeated");
            assert_eq!(of(body, &["a"]), "allow");
            let body = format!("chain: {{ {body} }}");
            assert_eq!(code(&body, human(Value::Null)), "allow");
            let pair = |iss: &str| {
                let mut act = agent("a");
                act["act"] = json!({"sub": "a", "iss": iss, "client_id": "other"});
                human(act)
            };
            assert_eq!(code(&body, pair("https://partner.example")), "allow", "two parties");
            assert_eq!(code(&body, pair("https://idp.example")), "chain_actor_repeated");
        }
    }

    #[test]
    fn kinds_and_issuers_are_those_of_every_actor() {
        let nested = |outer: Value, inner: Value| {
            let mut act = outer;
            act["act"] = inner;
            human(act)
        };
        let kinds = "chain: { kinds: [agent, service] }";
        let service = json!({"sub": "s", "sub_profile": "service"});
        assert_eq!(code(kinds, nested(agent("a"), service)), "allow");
        assert_eq!(
            code(kinds, nested(agent("a"), json!({"sub": "s"}))),
            "chain_actor_kind_unknown"
        );
        let person = json!({"sub": "adm7", "sub_profile": "user"});
        assert_eq!(
            code(kinds, nested(agent("a"), person.clone())),
            "chain_actor_kind_not_allowed"
        );
        let check = checks(kinds, nested(agent("a"), person)).pop().unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            ("every actor of kind agent or service", "2: a (agent) ← adm7 (human)")
        );
        let partner = json!({"sub": "p", "iss": "https://partner.example"});
        let same = "chain: { issuers: same }";
        assert_eq!(code(same, nested(agent("a"), agent("b"))), "allow");
        let denial = "actor_issuer_not_allowed";
        assert_eq!(code(same, nested(agent("a"), partner.clone())), denial);
        let both = "chain: { issuers: [same, 'https://partner.example'] }";
        assert_eq!(code(both, nested(agent("a"), partner)), "allow");
        assert_eq!(
            code(
                both,
                nested(agent("a"), json!({"sub": "p", "iss": "https://idp.example/"}))
            ),
            denial
        );
    }

    /// Every chain of at most four of three actors, and every chain that remains of it without some prior actors.
    #[test]
    fn a_chain_with_fewer_actors_evades_a_rule_unless_it_is_harmless() {
        let names = ["a", "b", "c"];
        let chains = |length: u32| {
            (0..3_usize.pow(length)).map(move |number| {
                let digits = (0..length).map(move |digit| number / 3_usize.pow(digit) % 3);
                digits.map(|digit| names[digit]).collect::<Vec<_>>()
            })
        };
        for (body, harmless) in [
            ("max_depth: 2", false),
            ("all_of: [a, b]", false),
            ("none_of: [b]", false),
            ("any_of: [b]", true),
            ("via: [a, b]", true),
            ("starts_with: [a]", false),
            ("path: [a, b]", false),
            ("called_by: [b]", false),
            ("repeats: none", false),
            ("repeats: not_adjacent", false),
            ("prior: { all_of: [a] }", false),
            ("prior: { none_of: [a] }", false),
            ("prior: { any_of: [a] }", true),
            ("prior: { first: [a] }", false),
        ] {
            let is_met = |chain_of: &[&str]| of(body, chain_of) == "allow";
            let is_evaded = (1..=4).flat_map(chains).any(|whole| {
                let dropped = 0..1_usize << (whole.len() - 1);
                !is_met(&whole)
                    && dropped.into_iter().any(|dropped| {
                        let kept = |index: usize| index == 0 || dropped >> (index - 1) & 1 == 0;
                        let rest = whole.iter().enumerate().filter(|(index, _)| kept(*index));
                        is_met(&rest.map(|(_, name)| *name).collect::<Vec<_>>())
                    })
            });
            assert_eq!(is_evaded, !harmless, "{body}");
            let truncation = |text: &str| requirement(text).history[0].condition.truncation();
            let expected = match harmless {
                true => Truncation::Harmless,
                false => Truncation::Refused,
            };
            assert_eq!(truncation(&format!("chain: {{ {body} }}")), expected, "{body}");
            if !harmless {
                let accepted = truncation(&format!("chain: {{ {body}, accept_truncation: true }}"));
                assert_eq!(accepted, Truncation::Accepted, "{body}");
            }
        }
        let body = "chain: { kinds: agent, accept_truncation: true, via: [a] }";
        let truncations: Vec<_> = requirement(body)
            .history
            .iter()
            .map(|rule| rule.condition.truncation())
            .collect();
        assert_eq!(truncations, [Truncation::Accepted, Truncation::Harmless]);
    }

    #[test]
    fn rules_that_no_chain_meets_are_mistakes() {
        let mistake = |body: &str| {
            let text = format!("routes:\n  - match: GET /\n    chain: {{ {body} }}\n");
            let mistake = Policy::from_yaml(&text).map(|_| ()).unwrap_err().to_string();
            let (place, mistake) = mistake.split_once(": ").unwrap();
            assert!(place.starts_with("3:"), "{place}: {mistake}");
            mistake.replace("\n  help: ", "; ")
        };
        for (body, expected) in [
            (
                "max_depth: 1, called_by: [b]",
                "no chain meets `max_depth: 1` and `called_by`, which needs at least 2 actors; raise `max_depth`, or \
                 remove `called_by`",
            ),
            (
                "max_depth: 0, any_of: [b]",
                "no chain meets `max_depth: 0` and `any_of`, which needs at least 1 actor; raise `max_depth`, or remove \
                 `any_of`",
            ),
            (
                "max_depth: 1, via: [a, b, a]",
                "no chain meets `max_depth: 1` and `via`, which needs at least 2 actors; raise `max_depth`, or remove `via`",
            ),
            (
                "max_depth: 1, prior: { first: [a] }",
                "no chain meets `max_depth: 1` and `prior.first`, which needs at least 2 actors; raise `max_depth`, or \
                 remove `prior.first`",
            ),
            (
                "path: [a, b], max_depth: 2",
                "`path` names every actor, and `max_depth` is another rule on them; remove `max_depth`, or write it in \
                 place of `path`",
            ),
            (
                "via: [a], all_of: [b]",
                "`a` is in `via` and not in `all_of`, so that no chain meets both; add it to `all_of`, or remove it from \
                 `via`",
            ),
            (
                "starts_with: [a], none_of: [a]",
                "`a` is in `starts_with` and in `none_of`, and so is never accepted; remove it from one of the two",
            ),
            (
                "prior: { first: [a], none_of: [a] }",
                "`a` is in `first` and in `none_of`, and so is never accepted; remove it from one of the two",
            ),
            (
                "via: [a], accept_truncation: true",
                "`accept_truncation` has no effect: a chain with fewer actors evades none of these rules; remove it",
            ),
            ("prior: {}", "`prior` is empty; write what it requires, or remove it"),
            ("path: []", "`path` is empty; write what it requires, or remove it"),
            (
                "repeats: never",
                "unknown word `never`; expected one of `none`, `not_adjacent`",
            ),
            (
                "prior: { last: [a] }",
                "unknown key `last`; it is `called_by`, beside `prior`",
            ),
        ] {
            assert_eq!(mistake(body), expected, "{body}");
        }
        let pair = "via: [{ issuer: 'https://idp.example', subject: a }], all_of: [a]";
        let text = format!("routes: [{{ match: GET /, chain: {{ {pair} }} }}]");
        assert!(Policy::from_yaml(&text).is_ok(), "one party, written in two ways");
    }
}
