//! Evidence: what must hold for the claims of a party or of a token.

use std::collections::BTreeMap;
use std::fmt;

use actgate_yaml::OneOrMany;
use serde::de::{Deserialize, Deserializer, Error as _};

use super::claim_name::ClaimName;
use super::claim_test::{ClaimTest, Unmet};
use super::entity_profile::EntityProfile;
use super::subject_pattern::SubjectPattern;
use crate::claim_path::{self, DottedPath};
use crate::error::Reason;
use crate::json::Object;
use crate::look::Look;

/// Most tests in one piece of evidence, and most pieces in one list.
pub(super) const MAX_PARTS: usize = 64;

/// Tests on claims, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClaimTests(Box<[(ClaimName, ClaimTest)]>);

/// A conjunction on a party: its identifier, its client, its claims. At least one part is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// The subject matches one of these.
    subjects: Box<[SubjectPattern]>,
    /// The client is one of these.
    clients: Box<[Box<str>]>,
    claims: ClaimTests,
}

/// What evidence reads of a party.
#[derive(Clone, Copy)]
pub(crate) struct PartyClaims<'c, 'a> {
    pub(crate) subject: &'c str,
    pub(crate) client: Option<&'c str>,
    pub(crate) object: &'c Object<'a>,
}

impl ClaimTests {
    /// # Errors
    /// The first test that is not met.
    pub(crate) fn check(&self, object: &Object<'_>) -> Result<(), Unmet> {
        self.0.iter().try_for_each(|(claim, test)| test.check(*claim, object))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a test is on the top-level claim of this name, or on a value within it.
    pub(crate) fn read(&self, claim: &str) -> bool {
        let is_top = |name: ClaimName| claim_path::steps(name.as_str()).first().is_some_and(|top| top == claim);
        let mut tests = self.0.iter();
        tests.any(|(name, test)| is_top(*name) || test.other().is_some_and(is_top))
    }

    /// Whether a test is met by what a claim contains, and not by what it lacks.
    fn is_positive(&self) -> bool {
        self.0.iter().any(|(_, test)| test.is_positive())
    }

    /// Whether a test can separate tokens of one type: the presence of a claim that tokens of every kind have cannot.
    pub(super) fn is_marker(&self) -> bool {
        const COMMON: [&str; 7] = ["iss", "sub", "aud", "exp", "iat", "nbf", "auth_time"];
        let mut tests = self.0.iter();
        tests.any(|(claim, test)| match test {
            ClaimTest::Present => !COMMON.contains(&claim.as_str()),
            test => test.is_positive(),
        })
    }
}

impl Evidence {
    /// Whether it names the client, and nothing else.
    pub(super) fn is_of_client(&self) -> bool {
        self.subjects.is_empty() && self.claims.is_empty()
    }

    /// Whether a test is on the top-level claim of this name, or on a value within it.
    pub(crate) fn reads(&self, claim: &str) -> bool {
        self.claims.read(claim)
    }

    /// Whether it is on the client.
    pub(crate) fn names_client(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Whether it is on the subject, and this one is one of those that it names.
    pub(crate) fn names_subject(&self, subject: &str) -> bool {
        self.subjects.iter().any(|pattern| pattern.matches(subject))
    }

    /// Whether it is on the subject, and this one is none of those that it names.
    pub(crate) fn excludes_subject(&self, subject: &str) -> bool {
        !self.subjects.is_empty() && !self.names_subject(subject)
    }

    /// Whether it is met by what is there, and not by what is missing.
    fn is_positive(&self) -> bool {
        !self.subjects.is_empty() || !self.clients.is_empty() || self.claims.is_positive()
    }

    /// The claim whose entity profile it is, if it is nothing else.
    pub(super) fn entity_profile(&self) -> Option<(ClaimName, EntityProfile)> {
        match (&*self.subjects, &*self.clients, &*self.claims.0) {
            ([], [], [(claim, ClaimTest::EntityProfile(profile))]) => Some((*claim, *profile)),
            _ => None,
        }
    }

    /// Whether the evidence is there.
    ///
    /// # Errors
    /// The claim that is malformed.
    pub(crate) fn holds(&self, party: &PartyClaims<'_, '_>) -> Result<bool, Unmet> {
        let names_client = || {
            let client = party.client.unwrap_or_default();
            self.clients.iter().any(|named| **named == *client)
        };
        if self.excludes_subject(party.subject) || !(self.clients.is_empty() || names_client()) {
            return Ok(false);
        }
        match self.claims.check(party.object) {
            Ok(()) => Ok(true),
            Err(unmet) if unmet.reason == Reason::Malformed => Err(unmet),
            Err(_) => Ok(false),
        }
    }
}

/// The tests in words: `` `sid` is present and `typ` is `Bearer` ``.
impl fmt::Display for ClaimTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (claim, test)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " and " };
            write!(f, "{separator}`{claim}` {test}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.subjects.is_empty() {
            let patterns: Vec<String> = self.subjects.iter().map(|pattern| format!("`{pattern}`")).collect();
            parts.push(format!("the subject is {}", patterns.join(" or ")));
        }
        if !self.clients.is_empty() {
            let clients: Vec<String> = self.clients.iter().map(|client| format!("`{client}`")).collect();
            parts.push(format!("the client is {}", clients.join(" or ")));
        }
        if !self.claims.is_empty() {
            parts.push(self.claims.to_string());
        }
        f.write_str(&parts.join(" and "))
    }
}

