//! The tables of the database and their records in JSON: clients and resources beside the registry file, consents, live tokens,
//! refresh-token families.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io;

use redb::{Key, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::{is_same, random_id, s256};
use crate::{AccessClaims, Credential, Entry, Event, NoRandomness, OAuthError, ScopeSet, TEMPORARILY_UNAVAILABLE};

/// Facts of the store by name: `version`, `issuer`, `audited` (the digest of the audit line of the last change).
pub(super) const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");
/// [`crate::keys::StoredKey`] by its position in the ring.
pub(super) const KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("keys");
/// [`super::IssuedToken`] by `txn` and `jti`.
pub(super) const TOKENS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("tokens");
/// [`super::RefreshFamily`] by `txn`.
pub(super) const FAMILIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("families");
/// [`Consent`] by subject and client.
pub(super) const CONSENTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("consents");
/// [`super::ClientRecord`] by the identifier of the client.
pub(super) const CLIENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("clients");
/// An entry of `resources` by its identifier.
pub(super) const RESOURCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("resources");
/// When an identifier that is valid once expires, by its owner.
pub(super) const USED: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("used");
/// When tokens (`txn`, `jti`), families (`txn`, empty), and identifiers that are valid once (owner, identifier) end.
pub(super) const EXPIRIES: TableDefinition<'_, (u64, &str, &str), ()> = TableDefinition::new("expiries");

/// The store could not be read or changed. A change was not acknowledged then.
#[derive(Debug, thiserror::Error)]
#[error("store: {0}")]
pub(crate) struct StoreError(pub(super) String);

impl StoreError {
    /// Of any error of the database, which has no values of the records.
    pub(super) fn of(error: impl std::fmt::Display) -> StoreError {
        StoreError(error.to_string())
    }

    pub(super) fn of_trail(error: io::Error) -> StoreError {
        StoreError(format!("audit trail: {error}"))
    }
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> StoreError {
        StoreError::of(error.into())
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> OAuthError {
        tracing::error!("{error}");
        TEMPORARILY_UNAVAILABLE.because("the store of the issuer cannot be used")
    }
}

/// The first text after one, so that a range to it has all that is under the one.
pub(super) fn after(text: &str) -> String {
    format!("{text}\0")
}

/// The record under a key.
pub(super) fn get<'k, K: Key + 'static, T: DeserializeOwned>(
    table: &impl ReadableTable<K, &'static [u8]>,
    key: impl Borrow<K::SelfType<'k>>,
) -> Result<Option<T>, StoreError> {
    table.get(key)?.map(|json| decode(json.value())).transpose()
}

pub(super) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, StoreError> {
    // The error of serde could quote a value.
    serde_json::from_slice(json).map_err(|_| StoreError("a record cannot be read".to_owned()))
}

pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|_| StoreError("a record cannot be written".to_owned()))
}

/// A client that is not in the registry file, or what the administration changed of one that is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClientRecord {
    /// An entry of `clients` without a secret. None for a client of the registry file.
    pub(crate) entry: Option<Map<String, Value>>,
    pub(crate) state: ClientState,
    /// None for a public client.
    pub(crate) credentials: Option<Vec<Credential>>,
    #[serde(default)]
    pub(crate) is_self_registered: bool,
    /// When it registered itself, in seconds since the epoch.
    #[serde(default)]
    pub(crate) registered: u64,
    /// How often a credential was revoked: what a request with one asks for is not stored after it.
    #[serde(default)]
    pub(crate) revocations: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientState {
    #[default]
    Enabled,
    Disabled,
    /// Disabled for good. The record stays, so that its identifier is not used again.
    Deleted,
}

/// A resource that is not in the registry file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResourceRecord {
    /// An entry of `resources`.
    pub(crate) entry: Map<String, Value>,
    /// What its scopes allow, in plain words.
    pub(crate) descriptions: BTreeMap<String, String>,
}

/// The decision of a user on a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Consent {
    pub(crate) state: ConsentState,
    /// In seconds since the epoch.
    pub(crate) decided: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsentState {
    /// The scopes by resource identifier, of every consent since the last withdrawal.
    Granted(BTreeMap<String, ScopeSet>),
    /// The client gets no token for the user until the next consent.
    Withdrawn,
}

impl Consent {
    /// Whether the user allows this much at a resource.
    pub(crate) fn covers(&self, audience: &str, scope: &ScopeSet) -> bool {
        match &self.state {
            ConsentState::Granted(granted) => granted.get(audience).is_some_and(|granted| scope.is_within(granted)),
            ConsentState::Withdrawn => false,
        }
    }
}

/// An access token from its issue until it expires or is revoked. One without a record is not live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IssuedToken {
    /// What the token means. A refresh-token family has one transaction, and so have the tokens that its tokens were
    /// exchanged for.
    pub(crate) claims: AccessClaims,
    /// The subject token of an exchange.
    pub(crate) parent_jti: Option<String>,
    /// The client that began the transaction: what other clients exchanged its token for ends with it.
    #[serde(default)]
    pub(crate) begun_by: String,
    /// The payload that was signed, where a dialect gave the claims another form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shaped: Option<Value>,
}

impl IssuedToken {
    /// An event about the token.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        Entry {
            jti: Some(self.claims.jti.clone()),
            parent_jti: self.parent_jti.clone(),
            ..self.claims.entry(event)
        }
    }

    /// The payload that was signed.
    pub(crate) fn payload(&self) -> Result<Value, StoreError> {
        match &self.shaped {
            Some(shaped) => Ok(shaped.clone()),
            None => serde_json::to_value(&self.claims).map_err(StoreError::of),
        }
    }
}

/// The refresh tokens that follow one another from one authorization. Only the last of them can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshFamily {
    /// The digest of the part that all tokens of the family share.
    family: String,
    /// The digest of the part that is new in each token.
    current: String,
    /// Those of the first access token, but for the expiry: every token of the family expires then.
    pub(crate) claims: AccessClaims,
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

impl RefreshFamily {
    /// A family and its first token.
    pub(crate) fn begin(claims: AccessClaims) -> Result<(RefreshFamily, String), NoRandomness> {
        let (family, secret) = (random_id()?, random_id()?);
        let token = format!("{}.{family}.{secret}", claims.txn);
        let (family, current) = (s256(&family), s256(&secret));
        let family = RefreshFamily {
            family,
            current,
            claims,
        };
        Ok((family, token))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{PresentedRefreshToken, RefreshFamily};
    use crate::claims::AccessClaims;
    use crate::secret::transaction_id;

    pub(crate) fn family(client: &str, expires: u64) -> (RefreshFamily, String) {
        RefreshFamily::begin(AccessClaims {
            txn: transaction_id().unwrap(),
            client_id: client.to_owned(),
            sub: "alice".to_owned(),
            exp: expires,
            ..AccessClaims::default()
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
