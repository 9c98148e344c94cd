//! From facts to their record, and from a record to facts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::{Delegation, Facts};
use super::party::{Actor, Party};
use super::provenance::FactSource;
use super::recorded::{Bound, Form, RecordedActor, RecordedFacts, RecordedSource, kind_of};
use super::recorded_request::RecordedRequest;
use super::recorded_value::{Conceal, Missing, RecordedValue, Restoring};
use crate::claim_path;
use crate::profile::Kind;
use crate::token::{Authentication, Claims, Confirmation, ExactValue};

/// Most bytes of claims that are made of a record: one more than a rule reads.
const MAX_BYTES: usize = 65_537;

/// The claims that rules read, as they are written, and the names of members within them.
#[derive(Default)]
pub(crate) struct ReadClaims<'p> {
    pub(crate) places: BTreeSet<&'p str>,
    pub(crate) members: BTreeSet<&'p str>,
}

/// Facts from a record, and what is not known of the claims in it.
pub(crate) struct RestoredFacts {
    pub(crate) facts: Facts,
    /// By the places of the claims that are recorded.
    pub(crate) missing: BTreeMap<String, Missing>,
}

impl Facts {
    /// The record of these facts, with what they come from, the claims that rules read, and what is recorded of the request.
    pub(crate) fn record(
        &self,
        sources: Vec<FactSource>,
        read: &ReadClaims<'_>,
        request: RecordedRequest,
        conceal: &dyn Conceal,
    ) -> RecordedFacts {
        let claims = &self.claims;
        let login = &claims.authentication;
        let mut unknown = BTreeMap::new();
        for (claim, is_known) in [
            ("auth_time", login.time.is_some()),
            ("acr", login.context.is_some()),
            ("amr", !login.methods.is_empty()),
        ] {
            if !is_known && let Some(value) = claims.get(claim) {
                unknown.insert(claim.to_owned(), Form::of(value));
            }
        }
        let recorded: BTreeMap<String, Option<RecordedValue>> = read
            .places
            .iter()
            .map(|place| {
                let value = value_at(claims, place);
                let of_value = |value| RecordedValue::of(value, place, &read.members, conceal);
                ((*place).to_owned(), value.as_ref().map(of_value))
            })
            .collect();
        let actor = |actor: &Actor| RecordedActor {
            iss: actor.party().issuer().to_owned(),
            sub: actor.party().subject().to_owned(),
            kind: actor.kind().to_string(),
        };
        let texts = |texts: &[Box<str>]| texts.iter().map(|text| text.to_string()).collect();
        let source = |source: FactSource| RecordedSource {
            value: self.own_value(&source.fact).is_none().then_some(source.value),
            fact: source.fact,
            source: source.source,
        };
        RecordedFacts {
            iss: self.initiator.issuer().to_owned(),
            sub: self.initiator.subject().to_owned(),
            kind: self.kind.to_string(),
            actors: self.history().actors().map(actor).collect(),
            aud: claims.audience().into_iter().map(str::to_owned).collect(),
            exp: claims.expiration,
            nbf: claims.not_before,
            iat: claims.issued_at,
            jti: claims.token_id().map(str::to_owned),
            client_id: claims.client().map(str::to_owned),
            scope: claims.scope().to_owned(),
            auth_time: login.time,
            acr: login.context.as_deref().map(str::to_owned),
            amr: texts(&login.methods),
            unknown,
            bound: match &claims.confirmation {
                Confirmation::None => Bound::Nothing,
                Confirmation::Certificate(thumbprint) => Bound::Certificate(thumbprint.to_string()),
                Confirmation::Unsupported => Bound::Unsupported,
            },
            chain_complete: claims.chain_complete,
            hash_key: (!recorded.is_empty() || !request.is_empty()).then(|| conceal.key_id().to_owned()),
            claims: recorded,
            request,
            bytes: claims.payload().len(),
            from: sources.into_iter().map(source).collect(),
        }
    }

    /// The value of a fact that a record has beside its sources.
    fn own_value(&self, fact: &str) -> Option<String> {
        Some(match fact {
            "initiator" => self.initiator.subject().to_owned(),
            "kind of the initiator" => self.kind.to_string(),
            "client" => self.claims.client()?.to_owned(),
            "scopes" => self.claims.scope().to_owned(),
            "audience" => self.claims.audience().join(", "),
            _ => return None,
        })
    }
}

