//! `initiator`: the subject of the token, its kind, and the login behind it.

use std::sync::Arc;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde_json::Value;

use super::finding::{Finding, StepUp};
use super::list::{all_in, are_of_other_issuers, no_party_in, none_in};
use crate::chain::{Core, Party};
use crate::json::type_of;
use crate::policy::change::Remedies;
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::parties::{self, Parties, PartyList, PartyName};
use crate::policy::syntax::{Collector, Conditions, Context, Name, Seconds, Word, joined};
use crate::profile::Kind;

/// The help for a wildcard in a list.
#[derive(Clone, Debug)]
struct InitiatorBlock;

impl parties::Block for InitiatorBlock {
    const ANY: &'static str =
        "leave the list out for any initiator, or write `initiator: { kind: human }` for any person";
}

/// The subject of the token, who began the request: its kind, its name, its issuer, and the login behind it.
/// Example: `{ kind: human, max_auth_age: 5m }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `initiator: { one_of: [VALUE] }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct InitiatorDocument {
    /// The subject is of this kind, or of one of a list. A subject without evidence of a kind meets none. Denied with
    /// `initiator_not_human`, `initiator_kind_unknown` or `initiator_kind_not_allowed`.
    /// Example: `human`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    kind: Option<OneOrMany<Kind>>,
    /// The subject is one of these parties. Denied with `initiator_not_allowed`.
    /// Example: `[alice, { issuer: 'https://idp.example.com', subject: bob }]`
    #[serde(default, deserialize_with = "parties::listed::<InitiatorBlock, _>")]
    one_of: Option<PartyList>,
    /// The subject is none of these parties. Denied with `initiator_not_allowed`.
    /// Example: `[mallory]`
    #[serde(default, deserialize_with = "parties::listed::<InitiatorBlock, _>")]
    none_of: Option<PartyList>,
    /// The subject is a member of this group, or of one of a list. Denied with `initiator_not_allowed`.
    /// Example: `operators`
    #[serde(default, deserialize_with = "parties::grouped")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<OneOrMany<parties::GroupName>>", extend("x-non-empty" = true)))]
    group: Option<PartyList>,
    /// The token, which names the subject, is of this issuer, or of one of a list. Denied with
    /// `initiator_issuer_not_allowed`.
    /// Example: `https://idp.example.com`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    issuer: Option<OneOrMany<Name>>,
    /// The login used this method (RFC 8176), or every one of a list. The issuer defines which of them mean two factors,
    /// some by `mfa`. Denied with `amr_not_met`.
    /// Example: `mfa`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    amr: Option<OneOrMany<Name>>,
    /// The login reached this authentication context, or one of a list. Denied with `acr_not_met`.
    /// Example: `urn:example:loa:3`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    acr: Option<OneOrMany<Word>>,
    /// The login (`auth_time`) is at most so long ago. A later request needs a new login (RFC 9470). Denied with
    /// `auth_too_old`.
    /// Example: `5m`
    max_auth_age: Option<Seconds>,
}

