//! The evidence of each kind of party.

use std::fmt;

use actgate_yaml::OneOrMany;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::claim_name::ClaimName;
use super::claim_test::{self, Unmet};
use super::entity_profile::EntityProfile;
#[cfg(feature = "schema")]
use super::evidence::EvidenceDocument;
use super::evidence::{Evidence, MAX_PARTS, PartyClaims, PositiveEvidence};
use super::kind::Kind;

/// What proves the kind of a party: lists of evidence, one of which must hold.
///
/// It is read from a configuration, such as `{ human: [{ subject: "auth0|*" }], service: [{ client: batch }] }`:
///
/// - `subject`: the identifier of the party, or several, each with at most one `*` at its beginning or end;
/// - `client`: the client of the token, or several; within an actor, the client that its `act` names;
/// - `claims`: tests on claims; see [`Profile`](super::Profile).
///
/// All parts of one item must hold. Evidence of a person and of a machine contradicts itself: the kind is then unknown. An
/// agent is a service that decides by itself, so that evidence of both proves an agent.
///
/// ```
/// use actgate::profile::Kinds;
///
/// let kinds = Kinds::from_yaml("human: [{ subject: 'auth0|*' }]\nagent: [{ client: planner }]")?;
/// assert!(Kinds::from_yaml("human: [{}]").is_err());
/// # Ok::<(), actgate::profile::ProfileError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "KindsDocument")]
#[cfg_attr(
    feature = "schema",
    schemars(description = "The evidence of each kind of a party. One item of a list must hold.")
)]
pub struct Kinds {
    human: EvidenceList,
    agent: EvidenceList,
    service: EvidenceList,
    /// The one claim whose entity profile is the evidence of each kind, and all there is, as in the tokens of most issuers.
    entity_profile: Option<ClaimName>,
}

/// The kinds as they are written.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `{ human: [{ claims: { CLAIM: VALUE } }] }`"
)]
#[cfg_attr(feature = "schema", schemars(rename = "Kinds"))]
struct KindsDocument {
    /// Evidence of a person; one, or a list.
    /// Example: `[{ subject: 'auth0|*' }]`
    #[serde(deserialize_with = "positive")]
    human: EvidenceList,
    /// Evidence of software that decides on its own what to do next; one, or a list.
    /// Example: `[{ client: planner }]`
    agent: EvidenceList,
    /// Evidence of software that does what it was built to do; one, or a list.
    /// Example: `[{ client: batch }]`
    service: EvidenceList,
}

impl From<KindsDocument> for Kinds {
    fn from(KindsDocument { human, agent, service }: KindsDocument) -> Kinds {
        let claim_of = |kind, list: &EvidenceList| match list.all() {
            [evidence] => evidence
                .entity_profile()
                .filter(|(_, profile)| profile.kind() == kind)
                .map(|(claim, _)| claim),
            _ => None,
        };
        let entity_profile = claim_of(Kind::Human, &human).filter(|claim| {
            let is_same = |kind, list| claim_of(kind, list).as_ref() == Some(claim);
            is_same(Kind::Agent, &agent) && is_same(Kind::Service, &service)
        });
        Kinds {
            human,
            agent,
            service,
            entity_profile,
        }
    }
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// Pieces of evidence, one of which must hold.
    EvidenceList = "EvidenceList", { "anyOf": [
        generator.subschema_for::<EvidenceDocument>(),
        { "type": "array", "maxItems": MAX_PARTS, "items": generator.subschema_for::<EvidenceDocument>() },
    ] };
}

/// A list of evidence, one of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EvidenceList(Box<[Evidence]>);

