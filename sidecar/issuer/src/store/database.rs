//! The embedded database. With a folder and in memory it is the same code, over another backend of redb.

use std::collections::BTreeMap;
use std::path::Path;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{AccessGuard, Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;

use super::change::Change;
use super::folder::{self, DataError};
use super::records::{
    CLIENTS, CONSENTS, EXPIRIES, FACTS, FAMILIES, KEYS, RESOURCES, StoreError, TOKENS, USED, after, decode, get,
};
use super::records::{ClientRecord, Consent, ConsentState, IssuedToken, RefreshFamily, ResourceRecord};
use crate::audit::{AuditTrail, Durability};
use crate::keys::StoredKey;
use crate::{Entry, ScopeSet};

/// The version of the tables and their records. Another one is an error at the start.
const VERSION: &str = "3";

/// The maximum number of tokens and families that have not expired, about 250 MB. Beyond it nothing is issued until
/// some expire.
const MAX_RECORDS: u64 = 300_000;

/// The memory for pages of the database in bytes.
const CACHE: usize = 8 * 1024 * 1024;

/// What survives a restart, and the audit trail of its changes.
pub(crate) struct Store {
    database: Database,
    pub(crate) trail: AuditTrail,
    pub(crate) max_records: u64,
}

impl Store {
    /// An empty store that ends with the process.
    pub(crate) fn in_memory(issuer: &str) -> Result<Store, DataError> {
        let database = builder().create_with_backend(InMemoryBackend::new());
        let database = database.map_err(StoreError::from)?;
        initialize(&database, issuer)?;
        Ok(Store {
            database,
            trail: AuditTrail::in_memory(issuer),
            max_records: MAX_RECORDS,
        })
    }

    /// Opens or creates the store in a folder that only its owner can access, and verifies its audit trail.
    pub(crate) fn in_folder(path: &Path, issuer: &str, now: u64) -> Result<Store, DataError> {
        folder::prepare(path)?;
        let backend = FileBackend::new(folder::store_file(path)?);
        let database = backend.and_then(|backend| builder().create_with_backend(backend));
        let database = database.map_err(|error| folder::not_opened(error, path))?;
        let audited = initialize(&database, issuer)?;
        let file = folder::audit_file(path)?;
        // A change is audited before it is made, so the trail has at least the line of the last change.
        let trail = AuditTrail::in_file(issuer, file, audited.as_deref(), now).map_err(DataError::Audit)?;
        Ok(Store {
            database,
            trail,
            max_records: MAX_RECORDS,
        })
    }

    /// Begins a change. Changes follow one another: this blocks until the one before has ended.
    pub(crate) fn change(&self, now: u64) -> Result<Change<'_>, StoreError> {
        let transaction = self.database.begin_write()?;
        Change::begin(transaction, &self.trail, self.max_records, now)
    }

    /// Records events that change nothing in the audit trail.
    pub(crate) fn note(&self, now: u64, entry: Entry) {
        if let Err(error) = self.trail.append(now, &[entry], Durability::Written) {
            tracing::error!("audit trail: {error}");
        }
    }

    /// The lines of a transaction in the audit trail, the oldest first: up to 10,000, in memory those of the last 10,000.
    pub(crate) fn audited(&self, txn: &str) -> Result<Vec<String>, StoreError> {
        self.trail.of_transaction(txn).map_err(StoreError::of_trail)
    }

    /// A token that was issued, and neither revoked nor removed after it expired.
    pub(crate) fn token(&self, txn: &str, jti: &str) -> Result<Option<IssuedToken>, StoreError> {
        get(&self.read()?.open_table(TOKENS)?, (txn, jti))
    }

    pub(crate) fn family(&self, txn: &str) -> Result<Option<RefreshFamily>, StoreError> {
        get(&self.read()?.open_table(FAMILIES)?, txn)
    }

    /// What a user allows, by client; without what is withdrawn.
    pub(crate) fn consents(&self, subject: &str) -> Result<BTreeMap<String, BTreeMap<String, ScopeSet>>, StoreError> {
        let table = self.read()?.open_table(CONSENTS)?;
        let mut consents = BTreeMap::new();
        for entry in table.range((subject, "")..(&*after(subject), ""))? {
            let (key, json) = entry?;
            let (_, client) = key.value();
            if let ConsentState::Granted(granted) = decode::<Consent>(json.value())?.state {
                consents.insert(client.to_owned(), granted);
            }
        }
        Ok(consents)
    }

    /// Whether a user withdrew the consent for a client.
    pub(crate) fn has_withdrawn(&self, subject: &str, client: &str) -> Result<bool, StoreError> {
        let consent: Option<Consent> = get(&self.read()?.open_table(CONSENTS)?, (subject, client))?;
        Ok(consent.is_some_and(|consent| consent.state == ConsentState::Withdrawn))
    }

    /// The clients that are not in the registry file, and those whose state differs from it.
    pub(crate) fn clients(&self) -> Result<BTreeMap<String, ClientRecord>, StoreError> {
        self.named(CLIENTS)
    }

    /// The resources that are not in the registry file, by identifier.
    pub(crate) fn resources(&self) -> Result<BTreeMap<String, ResourceRecord>, StoreError> {
        self.named(RESOURCES)
    }

    fn named<T: DeserializeOwned>(
        &self,
        table: TableDefinition<'_, &str, &[u8]>,
    ) -> Result<BTreeMap<String, T>, StoreError> {
        let table = self.read()?.open_table(table)?;
        let read = |(name, json): (AccessGuard<'_, &str>, AccessGuard<'_, &[u8]>)| {
            Ok((name.value().to_owned(), decode(json.value())?))
        };
        table.iter()?.map(|entry| read(entry?)).collect()
    }

    /// The signing keys; empty for a new store.
    pub(crate) fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let table = self.read()?.open_table(KEYS)?;
        table.iter()?.map(|entry| decode(entry?.1.value())).collect()
    }

    fn read(&self) -> Result<redb::ReadTransaction, StoreError> {
        Ok(self.database.begin_read()?)
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

/// Creates the tables, or checks those of an existing store. Returns the digest of the audit line of the last change.
fn initialize(database: &Database, issuer: &str) -> Result<Option<String>, DataError> {
    let [version, of, audited] = create(database, issuer)?;
    match (version.unwrap_or_default(), of.unwrap_or_default()) {
        (version, _) if version != VERSION => Err(DataError::Version(version)),
        (_, other) if other != issuer => Err(DataError::OtherIssuer(other)),
        _ => Ok(audited),
    }
}

/// Creates the tables unless the store has another version. Returns the facts `version`, `issuer` and `audited`.
fn create(database: &Database, issuer: &str) -> Result<[Option<String>; 3], StoreError> {
    let transaction = database.begin_write()?;
    let mut table = transaction.open_table(FACTS)?;
    for (name, value) in [("version", VERSION), ("issuer", issuer)] {
        if table.get(name)?.is_none() {
            table.insert(name, value)?;
        }
    }
    let fact = |name| Ok::<_, StoreError>(table.get(name)?.map(|value| value.value().to_owned()));
    let facts = [fact("version")?, fact("issuer")?, fact("audited")?];
    drop(table);
    if facts[0].as_deref() != Some(VERSION) {
        transaction.abort()?;
        return Ok(facts);
    }
    transaction.open_table(KEYS)?;
    transaction.open_table(TOKENS)?;
    transaction.open_table(FAMILIES)?;
    transaction.open_table(CONSENTS)?;
    transaction.open_table(CLIENTS)?;
    transaction.open_table(RESOURCES)?;
    transaction.open_table(EXPIRIES)?;
    transaction.open_table(USED)?;
    transaction.commit()?;
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use axum::response::IntoResponse;
    use redb::Database;

    use super::super::folder::{DataError, audited_head};
    use super::super::records::IssuedToken;
    use super::super::records::tests::family;
    use super::{FACTS, Store};
    use crate::audit::{Entry, Event};
    use crate::error::OAuthError;

    const ISSUER: &str = "https://issuer.example";

    fn token(txn: &str, jti: &str, expires: u64) -> IssuedToken {
        let claims = serde_json::json!({
            "iss": ISSUER, "sub": "alice", "sub_profile": "user", "aud": "https://orders.example", "client_id": "assistant",
            "client_profile": "ai_agent", "scope": "", "iat": 0, "nbf": 0, "exp": expires, "jti": jti, "txn": txn,
            "act": { "iss": ISSUER, "sub": "assistant", "sub_profile": "ai_agent" },
        });
        IssuedToken {
            claims: serde_json::from_value(claims).unwrap(),
            parent_jti: None,
            begun_by: "assistant".to_owned(),
            shaped: None,
        }
    }

    fn add(store: &Store, now: u64, token: &IssuedToken) {
        let mut change = store.change(now).unwrap();
        change.add_token(token).unwrap();
        change.audit(Entry::new(Event::Issue));
        change.commit().unwrap();
    }

    #[test]
    fn a_transaction_ends_as_a_whole_and_alone() {
        let store = Store::in_memory(ISSUER).unwrap();
        let (family, _) = family("storefront", 100);
        let txn = &*family.claims.txn;
        let mut change = store.change(1).unwrap();
        change.put_family(&family).unwrap();
        for (txn, jti) in [(txn, "a"), (txn, "b"), ("", "c"), ("~", "d")] {
            change.add_token(&token(txn, jti, 100)).unwrap();
        }
        change.commit().unwrap();
        let mut change = store.change(2).unwrap();
        let revoked = change.revoke_transaction(txn).unwrap();
        assert_eq!((revoked.tokens, revoked.families), (2, 1));
        assert!(store.token(txn, "a").unwrap().is_some(), "not before the commit");
        change.commit().unwrap();
        for (txn, jti, live) in [(txn, "a", false), (txn, "b", false), ("", "c", true), ("~", "d", true)] {
            assert_eq!(store.token(txn, jti).unwrap().is_some(), live, "{jti}");
        }
        assert_eq!(store.family(txn).unwrap(), None);
    }

    #[test]
    fn a_change_without_a_commit_changes_nothing() {
        let store = Store::in_memory(ISSUER).unwrap();
        let mut change = store.change(1).unwrap();
        change.add_token(&token("t", "a", 100)).unwrap();
        drop(change);
        assert!(store.token("t", "a").unwrap().is_none());
    }

    #[test]
    fn expired_records_make_room() {
        let mut store = Store::in_memory(ISSUER).unwrap();
        store.max_records = 20;
        for number in 0..20 {
            add(&store, 1, &token("t", &number.to_string(), 10));
        }
        let mut change = store.change(9).unwrap();
        let full = change.add_token(&token("t", "more", 20)).unwrap_err();
        let response = OAuthError::from(full).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"1".parse().unwrap())
        );
        drop(change);
        add(&store, 10, &token("t", "more", 20));
        add(&store, 10, &token("t", "another", 20));
        assert!(store.token("t", "0").unwrap().is_none() && store.token("t", "more").unwrap().is_some());
    }

    #[test]
    fn identifiers_that_are_valid_once_are_removed_after_they_expired() {
        let store = Store::in_memory(ISSUER).unwrap();
        for number in 0..20 {
            let mut change = store.change(1).unwrap();
            assert!(change.use_once(&format!("client-{number}"), "jti", 10, 1).unwrap());
            assert!(!change.use_once(&format!("client-{number}"), "jti", 10, 9).unwrap());
            change.commit().unwrap();
        }
        // Two changes of others, after which no owner has to come back.
        add(&store, 10, &token("t", "a", 20));
        add(&store, 10, &token("t", "b", 20));
        let used = store.read().unwrap().open_table(super::USED).unwrap();
        assert_eq!(redb::ReadableTableMetadata::len(&used).unwrap(), 0);
    }

    #[test]
    fn a_folder_is_of_one_owner_one_process_and_one_issuer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/data");
        let store = Store::in_folder(&path, ISSUER, 1).unwrap();
        for (name, mode) in [("", 0o700), ("store.redb", 0o600), ("audit.jsonl", 0o600)] {
            let found = fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{name}");
        }
        add(&store, 1, &token("t", "a", 100));
        assert!(matches!(Store::in_folder(&path, ISSUER, 1), Err(DataError::InUse(_))));
        assert!(matches!(audited_head(&path), Err(DataError::InUse(_))));
        drop(store);
        assert!(audited_head(&path).unwrap().is_some());
        assert!(
            Store::in_folder(&path, ISSUER, 1)
                .unwrap()
                .token("t", "a")
                .unwrap()
                .is_some()
        );
        let other = Store::in_folder(&path, "https://other.example", 1);
        assert!(matches!(other, Err(DataError::OtherIssuer(owner)) if owner == ISSUER));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(
            Store::in_folder(&path, ISSUER, 1),
            Err(DataError::Permissions(_))
        ));
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(Store::in_folder(&file, ISSUER, 1), Err(DataError::Io { .. })));
    }

    #[test]
    fn another_version_or_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        drop(Store::in_folder(&path, ISSUER, 1).unwrap());
        let database = Database::open(path.join("store.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(FACTS).unwrap().insert("version", "1").unwrap();
        transaction.commit().unwrap();
        drop(database);
        assert!(matches!(Store::in_folder(&path, ISSUER, 1), Err(DataError::Version(found)) if found == "1"));
        fs::write(path.join("store.redb"), "not a database").unwrap();
        assert!(matches!(Store::in_folder(&path, ISSUER, 1), Err(DataError::Storage(_))));
    }

    #[test]
    fn a_trail_without_the_line_of_the_last_change_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let store = Store::in_folder(&path, ISSUER, 1).unwrap();
        add(&store, 1, &token("t", "a", 100));
        add(&store, 1, &token("t", "b", 100));
        drop(store);
        let trail = fs::read_to_string(path.join("audit.jsonl")).unwrap();
        let first = trail.lines().next().unwrap();
        fs::write(path.join("audit.jsonl"), format!("{first}\n")).unwrap();
        assert!(matches!(Store::in_folder(&path, ISSUER, 1), Err(DataError::Audit(_))));
        // A line more, whose change a crash prevented, is none.
        fs::write(path.join("audit.jsonl"), &trail).unwrap();
        let store = Store::in_folder(&path, ISSUER, 1).unwrap();
        store.note(1, Entry::new(Event::Refuse));
        drop(store);
        Store::in_folder(&path, ISSUER, 1).unwrap();
    }
}
