//! Scopes (RFC 6749 section 3.3).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{INVALID_SCOPE, Result};

/// Asks for an ID token, and for access to the claims of the user.
pub(crate) const OPENID: &str = "openid";
/// Asks for a refresh token.
pub(crate) const OFFLINE_ACCESS: &str = "offline_access";
/// The scopes that belong to no resource (OpenID Connect Core sections 3.1.2.1 and 11).
pub(crate) const PROTOCOL_SCOPES: [&str; 2] = [OPENID, OFFLINE_ACCESS];

/// The other scopes of OpenID Connect Core section 5.4, which clients ask for by default. They are ignored (section 3.1.2.1).
const CLAIM_SCOPES: [&str; 4] = ["profile", "email", "address", "phone"];

/// A set of scopes, written with one space between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub(crate) struct ScopeSet(BTreeSet<String>);

impl ScopeSet {
    /// Reads the `scope` parameter of a request.
    pub(crate) fn parse(text: &str) -> Result<ScopeSet> {
        INVALID_SCOPE.when(text.split(' ').any(|scope| !is_scope(scope)), "the scope is malformed")?;
        Ok(ScopeSet::from(text.to_owned()))
    }

    pub(crate) fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_within(&self, other: &ScopeSet) -> bool {
        self.0.is_subset(&other.0)
    }

    pub(crate) fn intersection(&self, other: &ScopeSet) -> ScopeSet {
        ScopeSet(self.0.intersection(&other.0).cloned().collect())
    }

    pub(crate) fn union(&self, other: &ScopeSet) -> ScopeSet {
        ScopeSet(self.0.union(&other.0).cloned().collect())
    }

    /// The set without the scopes for claims of the user that the issuer does not have, unless they are among `known`.
    pub(crate) fn without_claim_scopes(mut self, known: &ScopeSet) -> ScopeSet {
        self.0
            .retain(|scope| !CLAIM_SCOPES.contains(&&**scope) || known.contains(scope));
        self
    }

    /// Moves the scopes that belong to no resource out of the set.
    pub(crate) fn take_protocol_scopes(&mut self) -> ScopeSet {
        let taken = PROTOCOL_SCOPES.into_iter().filter(|scope| self.0.remove(*scope));
        taken.map(str::to_owned).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// `scope-token` of RFC 6749: printable ASCII without space, quote and backslash.
pub(crate) fn is_scope(text: &str) -> bool {
    let is_allowed = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    !text.is_empty() && text.bytes().all(is_allowed)
}

impl FromIterator<String> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = String>>(scopes: I) -> ScopeSet {
        ScopeSet(scopes.into_iter().collect())
    }
}

impl From<String> for ScopeSet {
    fn from(text: String) -> ScopeSet {
        text.split_ascii_whitespace().map(str::to_owned).collect()
    }
}

impl From<ScopeSet> for String {
    fn from(scopes: ScopeSet) -> String {
        Vec::from_iter(scopes.0).join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::ScopeSet;

    #[test]
    fn a_scope_is_printable_ascii_with_single_spaces() {
        assert_eq!(ScopeSet::parse("b a b").map(String::from), Ok("a b".to_owned()));
        for malformed in [" a", "a ", "a  b", "a\tb", "a\"b", "a\\b", "ä", "a\nb"] {
            assert!(ScopeSet::parse(malformed).is_err(), "{malformed:?}");
        }
    }
}