/// What evidence proves of a party.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum ProvenKind<'k> {
    /// There is no evidence.
    #[default]
    Nothing,
    /// There is evidence of one kind; the first that holds.
    One(Kind, &'k Evidence),
    /// There is evidence of a person and of a machine.
    Contradiction([(Kind, &'k Evidence); 2]),
}

impl<'k> ProvenKind<'k> {
    /// The kind; unknown without evidence, and with evidence that contradicts itself.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            ProvenKind::One(kind, _) => *kind,
            ProvenKind::Nothing | ProvenKind::Contradiction(_) => Kind::Unknown,
        }
    }

    /// Whether there is evidence of a person and of a machine.
    pub(crate) fn is_contradiction(&self) -> bool {
        matches!(self, ProvenKind::Contradiction(_))
    }

    /// With one more piece of evidence.
    fn and(self, kind: Kind, evidence: &'k Evidence) -> Self {
        match self {
            ProvenKind::Nothing => ProvenKind::One(kind, evidence),
            // An agent is a service that decides by itself.
            ProvenKind::One(Kind::Service, _) if kind == Kind::Agent => ProvenKind::One(kind, evidence),
            ProvenKind::One(first, earlier) if (first == Kind::Human) != (kind == Kind::Human) => {
                ProvenKind::Contradiction([(first, earlier), (kind, evidence)])
            }
            ProvenKind::One(..) | ProvenKind::Contradiction(_) => self,
        }
    }
}

/// Why the kind is what it is.
impl fmt::Display for ProvenKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProvenKind::Nothing => f.write_str("no evidence of a kind"),
            ProvenKind::One(_, evidence) => evidence.fmt(f),
            ProvenKind::Contradiction([(first, evidence), (second, other)]) => {
                write!(
                    f,
                    "the evidence contradicts itself: {first}, {evidence}; {second}, {other}"
                )
            }
        }
    }
}

impl Kinds {
    /// What all of these prove together of a party. As an entity profile of both does, evidence of an agent and of a service
    /// proves an agent.
    ///
    /// # Errors
    /// The claim that is malformed.
    pub(crate) fn derive<'k>(
        all: impl Iterator<Item = &'k Kinds>,
        party: &PartyClaims<'_, '_>,
    ) -> Result<ProvenKind<'k>, Unmet> {
        let mut proven = ProvenKind::default();
        for kinds in all.filter(|kinds| !kinds.is_empty()) {
            if let Some(claim) = kinds.entity_profile {
                // It is read once for all kinds.
                let found = claim_test::entity_profile(claim, party.object)?;
                if let Some(kind) = found.map(EntityProfile::kind)
                    && let [evidence] = kinds.of(kind)
                {
                    proven = proven.and(kind, evidence);
                }
                continue;
            }
            for (kind, list) in [
                (Kind::Human, &kinds.human),
                (Kind::Agent, &kinds.agent),
                (Kind::Service, &kinds.service),
            ] {
                if let Some(evidence) = list.find(kind, party)? {
                    proven = proven.and(kind, evidence);
                }
            }
        }
        Ok(proven)
    }

    /// Whether there is no evidence of any kind, as an operator adds none for most issuers.
    fn is_empty(&self) -> bool {
        self.human.is_empty() && self.agent.is_empty() && self.service.is_empty()
    }

    /// The evidence of a kind.
    pub(crate) fn of(&self, kind: Kind) -> &[Evidence] {
        match kind {
            Kind::Human => &self.human.0,
            Kind::Agent => &self.agent.0,
            Kind::Service => &self.service.0,
            Kind::Unknown => &[],
        }
    }
}

impl EvidenceList {
    pub(crate) fn all(&self) -> &[Evidence] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first evidence that a party is of a kind.
    #[inline]
    pub(crate) fn find(&self, kind: Kind, party: &PartyClaims<'_, '_>) -> Result<Option<&Evidence>, Unmet> {
        for evidence in &self.0 {
            // RFC 9068 section 2.2: without a person the subject is the client. That a client serves people says nothing of it.
            if kind == Kind::Human && evidence.is_of_client() && party.client == Some(party.subject) {
                continue;
            }
            if evidence.holds(party)? {
                return Ok(Some(evidence));
            }
        }
        Ok(None)
    }
}

impl<'de> Deserialize<'de> for EvidenceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_list(deserializer, |evidence: Evidence| evidence)
    }
}

/// Reads evidence that what a token lacks is no part of alone: of a person, or of an agent that acts.
pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EvidenceList, D::Error> {
    read_list(deserializer, |PositiveEvidence(evidence)| evidence)
}

