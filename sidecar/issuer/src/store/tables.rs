//! The tables of the database, and the form of their records: JSON.

use std::borrow::Borrow;

use redb::{Key, ReadableTable, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{OAuthError, TEMPORARILY_UNAVAILABLE};

/// Facts of the store by name: `version`, `issuer`, `audited` (the digest of the audit line of the last change).
pub(super) const FACTS: TableDefinition<'_, &str, &str> = TableDefinition::new("facts");
/// [`crate::keys::StoredKey`] by its position in the ring.
pub(super) const KEYS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("keys");
/// [`super::IssuedToken`] by `txn` and `jti`.
pub(super) const TOKENS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("tokens");
/// [`super::RefreshFamily`] by `txn`.
pub(super) const FAMILIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("families");
/// [`super::consent::Consent`] by subject and client.
pub(super) const CONSENTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("consents");
/// [`super::ClientRecord`] by the identifier of the client.
pub(super) const CLIENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("clients");
/// An entry of `resources` by its identifier.
pub(super) const RESOURCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("resources");
/// When tokens (`txn`, `jti`) and families (`txn`, empty) end.
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
