//! What proves a kind that a rule requires, where the token proves none.

use actgate::policy::{Check, Outcome};
use actgate::profile::{Kind, Profile};

/// The most proofs that are named.
const MAX_PROOFS: usize = 3;

/// What proves the kind of the initiator, or of the current actor, in the tokens of a profile; [`None`] for another check.
pub(crate) fn kind_help(profile: &Profile, check: &Check) -> Option<String> {
    let is_actor = check.rule.ends_with("actor.kind");
    let is_kind = is_actor || check.rule.ends_with("initiator.kind");
    if !is_kind || check.outcome != Outcome::Failed || check.got != Kind::Unknown.to_string() {
        return None;
    }
    let (kind, name) = [
        (Kind::Human, "a person"),
        (Kind::Agent, "an agent"),
        (Kind::Service, "a service"),
    ]
    .into_iter()
    .find(|(kind, _)| {
        let kind = kind.to_string();
        check.expected.split(" or ").any(|expected| expected == kind)
    })?;
    let own = format!("`kinds: {{ {kind}: [{{ claims: {{ CLAIM: VALUE }} }}] }}` to the issuer");
    let proofs: Vec<String> = match is_actor {
        true => profile.actor_evidence(kind).take(MAX_PROOFS).collect(),
        false => profile.evidence(kind).take(MAX_PROOFS).collect(),
    };
    Some(match proofs.is_empty() {
        true => format!("no evidence; no claim proves {name} in this profile; add {own}"),
        false => format!(
            "no evidence; {name} is proven by {}; or add {own}",
            proofs.join(", or by ")
        ),
    })
}
