//! One key of the written form at a time, turned into what it demands: every list non-empty, contradictions refused.

use std::sync::Arc;

use super::core_rule::{ClaimDemand, ClaimName, ClaimTest, CoreDemand, IssuerName};
use super::document::{ActorDocument, ChainDocument, ClientDocument, InitiatorDocument};
use super::history_rule::HistoryDemand;
use super::parties::Parties;
use super::words::{ClaimWords, Names, OneOrMany, Scopes};
use crate::yaml::{At, YamlError as PolicyError};

/// Demands with the keys they were written under.
pub(super) type Demands<D> = Vec<(&'static str, D)>;

pub(super) fn scopes(scopes: &At<Scopes>) -> Result<Demands<CoreDemand>, PolicyError> {
    let Scopes {
        all_of,
        any_of,
        none_of,
    } = &scopes.value;
    let mut demands = Vec::new();
    if let Some(all) = all_of {
        demands.push(("scopes", CoreDemand::ScopesAll(texts(scopes, "scopes", all)?)));
    }
    if let Some(any) = any_of {
        let any = texts(scopes, "scopes.any_of", any)?;
        let joined = any.join(" ").into();
        demands.push(("scopes.any_of", CoreDemand::ScopesAny(any, joined)));
    }
    if let Some(none) = none_of {
        demands.push((
            "scopes.none_of",
            CoreDemand::ScopesNone(texts(scopes, "scopes.none_of", none)?),
        ));
    }
    some(scopes, "scopes", demands)
}

pub(super) fn initiator(initiator: &At<InitiatorDocument>) -> Result<Demands<CoreDemand>, PolicyError> {
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
        let is_word = |text: &str| {
            text.bytes()
                .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if !contexts.iter().all(|context| is_word(context)) {
            let message = "an `acr` goes into the challenge: one word of printable ASCII without quotes".to_owned();
            return Err(mistake(initiator, message, "write it as the issuer does"));
        }
        let joined = contexts.join(" ").into();
        demands.push(("acr", CoreDemand::Contexts(contexts, joined)));
    }
    if let Some(seconds) = auth_within {
        demands.push(("auth_within", CoreDemand::LoggedInWithin(seconds.0)));
    }
    some(initiator, "initiator", demands)
}

pub(super) fn actor(actor: &At<ActorDocument>) -> Result<Demands<CoreDemand>, PolicyError> {
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
        let issuers = issuers.iter().map(|issuer| name(issuer)).collect();
        demands.push(("issuer", CoreDemand::ActorIssuer(issuers)));
    }
    some(actor, "actor", demands)
}

pub(super) fn client(client: &At<ClientDocument>) -> Result<Demands<CoreDemand>, PolicyError> {
    let mut demands = Vec::new();
    if let Some(clients) = &client.value.one_of {
        demands.push(("one_of", CoreDemand::ClientOneOf(texts(client, "one_of", clients)?)));
    }
    if let Some(clients) = &client.value.none_of {
        demands.push(("none_of", CoreDemand::ClientNoneOf(texts(client, "none_of", clients)?)));
    }
    some(client, "client", demands)
}

pub(super) fn chain(chain: &At<ChainDocument>) -> Result<Demands<HistoryDemand>, PolicyError> {
    let ChainDocument {
        max_depth,
        all_of,
        none_of,
        ..
    } = &chain.value;
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
    some(chain, "chain", demands)
}

pub(super) fn claim(claim: &str, words: &At<ClaimWords>) -> Result<CoreDemand, PolicyError> {
    let ClaimWords {
        equals,
        one_of,
        contains,
    } = &words.value;
    let pointer = claim.strip_prefix('/');
    let top = pointer.map_or(claim, |inner| inner.split('/').next().unwrap_or(inner));
    let forbidden = match top {
        "" => Some((
            "a claim has no name",
            "write the name of a claim, or a JSON pointer such as `/a/b`",
        )),
        "act" => Some((
            "`claims` cannot read `act`",
            "use `actor` for the current actor, `chain` for prior ones",
        )),
        "cnf" => Some((
            "`claims` cannot read `cnf`: a binding counts only with its proof",
            "remove it",
        )),
        _ => None,
    };
    if let Some((message, mend)) = forbidden {
        return Err(mistake(words, message.to_owned(), mend));
    }
    let test = match (equals, one_of, contains) {
        (Some(value), None, None) => ClaimTest::OneOf(vec![value.0.clone()]),
        (None, Some(values), None) if !values.is_empty() => {
            ClaimTest::OneOf(values.iter().map(|value| value.0.clone()).collect())
        }
        (None, None, Some(value)) => ClaimTest::Contains(value.0.clone()),
        _ => {
            let message = format!("the claim `{claim}` needs one test");
            let mend = "write a value, or one of `equals`, `one_of` (not empty), `contains`";
            return Err(mistake(words, message, mend));
        }
    };
    let name = match pointer {
        Some(_) => ClaimName::Pointer(claim.into()),
        None => ClaimName::Top(claim.into()),
    };
    Ok(CoreDemand::Claim(Arc::new(ClaimDemand { name, test })))
}

/// A mistake of the owner, with its place and its mend.
pub(super) fn mistake<T>(place: &At<T>, message: String, mend: impl Into<String>) -> PolicyError {
    PolicyError {
        line: place.line,
        column: place.column,
        message,
        mend: Some(mend.into()),
    }
}

/// A key without content looks like a check and is none.
pub(super) fn empty<T>(place: &At<T>, key: &str) -> PolicyError {
    let mend = "an empty list is no check: write what it demands, or remove it";
    mistake(place, format!("`{key}` is empty"), mend)
}

fn some<T, D>(place: &At<T>, key: &str, demands: Demands<D>) -> Result<Demands<D>, PolicyError> {
    if demands.is_empty() {
        Err(empty(place, key))
    } else {
        Ok(demands)
    }
}

fn filled<T, U: Clone>(place: &At<T>, key: &str, values: &[U]) -> Result<Arc<[U]>, PolicyError> {
    if values.is_empty() {
        Err(empty(place, key))
    } else {
        Ok(values.into())
    }
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
