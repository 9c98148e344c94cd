//! The audience of a token (`aud`, RFC 7519 section 4.1.3).

use std::ops::Deref;
use std::slice;

use super::claim_reader::{ClaimReader, malformed, missing};
use crate::error::{Error, Reason};
use crate::profile::AudienceClaim;
use crate::shared_text::{Excerpt, SharedDocument};

/// Whom a token is for. Most tokens are for one resource, which needs no list.
#[derive(Clone)]
pub(crate) enum Audience {
    One(Excerpt),
    Several(Box<[Excerpt]>),
}

impl Audience {
    /// Reads the claim of the profile, or its substitute. It is required.
    pub(super) fn read(
        read: ClaimReader<'_, '_>,
        audience: AudienceClaim,
        document: &SharedDocument<'_>,
    ) -> Result<Audience, Error> {
        let AudienceClaim { claim, substitute } = audience;
        let mut claim = claim.as_str();
        let mut named = read.text_or_texts(claim)?;
        if let (None, Some(substitute)) = (&named, substitute) {
            claim = substitute.as_str();
            named = read.text_or_texts(claim)?;
        }
        let named = named.ok_or_else(|| missing(claim))?;
        if named.is_empty() || named.iter().any(|one| one.is_empty()) {
            return Err(malformed(claim));
        }
        Ok(match named[..] {
            [one] => Audience::One(document.excerpt(one)),
            _ => named.iter().map(|one| document.excerpt(one)).collect(),
        })
    }

    /// Leaves out all but the first one.
    pub(super) fn keep_first(&mut self) {
        if let [first, _, ..] = &**self {
            *self = Audience::One(first.clone());
        }
    }

    /// The same without the document that they are from.
    pub(super) fn own(&self, document: &str) -> Audience {
        self.iter().map(|named| named.own(document)).collect()
    }

    /// Checks that one of the accepted audiences is named in the document.
    pub(super) fn check(&self, document: &str, accepted: &[Box<str>]) -> Result<(), Error> {
        let is = |named: &Excerpt, accepted: &str| named.bytes_of(document) == accepted.as_bytes();
        let is_met = match (self, accepted) {
            // Those of most tokens and most issuers.
            (Audience::One(named), [accepted]) => is(named, accepted),
            (named, accepted) => named
                .iter()
                .any(|named| accepted.iter().any(|accepted| is(named, accepted))),
        };
        match is_met {
            true => Ok(()),
            false => Err(Error::claim("aud", Reason::Mismatch)),
        }
    }
}

impl Deref for Audience {
    type Target = [Excerpt];

    fn deref(&self) -> &[Excerpt] {
        match self {
            Audience::One(one) => slice::from_ref(one),
            Audience::Several(named) => named,
        }
    }
}

impl FromIterator<Excerpt> for Audience {
    fn from_iter<I: IntoIterator<Item = Excerpt>>(named: I) -> Self {
        Audience::Several(named.into_iter().collect())
    }
}
