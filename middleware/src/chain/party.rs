//! Parties: the pair (issuer, subject), compared byte for byte.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::profile::Kind;
use crate::shared_text::{Place, SharedDocument, SharedText};

/// A party as one issuer names it. The same subject of two issuers is two parties.
///
/// A clone keeps the text of the claims that the party is from in memory: a map that outlives tokens is better keyed by
/// [`issuer`](Self::issuer) and [`subject`](Self::subject).
#[derive(Clone)]
pub struct Party {
    issuer: Issuer,
    subject: SharedText,
}

/// The issuer of a party.
#[derive(Clone)]
enum Issuer {
    /// A part of the text that the subject is a part of, and so without a count of its own.
    Beside(Place),
    Own(Arc<str>),
}

impl Party {
    pub(crate) fn new(issuer: Arc<str>, subject: SharedText) -> Self {
        let issuer = Issuer::Own(issuer);
        Party { issuer, subject }
    }

    /// A party whose subject, and mostly its issuer too, was read from `document`. `own` is the issuer where it was not.
    pub(crate) fn read(
        document: &SharedDocument<'_>,
        issuer: &str,
        subject: &str,
        own: impl FnOnce() -> Arc<str>,
    ) -> Self {
        let subject = document.text(subject);
        let issuer = match document.place(issuer) {
            Some(place) if subject.is_of(document) => Issuer::Beside(place),
            _ => Issuer::Own(own()),
        };
        Party { issuer, subject }
    }

    /// The issuer that names the party: `iss` of the token, or of the `act` object where present.
    pub fn issuer(&self) -> &str {
        match &self.issuer {
            Issuer::Beside(place) => place.of(self.subject.whole()),
            Issuer::Own(issuer) => issuer,
        }
    }

    /// Whether both are of one issuer, whose text the parties of a token usually share.
    #[inline]
    pub(crate) fn has_issuer_of(&self, other: &Party) -> bool {
        let (whole, whole_of_other) = (self.subject.whole(), other.subject.whole());
        let is_shared = match (&self.issuer, &other.issuer) {
            (Issuer::Beside(one), Issuer::Beside(other)) => one == other && Arc::ptr_eq(whole, whole_of_other),
            (Issuer::Own(one), Issuer::Own(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        is_shared || self.issuer() == other.issuer()
    }

    /// The issuer, for another party of it: a copy where it is beside the subject.
    pub(crate) fn to_issuer(&self) -> Arc<str> {
        match &self.issuer {
            Issuer::Beside(_) => self.issuer().into(),
            Issuer::Own(issuer) => Arc::clone(issuer),
        }
    }

    pub(crate) fn has_subject(&self, subject: &str) -> bool {
        self.subject.is(subject)
    }

    /// The subject identifier (`sub`).
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl PartialEq for Party {
    fn eq(&self, other: &Self) -> bool {
        self.has_issuer_of(other) && self.subject == other.subject
    }
}

impl Eq for Party {}

impl Hash for Party {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.issuer().hash(state);
        self.subject.hash(state);
    }
}

/// Prints no identifier: debug output ends up in logs.
impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party(..)")
    }
}

/// A party that acts, or acted, for the initiator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    party: Party,
    kind: Kind,
}

impl Actor {
    pub(crate) fn new(party: Party, kind: Kind) -> Self {
        Actor { party, kind }
    }

    /// The party.
    pub fn party(&self) -> &Party {
        &self.party
    }

    /// The kind of the party, as the issuer states it.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_party_is_the_same_wherever_its_texts_are_kept() {
        let claims = r#"{"iss":"https://idp","sub":"u1","act":{"sub":"u1"}}"#;
        let document = SharedDocument::new(claims);
        let read = |issuer: &str, subject: &str| Party::read(&document, issuer, subject, || issuer.into());
        let beside = read(&claims[8..19], &claims[28..30]);
        assert!(matches!(beside.issuer, Issuer::Beside(_)));
        let hashes = RandomState::new();
        for same in [
            read(&claims[8..19], &claims[46..48]),
            read("https://idp", &claims[28..30]),
            // A subject with escapes is no part of the text, and so its issuer is not beside it.
            read(&claims[8..19], "u1"),
            Party::new("https://idp".into(), "u1".into()),
            Party::new(beside.to_issuer(), "u1".into()),
        ] {
            assert_eq!((same.issuer(), same.subject()), ("https://idp", "u1"));
            assert_eq!((&same, &beside), (&beside, &same));
            assert_eq!(hashes.hash_one(&same), hashes.hash_one(&beside));
        }
        for other in [
            read("https://idp2", &claims[28..30]),
            read(&claims[8..18], &claims[28..30]),
        ] {
            assert_ne!(other, beside);
            assert!(!other.has_issuer_of(&beside));
        }
        assert_ne!(read(&claims[8..19], &claims[28..29]), beside);
    }

    #[test]
    fn the_same_place_of_two_documents_is_two_issuers() {
        let read = |issuer: &str| {
            let claims = format!(r#"{{"iss":"{issuer}","sub":"u1"}}"#);
            let document = SharedDocument::new(&claims);
            Party::read(&document, &claims[8..21], &claims[30..32], || issuer.into())
        };
        let [one, same, other] = ["https://idp-a", "https://idp-a", "https://idp-b"].map(read);
        let [place, place_of_same, place_of_other] = [&one, &same, &other].map(|party| match party.issuer {
            Issuer::Beside(place) => Some(place),
            Issuer::Own(_) => None,
        });
        assert!(place.is_some() && place == place_of_same && place == place_of_other);
        assert_eq!((one.subject(), other.subject()), ("u1", "u1"));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert!(!one.has_issuer_of(&other));
        let hashes = RandomState::new();
        assert_eq!(hashes.hash_one(&one), hashes.hash_one(&same));
        assert_ne!(hashes.hash_one(&one), hashes.hash_one(&other));
    }
}