impl InitiatorDocument {
    pub(in crate::policy) fn party_lists(&mut self) -> impl Iterator<Item = &mut PartyList> {
        let lists = [&mut self.one_of, &mut self.none_of, &mut self.group];
        lists.into_iter().flatten()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum InitiatorCondition {
    Kind(Box<[Kind]>),
    OneOf(Parties),
    NoneOf(Parties),
    /// The token, which names the initiator, is of one of these issuers.
    Issuer(Box<[Name]>),
    /// Every one of these methods is in `amr`.
    Methods(Box<[Name]>),
    /// `acr` is one of these; the text is for the challenge.
    Contexts(Box<[Word]>, Arc<str>),
    /// `auth_time` is at most so many seconds ago.
    MaxAuthAge(u64),
}

pub(super) fn compile(
    document: &Spanned<InitiatorDocument>,
    context: &mut Context<'_>,
) -> Conditions<InitiatorCondition> {
    let (span, written) = (document.span(), &document.value);
    let (one_of, group) = (written.one_of.as_ref(), written.group.as_ref());
    for (key, list) in [("one_of", one_of), ("group", group)] {
        parties::contradiction(context, span, key, list, written.none_of.as_ref());
    }
    let mut issuers = written.issuer.iter().flat_map(|issuers| issuers.iter());
    if issuers.any(|issuer| **issuer == *"same") {
        let message = "the issuer of an initiator is always that of its token";
        context.mistake(document.span(), message, "write the issuer in full, in place of `same`");
    }
    let is_machine = |kinds: &OneOrMany<Kind>| !kinds.is_empty() && !kinds.contains(&Kind::Human);
    let login = [
        ("amr", written.amr.is_some()),
        ("acr", written.acr.is_some()),
        ("max_auth_age", written.max_auth_age.is_some()),
    ];
    if written.kind.as_ref().is_some_and(is_machine)
        && let Some((word, _)) = login.into_iter().find(|(_, is_written)| *is_written)
    {
        let message = format!(
            "`{word}` is about a login, and people alone log in: a machine does not meet it, unless its issuer writes claims of a login"
        );
        let help = format!("add `human` to `kind`, or remove `{word}`");
        context.warnings.push_coded("login_of_machine", span, message, help);
    }
    let mut conditions = Collector::new("initiator", document.span(), context);
    conditions.list("kind", written.kind.as_deref(), InitiatorCondition::Kind);
    conditions.parties("one_of", written.one_of.as_ref(), InitiatorCondition::OneOf);
    conditions.parties("none_of", written.none_of.as_ref(), InitiatorCondition::NoneOf);
    conditions.parties("group", written.group.as_ref(), InitiatorCondition::OneOf);
    conditions.list("issuer", written.issuer.as_deref(), InitiatorCondition::Issuer);
    conditions.list("amr", written.amr.as_deref(), InitiatorCondition::Methods);
    conditions.list("acr", written.acr.as_deref(), |contexts| {
        let acr_values = joined(&contexts, " ").into();
        InitiatorCondition::Contexts(contexts, acr_values)
    });
    if let Some(Seconds(seconds)) = written.max_auth_age {
        conditions.add("max_auth_age", InitiatorCondition::MaxAuthAge(seconds));
    }
    conditions.finish()
}

impl InitiatorCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &InitiatorCondition) -> bool {
        match (self, other) {
            (InitiatorCondition::MaxAuthAge(one), InitiatorCondition::MaxAuthAge(other)) => one <= other,
            (InitiatorCondition::Kind(one), InitiatorCondition::Kind(other)) => all_in(one, other),
            (InitiatorCondition::OneOf(one), InitiatorCondition::OneOf(other)) => all_in(one, other),
            (InitiatorCondition::OneOf(one), InitiatorCondition::NoneOf(other)) => no_party_in(one, other),
            (InitiatorCondition::Issuer(one), InitiatorCondition::Issuer(other)) => all_in(one, other),
            (InitiatorCondition::Contexts(one, _), InitiatorCondition::Contexts(other, _)) => all_in(one, other),
            (InitiatorCondition::NoneOf(one), InitiatorCondition::NoneOf(other)) => all_in(other, one),
            (InitiatorCondition::Methods(one), InitiatorCondition::Methods(other)) => all_in(other, one),
            (one, other) => one == other,
        }
    }