impl<'de> Deserialize<'de> for ClaimTests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tests = BTreeMap::<String, ClaimTest>::deserialize(deserializer)?;
        if tests.is_empty() || tests.len() > MAX_PARTS {
            let message = format!("a mapping of claims has from 1 to {MAX_PARTS} of them\nwrite `CLAIM: VALUE`");
            return Err(D::Error::custom(message));
        }
        if let Some(dotted) = tests.keys().find_map(|name| DottedPath::of(name)) {
            return Err(D::Error::custom(format!("{}\n{}", dotted.message, dotted.help)));
        }
        let named = tests
            .into_iter()
            .map(|(name, test)| Ok((ClaimName::path(&name)?, test)));
        let tests: Result<Vec<_>, &str> = named.collect();
        let tests = tests.map_err(D::Error::custom)?;
        if let Some((name, _)) = tests.iter().find(|(name, test)| test.refers_to(*name)) {
            let message = format!("`{}` is compared with itself\nname another claim", name.as_str());
            return Err(D::Error::custom(message));
        }
        Ok(ClaimTests(tests.into_iter().collect()))
    }
}

/// One piece of evidence. All of its parts must hold.
#[derive(Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `{ subject: VALUE }`, `{ client: ID }` or `{ claims: { CLAIM: VALUE } }`"
)]
#[cfg_attr(feature = "schema", schemars(rename = "Evidence", extend("minProperties" = 1)))]
pub(super) struct EvidenceDocument {
    /// The subject is this text, or begins with the text before a `*`, or ends with the one after it; one, or a list.
    /// Example: `auth0|*`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    subject: Option<OneOrMany<SubjectPattern>>,
    /// The client of the token is this one, or one of a list; within an actor, the client that its `act` names.
    /// Example: `batch`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    client: Option<OneOrMany<ClientId>>,
    /// Tests by the name of a claim, or by its path: `/realm_access/roles`. All of them must hold.
    /// Example: `{ gty: client-credentials }`
    claims: Option<ClaimTests>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// Tests by the name of a claim, or by its path: `/realm_access/roles`. All of them must hold.
    ClaimTests = "EvidenceTests", {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_PARTS,
        "propertyNames": { "pattern": r"^[^*\s]([^*]*[^*\s])?$" },
        "additionalProperties": generator.subschema_for::<ClaimTest>(),
    };
    /// The identifier of a client.
    ClientId = "ClientId", { "type": "string", "pattern": r"^[^*\s]([^*]*[^*\s])?$" };
}

/// The identifier of a client, as written.
pub(super) struct ClientId(pub(super) Box<str>);

impl<'de> Deserialize<'de> for ClientId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() || text.trim() != text || text.contains(char::is_control) {
            let message = "a client has no blank at an end and no control character\nwrite it as the token has it";
            return Err(D::Error::custom(message));
        }
        if Look::is_expanded(&text) {
            let message = format!("`{text}` is a pattern, and clients are compared as they are\nwrite each client");
            return Err(D::Error::custom(message));
        }
        Ok(ClientId(text.into()))
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = EvidenceDocument::deserialize(deserializer)?;
        if document.subject.is_none() && document.client.is_none() && document.claims.is_none() {
            let help = "write `subject`, `client` or `claims`";
            return Err(D::Error::custom(format!(
                "evidence without a part would always hold\n{help}"
            )));
        }
        let lists = [
            document.subject.as_ref().map(|list| list.len()),
            document.client.as_ref().map(|list| list.len()),
        ];
        if lists.into_iter().flatten().any(|length| length == 0) {
            return Err(D::Error::custom(
                "no party meets an empty list\nwrite at least one value",
            ));
        }
        Ok(Evidence {
            subjects: document.subject.map(|list| list.0.into()).unwrap_or_default(),
            clients: document
                .client
                .into_iter()
                .flat_map(|list| list.0)
                .map(|ClientId(id)| id)
                .collect(),
            claims: document.claims.unwrap_or_default(),
        })
    }
}

/// Evidence that is met by what is there.
pub(super) struct PositiveEvidence(pub(super) Evidence);

impl<'de> Deserialize<'de> for PositiveEvidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let evidence = Evidence::deserialize(deserializer)?;
        if evidence.is_positive() {
            return Ok(PositiveEvidence(evidence));
        }
        Err(D::Error::custom(
            "what a token lacks proves nothing here\nadd a test on what it contains, such as `{ present: true }`",
        ))
    }
}
