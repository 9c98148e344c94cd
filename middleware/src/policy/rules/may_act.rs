//! `may_act`: the party that the token authorizes to act for the subject (RFC 8693 section 4.4).
//!
//! It is no actor: it only narrows who may act, where the token has it.

use std::sync::Arc;

use actgate_yaml::Spanned;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::finding::Finding;
use crate::chain::{Core, Party};
use crate::json::type_of;
use crate::policy::change::{self, Fact, Remedies, is_other, kind_of_actor};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::parties::shown;
use crate::policy::read::{Need, Reader};
use crate::policy::syntax::{Conditions, Context};

/// If the token has `may_act` (RFC 8693 section 4.4), its party is the current actor, or the client where there is no actor.
/// Denied with `actor_not_in_may_act`.
/// Example: `honored`
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(in crate::policy) enum MayActDocument {
    /// A token with `may_act` is accepted from that party alone.
    Honored,
}

/// The current actor, or the client where there is none, is the party of `may_act`, if the token has this claim.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct MayActCondition;

pub(super) fn compile(document: &Spanned<MayActDocument>, _: &mut Context<'_>) -> Conditions<MayActCondition> {
    let MayActDocument::Honored = document.value;
    vec![("".into(), MayActCondition)]
}

/// The members of `may_act` that identify a party.
struct Authorized<'c> {
    issuer: Option<&'c str>,
    subject: &'c str,
    client: Option<&'c str>,
}

impl<'c> Authorized<'c> {
    /// [`None`] for a claim that names no party.
    fn read(claim: &'c Value) -> Option<Self> {
        let members = claim.as_object()?;
        let subject = text(members, "sub")??;
        Some(Authorized {
            issuer: text(members, "iss")?,
            subject,
            client: text(members, "client_id")?,
        })
    }
}

/// A member that is absent or a text which is not blank; [`None`] for any other.
fn text<'c>(members: &'c Map<String, Value>, name: &str) -> Option<Option<&'c str>> {
    match members.get(name) {
        None => Some(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Some(Some(text)),
        Some(_) => None,
    }
}

impl MayActCondition {
    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let Some(claim) = core.claims.get("may_act") else {
            return Finding::Met;
        };
        let met = Authorized::read(claim).is_some_and(|authorized| is_met(&authorized, core));
        Finding::met_if(met, "actor_not_in_may_act")
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let expected = match core.claims.get("may_act") {
            None => "any party: the token has no may_act".to_owned(),
            Some(claim) => match Authorized::read(claim) {
                None => format!("a may_act with a party, not {}", type_of(claim)),
                Some(authorized) => match authorized.issuer {
                    None => authorized.subject.to_owned(),
                    Some(issuer) => format!("{} of {issuer}", authorized.subject),
                },
            },
        };
        let client = core.claims.client().unwrap_or("no client");
        let got = match core.delegate() {
            Some(actor) => format!("{}, by client {client}", shown(actor.party(), core.initiator)),
            None => format!("no actor, by client {client}"),
        };
        (expected, got)
    }
}

/// A `client_id` in the claim is that of the token. It names the client where that is all that is known of who acts.
fn is_met(authorized: &Authorized<'_>, core: &Core<'_>) -> bool {
    let own_issuer = core.initiator.issuer();
    let issuer = authorized.issuer.unwrap_or(own_issuer);
    let client = core.claims.client();
    let is_client = authorized.client.is_none_or(|named| client == Some(named));
    let is_party = match (core.delegate(), authorized.client) {
        (Some(actor), _) => *actor.party().issuer() == *issuer && *actor.party().subject() == *authorized.subject,
        (None, Some(_)) => issuer == own_issuer,
        (None, None) => issuer == own_issuer && client == Some(authorized.subject),
    };
    is_client && is_party
}

impl MayActCondition {
    /// The claim, which is compared with the parties of the token.
    pub(super) fn read(&self, reader: &mut Reader<'_, '_>) {
        reader.claim("may_act", ["sub", "iss", "client_id"].into_iter(), Need::Comparison);
    }