    /// Whether nothing meets both conditions, as far as that is known.
    pub(in crate::policy) fn excludes(&self, other: &InitiatorCondition) -> bool {
        match (self, other) {
            (InitiatorCondition::Kind(one), InitiatorCondition::Kind(other)) => none_in(one, other),
            (InitiatorCondition::OneOf(one), InitiatorCondition::OneOf(other)) => no_party_in(one, other),
            (InitiatorCondition::Issuer(one), InitiatorCondition::Issuer(other)) => none_in(one, other),
            (InitiatorCondition::Contexts(one, _), InitiatorCondition::Contexts(other, _)) => none_in(one, other),
            (InitiatorCondition::OneOf(listed), InitiatorCondition::NoneOf(excluded))
            | (InitiatorCondition::NoneOf(excluded), InitiatorCondition::OneOf(listed)) => all_in(listed, excluded),
            (InitiatorCondition::OneOf(listed), InitiatorCondition::Issuer(issuers))
            | (InitiatorCondition::Issuer(issuers), InitiatorCondition::OneOf(listed)) => {
                are_of_other_issuers(listed, issuers)
            }
            _ => false,
        }
    }

    pub(super) fn reads_kind(&self) -> bool {
        matches!(self, InitiatorCondition::Kind(_))
    }

    #[inline(always)]
    pub(super) fn is_met(&self, core: &Core<'_>, time: &EvaluationTime) -> bool {
        let authentication = &core.claims.authentication;
        let is_listed = |listed: &[PartyName]| parties::contains(listed, core.initiator, core.initiator);
        match self {
            InitiatorCondition::Kind(kinds) => kinds.contains(&core.kind),
            InitiatorCondition::OneOf(listed) => is_listed(listed),
            InitiatorCondition::NoneOf(listed) => !is_listed(listed),
            InitiatorCondition::Issuer(issuers) => parties::is_of_issuer(issuers, core.initiator, core.initiator),
            InitiatorCondition::Methods(methods) => {
                let used = |method: &Name| authentication.methods.iter().any(|used| **used == **method);
                methods.iter().all(used)
            }
            InitiatorCondition::Contexts(contexts, _) => {
                let reached = authentication.context.as_deref();
                reached.is_some_and(|reached| contexts.iter().any(|context| **context == *reached))
            }
            InitiatorCondition::MaxAuthAge(seconds) => {
                authentication.time.is_some_and(|login| time.is_within(login, *seconds))
            }
        }
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, time: &EvaluationTime) -> Finding {
        match self {
            _ if self.is_met(core, time) => Finding::Met,
            InitiatorCondition::Kind(kinds) => Finding::Unmet(match core.kind {
                Kind::Unknown => "initiator_kind_unknown",
                _ if **kinds == [Kind::Human] => "initiator_not_human",
                _ => "initiator_kind_not_allowed",
            }),
            InitiatorCondition::OneOf(_) | InitiatorCondition::NoneOf(_) => Finding::Unmet("initiator_not_allowed"),
            InitiatorCondition::Issuer(_) => Finding::Unmet("initiator_issuer_not_allowed"),
            InitiatorCondition::Methods(_) => Finding::Unmet("amr_not_met"),
            InitiatorCondition::Contexts(_, acr_values) => Finding::of_login(core, || StepUp {
                code: "acr_not_met",
                max_age: None,
                acr_values: Some(Arc::clone(acr_values)),
            }),
            InitiatorCondition::MaxAuthAge(seconds) => Finding::of_login(core, || StepUp {
                code: "auth_too_old",
                max_age: Some(*seconds),
                acr_values: None,
            }),
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>, time: &EvaluationTime) -> (String, String) {
        let authentication = &core.claims.authentication;
        let subject = || core.initiator.subject().to_owned();
        match self {
            InitiatorCondition::Kind(kinds) => (joined(kinds, " or "), core.kind.to_string()),
            InitiatorCondition::OneOf(listed) => (format!("one of {}", joined(listed.iter(), ", ")), subject()),
            InitiatorCondition::NoneOf(listed) => (format!("none of {}", joined(listed.iter(), ", ")), subject()),
            InitiatorCondition::Issuer(issuers) => {
                let expected = format!("an initiator of issuer {}", joined(issuers, " or "));
                (expected, core.initiator.issuer().to_owned())
            }
            InitiatorCondition::Methods(methods) => {
                let got = match &*authentication.methods {
                    [] => unknown(core, "amr", "a list of texts"),
                    used => used.join(", "),
                };
                (format!("login with {}", joined(methods, " and ")), got)
            }
            InitiatorCondition::Contexts(contexts, _) => {
                let got = authentication.context.as_deref().map(str::to_owned);
                let got = got.unwrap_or_else(|| unknown(core, "acr", "a text"));
                (format!("login at {}", joined(contexts, " or ")), got)
            }
            InitiatorCondition::MaxAuthAge(seconds) => {
                let got = match authentication.time {
                    None => unknown(core, "auth_time", "seconds since 1970"),
                    Some(login) if login > time.now => format!("{} s in the future", login - time.now),
                    Some(login) => format!("{} s ago", time.now - login),
                };
                (format!("login at most {seconds} s ago"), got)
            }
        }
    }
}

/// A claim on the login that is absent, empty, or of another form than `expected`.
fn unknown(core: &Core<'_>, claim: &str, expected: &str) -> String {
    let found = match core.claims.get(claim) {
        None => return format!("no {claim}"),
        Some(Value::Array(items)) if items.is_empty() => return format!("an empty {claim}"),
        Some(value) => type_of(value),
    };
    format!("an unknown {claim}: {found}, expected {expected}")
}

impl InitiatorCondition {
    /// Other initiators, kinds and logins.
    pub(super) fn remedies(&self, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let initiator = || core.initiator.clone();
        match self {
            InitiatorCondition::Kind(kinds) => {
                kinds.iter().for_each(|kind| remedies.initiator(initiator(), *kind));
            }
            InitiatorCondition::OneOf(listed) => {
                listed
                    .iter()
                    .for_each(|name| remedies.initiator(name.party(core.initiator), core.kind));
            }
            InitiatorCondition::NoneOf(_) => remedies.other_initiator(core),
            InitiatorCondition::Issuer(issuers) => {
                for issuer in issuers {
                    remedies.initiator(
                        Party::new((**issuer).into(), core.initiator.subject().into()),
                        core.kind,
                    );
                }
            }
            InitiatorCondition::Methods(methods) => remedies.login(|login| {
                login.methods.extend(methods.iter().map(|method| Box::from(&**method)));
            }),
            InitiatorCondition::Contexts(contexts, _) => {
                for context in contexts {
                    remedies.login(|login| login.context = Some((**context).into()));
                }
            }
            InitiatorCondition::MaxAuthAge(seconds) => remedies.login(|login| {
                login.within = Some(login.within.map_or(*seconds, |within| within.min(*seconds)));
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::testing::{NOW, agent, checks, code, human};

    #[test]
    fn the_kind_of_the_initiator_is_positive_evidence() {
        let body = "initiator: { kind: human }";
        assert_eq!(code(body, human(Value::Null)), "allow");
        assert_eq!(code(body, human(agent("a"))), "allow");
        assert_eq!(code(body, json!({"sub_profile": "ai_agent"})), "initiator_not_human");
        assert_eq!(code(body, json!({})), "initiator_kind_unknown");
        assert_eq!(
            code("initiator: { kind: [agent, service] }", human(Value::Null)),
            "initiator_kind_not_allowed"
        );
    }

    #[test]
    fn the_issuer_of_the_initiator_is_that_of_the_token() {
        let of = |issuers: &str| code(&format!("initiator: {{ issuer: {issuers} }}"), human(Value::Null));
        assert_eq!(of("https://idp.example"), "allow");
        assert_eq!(of("['https://other.example', 'https://idp.example']"), "allow");
        for other in ["https://idp.example/", "https://IDP.example", "https://idp.example:443"] {
            assert_eq!(of(other), "initiator_issuer_not_allowed", "{other}");
        }
        let acting = json!({"sub": "a", "iss": "https://other.example"});
        let body = "initiator: { issuer: 'https://other.example' }";
        assert_eq!(
            code(body, human(acting)),
            "initiator_issuer_not_allowed",
            "the issuer of the actor"
        );
        let check = checks(body, human(Value::Null)).pop().unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            ("an initiator of issuer https://other.example", "https://idp.example")
        );
        for mistake in ["same", "[]", "~", "'*'", "['https://a.example', same]"] {
            let text = format!("routes: [{{ match: GET /, initiator: {{ issuer: {mistake} }} }}]");
            assert!(crate::Policy::from_yaml(&text).is_err(), "{mistake}");
        }
    }

    #[test]
    fn a_login_is_fresh_to_the_second_and_never_from_the_future() {
        let body = "initiator: { max_auth_age: 5m }";
        let at = |time: u64| code(body, json!({"sub_profile": "user", "auth_time": time}));
        assert_eq!(at(NOW - 300), "allow");
        assert_eq!(at(NOW - 301), "auth_too_old");
        assert_eq!(at(NOW + 30), "allow");
        assert_eq!(at(NOW + 31), "auth_too_old");
        assert_eq!(code(body, human(Value::Null)), "auth_too_old");
    }

    #[test]
    fn a_login_of_another_form_is_unknown_and_meets_no_rule() {
        let (age, context, methods) = (
            "initiator: { max_auth_age: 5m }",
            "initiator: { acr: ['2', phr] }",
            "initiator: { amr: mfa }",
        );
        let text = |claim, expected| format!("an unknown {claim}: {expected}");
        for (body, claim, value, denial, got) in [
            (
                age,
                "auth_time",
                json!("2026-01-01T00:00:00Z"),
                "auth_too_old",
                "a text, expected seconds since 1970",
            ),
            (
                age,
                "auth_time",
                json!(NOW.to_string()),
                "auth_too_old",
                "a text, expected seconds since 1970",
            ),
            (
                age,
                "auth_time",
                json!(-1),
                "auth_too_old",
                "a number, expected seconds since 1970",
            ),
            (
                age,
                "auth_time",
                json!(1e300),
                "auth_too_old",
                "a number, expected seconds since 1970",
            ),
            (
                age,
                "auth_time",
                json!(null),
                "auth_too_old",
                "null, expected seconds since 1970",
            ),
            (
                age,
                "auth_time",
                json!([NOW]),
                "auth_too_old",
                "a list, expected seconds since 1970",
            ),
            (context, "acr", json!(2), "acr_not_met", "a number, expected a text"),
            (context, "acr", json!(["2"]), "acr_not_met", "a list, expected a text"),
            (context, "acr", json!(true), "acr_not_met", "a boolean, expected a text"),
            (
                methods,
                "amr",
                json!("mfa"),
                "amr_not_met",
                "a text, expected a list of texts",
            ),
            (
                methods,
                "amr",
                json!(["mfa", 7]),
                "amr_not_met",
                "a list, expected a list of texts",
            ),
            (
                methods,
                "amr",
                json!({"mfa": true}),
                "amr_not_met",
                "an object, expected a list of texts",
            ),
        ] {
            let mut claims = json!({"sub_profile": "user"});
            claims[claim] = value.clone();
            assert_eq!(code(body, claims.clone()), denial, "{claim}: {value}");
            let check = checks(body, claims.clone()).pop().unwrap();
            assert_eq!(check.got, text(claim, got), "{claim}: {value}");
            assert_eq!(code("scopes: { none_of: [x] }", claims), "allow", "{claim}: {value}");
        }
        let check = checks(methods, json!({"sub_profile": "user", "amr": []})).pop();
        assert_eq!(check.unwrap().got, "an empty amr");
        let either = "any_of: [{ initiator: { amr: mfa } }, { initiator: { acr: phr } }]";
        assert_eq!(code(either, json!({"amr": "mfa", "acr": ["phr"]})), "any_of_not_met");
    }
}
