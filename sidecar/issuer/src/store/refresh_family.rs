//! Refresh tokens (RFC 6749 section 6), rotated at each use.

use serde::{Deserialize, Serialize};

use crate::audit::{Entry, Event};
use crate::claims::{Act, Authentication};
use crate::scope::ScopeSet;
use crate::secret::{NoRandomness, is_same, random_id, s256};

/// The refresh tokens that follow one another from one authorization. Only the last of them can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshFamily {
    /// The digest of the part that all tokens of the family share.
    family: String,
    /// The digest of the part that is new in each token.
    current: String,
    #[serde(flatten)]
    pub(crate) grant: FamilyGrant,
}

/// A refresh token as a client presents it: `txn`, family and token, each in base64url, with a dot between them.
pub(crate) struct PresentedRefreshToken<'a> {
    /// Where the family is stored.
    pub(crate) txn: &'a str,
    family: &'a str,
    secret: &'a str,
}

impl<'a> PresentedRefreshToken<'a> {
    /// None for a text that is no refresh token of an issuer of this kind.
    pub(crate) fn parse(text: &'a str) -> Option<PresentedRefreshToken<'a>> {
        let mut parts = text.split('.');
        let (txn, family, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let is_token = parts.next().is_none() && (txn.len(), family.len(), secret.len()) == (22, 43, 43);
        is_token.then_some(PresentedRefreshToken { txn, family, secret })
    }

    /// Whether the token is or was one of the family. Its holder has had a token of it: the shared part is a secret.
    pub(crate) fn is_of(&self, family: &RefreshFamily) -> bool {
        is_same(&s256(self.family), &family.family)
    }

    /// Whether the token is the last one of the family.
    pub(crate) fn is_current(&self, family: &RefreshFamily) -> bool {
        self.is_of(family) && is_same(&s256(self.secret), &family.current)
    }

    /// The next token of the family, which replaces the current one.
    pub(crate) fn rotate(&self, family: &mut RefreshFamily) -> Result<String, NoRandomness> {
        let secret = random_id()?;
        family.current = s256(&secret);
        Ok(format!("{}.{}.{secret}", self.txn, self.family))
    }
}

/// What a family is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FamilyGrant {
    pub(crate) txn: String,
    pub(crate) client: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
    pub(crate) scope: ScopeSet,
    pub(crate) authentication: Authentication,
    pub(crate) act: Option<Box<Act>>,
    /// In seconds since the epoch; every token of the family expires then.
    pub(crate) expires: u64,
}

impl RefreshFamily {
    /// A family and its first token.
    pub(crate) fn begin(grant: FamilyGrant) -> Result<(RefreshFamily, String), NoRandomness> {
        let (family, secret) = (random_id()?, random_id()?);
        let token = format!("{}.{family}.{secret}", grant.txn);
        let (family, current) = (s256(&family), s256(&secret));
        let family = RefreshFamily { family, current, grant };
        Ok((family, token))
    }

    /// Whether the party is the subject or any actor.
    pub(crate) fn names(&self, party: &str) -> bool {
        self.grant.subject == party || self.actors().any(|actor| actor == party)
    }

    /// An event about the family.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        Entry {
            txn: Some(self.grant.txn.clone()),
            sub: Some(self.grant.subject.clone()),
            actors: self.actors().map(str::to_owned).collect(),
            client_id: Some(self.grant.client.clone()),
            scope: Some(self.grant.scope.clone()),
            aud: Some(self.grant.audience.clone()),
            ..Entry::new(event)
        }
    }

    fn actors(&self) -> impl Iterator<Item = &str> {
        self.grant.act.as_deref().into_iter().flat_map(Act::subjects)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{FamilyGrant, PresentedRefreshToken, RefreshFamily};
    use crate::claims::Authentication;
    use crate::scope::ScopeSet;
    use crate::secret::transaction_id;

    pub(crate) fn family(client: &str, expires: u64) -> (RefreshFamily, String) {
        RefreshFamily::begin(FamilyGrant {
            txn: transaction_id().unwrap(),
            client: client.to_owned(),
            subject: "alice".to_owned(),
            audience: "https://orders.example".to_owned(),
            scope: ScopeSet::default(),
            authentication: Authentication {
                auth_time: 1,
                acr: "aal1".to_owned(),
                amr: Vec::new(),
            },
            act: None,
            expires,
        })
        .unwrap()
    }

    #[test]
    fn only_the_last_token_of_a_family_is_current() {
        let (mut family, first) = family("storefront", 9);
        let first = PresentedRefreshToken::parse(&first).unwrap();
        assert!(first.is_current(&family));
        let second = first.rotate(&mut family).unwrap();
        let second = PresentedRefreshToken::parse(&second).unwrap();
        assert!(first.is_of(&family) && !first.is_current(&family));
        assert!(second.is_current(&family));
        let (other, _) = super::tests::family("storefront", 9);
        assert!(!second.is_of(&other) && !second.is_current(&other));
    }

    #[test]
    fn a_family_has_no_part_of_its_tokens() {
        let (family, token) = family("storefront", 9);
        let stored = serde_json::to_string(&family).unwrap();
        for part in token.split('.').skip(1) {
            assert!(!stored.contains(part) && !format!("{family:?}").contains(part));
        }
    }

    #[test]
    fn another_text_is_no_refresh_token() {
        let (_, token) = family("storefront", 9);
        for text in [
            "",
            ".",
            "..",
            "a.b.c",
            &token[1..],
            &format!("{token}."),
            &format!("{token}x"),
        ] {
            assert!(PresentedRefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