    /// The party that the claim names as the actor, and a claim that names the party that acts.
    pub(super) fn remedies(&self, core: &Core<'_>, remedies: &mut Remedies<'_>) {
        let authorized = core.claims.get("may_act").and_then(Authorized::read);
        if let Some(authorized) = authorized {
            let own = || core.initiator.to_issuer();
            let issuer = authorized.issuer.map_or_else(own, Arc::from);
            let party = Party::new(issuer, authorized.subject.into());
            remedies.actor(party, kind_of_actor(core));
            // Without an actor the client is who acts.
            let acts =
                core.delegate().is_none() && authorized.issuer.is_none_or(|issuer| issuer == core.initiator.issuer());
            if let Some(client) = authorized.client.or(acts.then_some(authorized.subject)) {
                let words = format!("client {client}");
                remedies.add(Fact::Client, change::Value::Text(client.into()), words);
            }
        }
        let acting = core.delegate().map(|actor| actor.party());
        let (named, party) = match (acting, core.claims.client()) {
            (Some(party), _) if !is_other(party.subject()) => (
                json!({"iss": party.issuer(), "sub": party.subject()}),
                format!("{}, the actor", shown(party, core.initiator)),
            ),
            (Some(party), _) => (
                json!({"iss": party.issuer(), "sub": party.subject()}),
                "that actor".to_owned(),
            ),
            (None, Some(client)) if !is_other(client) => (json!({"sub": client}), format!("{client}, the client")),
            (None, Some(client)) => (json!({"sub": client}), "that client".to_owned()),
            (None, None) => return remedies.without_claim("may_act"),
        };
        let words = format!("a may_act that names {party}");
        remedies.add(Fact::Claim("may_act".into()), change::Value::Json(named), words);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::Policy;
    use crate::policy::testing::{agent, chain, checks, code, human};

    const BODY: &str = "may_act: honored";

    fn of(may_act: Value, act: Value, client: &str) -> &'static str {
        let mut claims = human(act);
        claims["may_act"] = may_act;
        claims["client_id"] = json!(client);
        code(BODY, claims)
    }

    #[test]
    fn only_the_party_of_may_act_acts() {
        let a1 = || json!({"sub": "a1"});
        let denial = "actor_not_in_may_act";
        assert_eq!(of(a1(), Value::Null, "a1"), "allow");
        assert_eq!(of(a1(), Value::Null, "a2"), denial);
        assert_eq!(of(a1(), agent("a1"), "web"), "allow", "the current actor");
        assert_eq!(of(a1(), agent("a2"), "a1"), denial, "another actor through the client");
        assert_eq!(of(a1(), chain(&["a2", "a1"]), "a1"), denial, "a prior actor");
        let pair = |iss: &str| json!({"sub": "a1", "iss": iss});
        assert_eq!(of(pair("https://idp.example"), agent("a1"), "c"), "allow");
        assert_eq!(of(pair("https://partner.example"), agent("a1"), "c"), denial);
        let partner = json!({"sub": "a1", "iss": "https://partner.example"});
        assert_eq!(of(pair("https://partner.example"), partner.clone(), "c"), "allow");
        assert_eq!(of(a1(), partner, "c"), denial);
        assert_eq!(of(pair("https://partner.example"), Value::Null, "a1"), denial);
        let client = |id: &str| json!({"sub": "(age!c1)", "client_id": id});
        assert_eq!(of(client("c1"), Value::Null, "c1"), "allow");
        assert_eq!(of(client("c1"), Value::Null, "c2"), denial);
        assert_eq!(of(client("c1"), agent("(age!c1)"), "c1"), "allow");
        assert_eq!(of(client("c1"), agent("(age!c1)"), "c2"), denial);
    }

    #[test]
    fn a_token_without_may_act_restricts_no_party() {
        assert_eq!(code(BODY, human(agent("a1"))), "allow");
        assert_eq!(code(BODY, human(Value::Null)), "allow");
    }

    #[test]
    fn a_may_act_that_names_no_party_is_denied() {
        for may_act in [
            json!(null),
            json!("a1"),
            json!([{"sub": "a1"}]),
            json!({}),
            json!({"sub": ""}),
            json!({"sub": 7}),
            json!({"sub": "a1", "iss": null}),
            json!({"sub": "a1", "client_id": ["a1"]}),
        ] {
            assert_eq!(
                of(may_act.clone(), agent("a1"), "a1"),
                "actor_not_in_may_act",
                "{may_act}"
            );
        }
        let mut claims = json!({"sub_profile": "user", "may_act": {"sub": "a1"}});
        assert_eq!(
            code(BODY, claims.clone()),
            "actor_not_in_may_act",
            "no client and no actor"
        );
        let check = checks(BODY, claims.clone()).pop().unwrap();
        assert_eq!((&*check.rule, &*check.expected), ("GET /: may_act", "a1"));
        assert_eq!(check.got, "no actor, by client no client");
        claims["client_id"] = json!("a1");
        assert_eq!(
            code("actor: { one_of: [a1] }", claims),
            "actor_missing",
            "it is no actor"
        );
    }

    #[test]
    fn it_is_honored_or_not_written() {
        for body in ["ignored", "true", "~", "{ one_of: [a1] }"] {
            let text = format!("routes: [{{ match: GET /, may_act: {body} }}]");
            assert!(Policy::from_yaml(&text).is_err(), "{body}");
        }
    }
}