fn read_list<'de, D, T>(deserializer: D, evidence: fn(T) -> Evidence) -> Result<EvidenceList, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let OneOrMany(list) = OneOrMany::<T>::deserialize(deserializer)?;
    if list.len() > MAX_PARTS {
        let message = format!("the list has more than {MAX_PARTS} items\nwrite fewer, with lists of values in them");
        return Err(D::Error::custom(message));
    }
    Ok(EvidenceList(list.into_iter().map(evidence).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn derive(kinds: &[&str], subject: &str, claims: &str) -> String {
        let kinds: Vec<Kinds> = kinds.iter().map(|text| Kinds::from_yaml(text).unwrap()).collect();
        let object = crate::json::object(claims.as_bytes(), &Limits::default()).unwrap();
        let party = PartyClaims {
            subject,
            client: object.get("client_id").and_then(|client| client.as_str()),
            object: &object,
        };
        match Kinds::derive(kinds.iter(), &party) {
            Ok(proven) => format!("{}: {proven}", proven.kind()),
            Err(unmet) => format!("{} is malformed", unmet.claim),
        }
    }

    #[test]
    fn one_kind_of_evidence_proves_and_two_contradict() {
        let preset = "human: [{ claims: { sid: { present: true } } }]
service: [{ claims: { typ: m2m } }]";
        let operator = "human: [{ subject: 'u|*' }, { client: web }]
agent: { client: [planner, worker] }";
        for (subject, claims, expected) in [
            ("x", r#"{"sid":"1"}"#, "human: `sid` is present"),
            ("x", r#"{"typ":"m2m"}"#, "service: `typ` is `m2m`"),
            (
                "x",
                r#"{"sid":"1","typ":"m2m"}"#,
                "unknown: the evidence contradicts itself: human, `sid` is present; service, `typ` is `m2m`",
            ),
            ("u|1", "{}", "human: the subject is `u|*`"),
            ("x", r#"{"client_id":"web"}"#, "human: the client is `web`"),
            ("web", r#"{"client_id":"web"}"#, "unknown: no evidence of a kind"),
            ("u|1", r#"{"sid":"1"}"#, "human: `sid` is present"),
            (
                "x",
                r#"{"client_id":"worker"}"#,
                "agent: the client is `planner` or `worker`",
            ),
            (
                "u|1",
                r#"{"client_id":"worker"}"#,
                "unknown: the evidence contradicts itself: human, the subject is `u|*`; agent, the client is `planner` or `worker`",
            ),
            ("x", "{}", "unknown: no evidence of a kind"),
            ("", "{}", "unknown: no evidence of a kind"),
            ("x", r#"{"typ":7}"#, "typ is malformed"),
        ] {
            assert_eq!(
                derive(&[preset, operator], subject, claims),
                expected,
                "{subject} {claims}"
            );
        }
        assert_eq!(derive(&[], "x", "{}"), "unknown: no evidence of a kind");
    }

    #[test]
    fn evidence_that_makes_no_sense_is_a_mistake() {
        for (text, expected) in [
            ("human: [{}]", "1:9: evidence without a part would always hold"),
            ("human: [{ subject: '*' }]", "1:20: `*` matches every subject"),
            (
                "agent: [{ client: 'a*' }]",
                "1:19: `a*` is a pattern, and clients are compared as they are",
            ),
            ("agent: [{ client: [] }]", "1:9: no party meets an empty list"),
            (
                "human: [{ claims: { gty: { absent: true } } }]",
                "1:9: what a token lacks proves nothing here",
            ),
            (
                "human: { claims: { azp: { not_same_as: sub } } }",
                "1:8: what a token lacks proves nothing here",
            ),
            (
                "service: [{ claims: { sub: { same_as: sub } } }]",
                "1:21: `sub` is compared with itself",
            ),
            (
                "service: [{ claims: { /sub: { same_as: sub } } }]",
                "1:21: `sub` is compared with itself",
            ),
            (
                "agent: [{ claims: { realm_access.roles: a } }]",
                "1:19: `realm_access.roles` is a path with dots, and a claim of this name is rare",
            ),
            ("person: []", "1:1: unknown key `person`"),
            (
                "human: [{ claims: {} }]",
                "1:19: a mapping of claims has from 1 to 64 of them",
            ),
        ] {
            let error = Kinds::from_yaml(text).unwrap_err().to_string();
            assert_eq!(error.lines().next().unwrap(), expected, "{text}");
        }
    }
}