/// The value of a claim, unless it is of the chain.
fn value_at(claims: &Claims, place: &str) -> Option<ExactValue> {
    let steps = claim_path::steps(place);
    let (first, rest) = steps.split_first()?;
    claims.get(first)?;
    claims.exact(first)?.at(rest.iter().map(|step| &**step)).cloned()
}

impl RecordedFacts {
    /// What the facts come from, with their values.
    pub(crate) fn sources(&self, facts: &Facts) -> Vec<FactSource> {
        let source = |source: &RecordedSource| FactSource {
            fact: source.fact.clone(),
            value: source
                .value
                .clone()
                .or_else(|| facts.own_value(&source.fact))
                .unwrap_or_default(),
            source: source.source.clone(),
        };
        self.from.iter().map(source).collect()
    }

    /// The facts, by the values that rules compare with and those of the facts themselves; `conceal` has the key of the hashes, if
    /// it is known.
    pub(crate) fn restore(&self, candidates: &[ExactValue], conceal: Option<&dyn Conceal>) -> RestoredFacts {
        let conceal = conceal.filter(|conceal| self.has_key_of(*conceal));
        let text = |text: &str| ExactValue::Text(text.into());
        let mut own = vec![
            ExactValue::Bool(false),
            ExactValue::Bool(true),
            text(""),
            text(&self.iss),
            text(&self.sub),
        ];
        own.extend(self.client_id.iter().map(|client| text(client)));
        own.extend(
            self.actors
                .iter()
                .flat_map(|actor| [text(&actor.iss), text(&actor.sub)]),
        );
        let mut payload = ExactValue::Object(BTreeMap::new());
        for (claim, form) in &self.unknown {
            payload.set(&[claim], form.value());
        }
        let mut missing = BTreeMap::new();
        // A claim comes before what is within it.
        let mut recorded: Vec<_> = self
            .claims
            .iter()
            .map(|(place, value)| (claim_path::steps(place), place, value))
            .collect();
        recorded.sort_by_key(|(steps, ..)| steps.len());
        for (steps, place, value) in recorded {
            let mut restoring = Restoring::new(place, candidates.iter().chain(&own), conceal);
            if let Some(value) = value {
                let steps: Vec<&str> = steps.iter().map(|step| &**step).collect();
                payload.set(&steps, value.restore(&mut restoring));
            }
            missing.insert(place.clone(), restoring.missing);
        }
        RestoredFacts {
            facts: self.facts(&payload),
            missing,
        }
    }

    fn facts(&self, payload: &ExactValue) -> Facts {
        let mut json = String::new();
        payload.write(&mut json);
        // Blanks in place of the claims that are not recorded, so that a rule that reads no claims of this length reads none here.
        let blanks = self.bytes.min(MAX_BYTES).saturating_sub(json.len());
        json.extend(std::iter::repeat_n(' ', blanks));
        let texts = |texts: &[String]| texts.iter().map(|text| (**text).into()).collect();
        let text = |text: &Option<String>| text.as_deref().map(Into::into);
        let mut claims = Claims::of_record(json);
        claims.set_audience(self.aud.iter().map(|audience| &**audience));
        claims.expiration = self.exp;
        claims.not_before = self.nbf;
        claims.issued_at = self.iat;
        claims.set_token_id(self.jti.as_deref());
        claims.set_client(self.client_id.as_deref());
        claims.set_scope(&self.scope);
        claims.authentication = Authentication {
            time: self.auth_time,
            context: text(&self.acr),
            methods: texts(&self.amr),
        };
        claims.confirmation = match &self.bound {
            Bound::Nothing => Confirmation::None,
            Bound::Certificate(thumbprint) => Confirmation::Certificate((**thumbprint).into()),
            Bound::Unsupported => Confirmation::Unsupported,
        };
        claims.chain_complete = self.chain_complete;
        let party = |issuer: &str, subject: &str| Party::new(Arc::from(issuer), subject.into());
        let kind = |kind: &str| kind_of(kind).unwrap_or(Kind::Unknown);
        let initiator = party(&self.iss, &self.sub);
        let actors = self.actors.iter();
        let mut actors = actors.map(|actor| Actor::new(party(&actor.iss, &actor.sub), kind(&actor.kind)));
        let delegation = match actors.next() {
            None => Delegation::None,
            Some(actor) if *actor.party() == initiator => Delegation::SelfActor(actor),
            Some(actor) => Delegation::Delegated(actor),
        };
        Facts {
            claims,
            kind: kind(&self.kind),
            delegation,
            prior: actors.collect(),
            initiator,
            contradictory: false,
        }
    }
}
