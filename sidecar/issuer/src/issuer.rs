//! The state that every endpoint shares.

use std::fmt;
use std::sync::{Arc, Mutex};

use moka::sync::Cache;
use url::Url;

use crate::client_metadata::ClientDocuments;
use crate::clock::Clock;
use crate::keys::{KeyRing, Keys, Signing, SigningKey};
use crate::settings::Settings;
use crate::store::{
    APPROVAL_RETENTION, Approvals, AuthorizationCode, Bounded, CODE_RETENTION, DataError, FailureLimits,
    SESSION_LIFETIME, Store, TRANSACTION_LIFETIME,
};
use crate::{
    AuthorizationRequest, Change, Client, ClientRecord, ClientState, Current, Entries, Entry, Event, KeyError,
    Registry, Resource, Revoked, Secret, Session, StoreError, Transaction,
};

/// The maximum number of events of a kind within five minutes of callers that have proved nothing.
const MAX_UNPROVEN: u32 = 200;
/// The maximum number of senders whose turns are known.
const MAX_SENDERS: u64 = 10_000;
/// The lifetime of a pushed request in seconds.
pub(crate) const PUSHED_LIFETIME: u64 = 60;
const LEFT_OUT: &str = "more events of callers without a credential are left out for up to five minutes";

pub(crate) struct Issuer {
    /// The issuer identifier.
    pub(crate) issuer_url: String,
    /// Where the endpoints are.
    pub(crate) origin: String,
    pub(crate) settings: Settings,
    /// The registry file. What it has of clients and resources is in `directory` too.
    pub(crate) registry: Registry,
    pub(crate) directory: Current<Entries>,
    pub(crate) admin_secret: Secret,
    pub(crate) client_documents: Option<ClientDocuments>,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    /// Each with the browser that got its page.
    pub(crate) transactions: Bounded<(String, Transaction)>,
    pub(crate) codes: Bounded<Arc<AuthorizationCode>>,
    pub(crate) sessions: Bounded<Session>,
    pub(crate) failures: FailureLimits,
    /// The turn of each sender of secrets that take long to compare.
    pub(crate) turns: Cache<String, Arc<Mutex<()>>>,
    pub(crate) approvals: Approvals,
    pub(crate) pushed: Bounded<Arc<AuthorizationRequest>>,
}

/// Prints nothing of it: it has keys.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer")
    }
}

impl Issuer {
    /// Opens the store, and takes the signing keys from it or generates them. `address` is the issuer identifier if the
    /// settings name none.
    pub(crate) fn new(mut settings: Settings, registry: Registry, address: String) -> Result<Issuer, DataError> {
        let origin = settings.issuer_url.take().unwrap_or(address);
        let admin_secret = settings.admin_secret.take();
        let issuer_url = settings.dialect.issuer(&origin);
        let documents = settings.client_metadata_documents;
        let documents = documents.then(|| ClientDocuments::new(!settings.expose_to_network));
        let clock = Clock::default();
        let store = match &settings.data {
            Some(folder) => Store::in_folder(folder, &issuer_url, clock.now())?,
            None => Store::in_memory(&issuer_url)?,
        };
        let keys = keys(&store, settings.signing, clock.now())?;
        let entries = Entries::read(&registry, &store, settings.registration)?;
        Ok(Issuer {
            issuer_url,
            origin,
            registry,
            directory: Current::new(entries),
            admin_secret: admin_secret.map_or_else(Secret::unknown, |secret| Secret::new(&secret.0)),
            client_documents: documents,
            settings,
            keys: KeyRing::new(keys),
            clock,
            store,
            transactions: Bounded::new(TRANSACTION_LIFETIME),
            codes: Bounded::new(CODE_RETENTION),
            sessions: Bounded::new(SESSION_LIFETIME),
            failures: FailureLimits::default(),
            turns: Cache::new(MAX_SENDERS),
            approvals: Approvals::new(APPROVAL_RETENTION),
            pushed: Bounded::new(PUSHED_LIFETIME),
        })
    }

    /// The path of the issuer identifier, without a slash at its end; empty for an origin.
    pub(crate) fn issuer_path(&self) -> String {
        let path = Url::parse(&self.issuer_url).map(|url| url.path().trim_end_matches('/').to_owned());
        path.unwrap_or_default()
    }

    /// The client with this identifier. It may have to be fetched for the sender of a request.
    pub(crate) fn client(&self, id: &str, sender: &str) -> Option<Arc<Client>> {
        let entries = self.directory.get();
        let registered = entries.registry.clients.get(id).cloned();
        let is_enabled = |record: &Arc<ClientRecord>| record.state == ClientState::Enabled;
        let documents = self.client_documents.as_ref();
        let documents = documents.filter(|_| entries.records.get(id).is_none_or(is_enabled));
        registered.or_else(|| documents?.client(id, sender, &entries))
    }

    /// The resource with this identifier.
    pub(crate) fn resource(&self, identifier: &str) -> Option<Arc<Resource>> {
        self.directory.get().registry.resources.get(identifier).cloned()
    }

    /// Changes the clients and resources in the store, then in memory.
    pub(crate) fn change_entries<T, E: From<StoreError>>(
        &self,
        change_both: impl FnOnce(&mut Entries, &mut Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.directory
            .change(|entries| self.changed(|change| change_both(entries, change)))
    }

    /// Changes the store. Nothing is changed if `make` fails.
    pub(crate) fn changed<T, E: From<StoreError>>(
        &self,
        make: impl FnOnce(&mut Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut change = self.change()?;
        let result = make(&mut change)?;
        change.commit()?;
        Ok(result)
    }

    /// Ends the tokens and the refresh-token family of a transaction.
    pub(crate) fn end_transaction(&self, txn: &str, entry: Entry) -> Result<Revoked, StoreError> {
        self.changed(|change| {
            change.audit(entry);
            change.revoke_transaction(txn)
        })
    }

    /// Begins a change of the store.
    pub(crate) fn change(&self) -> Result<Change<'_>, StoreError> {
        self.store.change(self.clock.now())
    }

    /// Records an event that changes nothing.
    pub(crate) fn note(&self, entry: Entry) {
        self.store.note(self.clock.now(), entry);
    }

    /// Records an event of a client, which may have proved nothing.
    pub(crate) fn note_of(&self, client: &Client, entry: Entry) {
        match client.is_proven() {
            true => self.note(entry),
            false => self.note_unproven(entry),
        }
    }

    /// Records an event of a caller that has proved nothing. Beyond a number within five minutes such events are left out,
    /// which one line says: they neither fill the disk nor take the place of others in memory.
    pub(crate) fn note_unproven(&self, entry: Entry) {
        let now = self.clock.now();
        let kind = format!("unproven {:?}", entry.event);
        if self.failures.begin(&kind, MAX_UNPROVEN, now).is_ok() {
            self.note(entry);
        } else if self.failures.begin(&format!("{kind} left out"), 1, now).is_ok() {
            self.note(Entry::because(Event::Refuse, LEFT_OUT));
        }
    }

    /// The key that signs the ID tokens of a client. The first one with RS256 waits until the key is generated and stored.
    pub(crate) fn id_token_key(&self, client: &Client) -> Result<Arc<SigningKey>, DataError> {
        if !client.has_rs256_id_tokens {
            return Ok(self.keys.active());
        }
        let keys = self.keys.get();
        if let Some(key) = keys.rs256() {
            return Ok(Arc::clone(key));
        }
        let keys = self.change_keys("a key for ID tokens", Keys::with_rs256)?;
        Ok(keys.rs256().map(Arc::clone).ok_or(KeyError)?)
    }

    /// The published next key signs from now on.
    pub(crate) fn rotate_keys(&self) -> Result<Keys, DataError> {
        self.change_keys("rotated", |keys| keys.rotated(self.settings.signing, self.clock.now()))
    }

    /// Replaces the signing keys by what `next` makes of them, and stores them before they are used.
    pub(crate) fn change_keys(
        &self,
        reason: &'static str,
        next: impl FnOnce(&Keys) -> Result<Keys, KeyError>,
    ) -> Result<Keys, DataError> {
        self.keys.change(|keys| {
            *keys = next(keys)?;
            self.changed(|change| store_keys(change, keys, reason))?;
            Ok(keys.clone())
        })
    }
}

fn store_keys(change: &mut Change<'_>, keys: &Keys, reason: &'static str) -> Result<(), DataError> {
    change.put_keys(&keys.stored())?;
    change.audit(Entry::because(Event::Rotate, reason));
    Ok(())
}

/// The keys of the store. A new store gets new ones, and one with keys of another algorithm too; the latter stay
/// published, so that their tokens are valid until they expire.
fn keys(store: &Store, signing: Signing, now: u64) -> Result<Keys, DataError> {
    let (keys, reason) = match &*store.keys()? {
        [] => (Keys::generate(signing)?, "first keys"),
        stored => {
            let keys = Keys::restore(stored)?;
            if keys.are_for(signing) {
                return Ok(keys);
            }
            (keys.rotated(signing, now)?.rotated(signing, now)?, "another algorithm")
        }
    };
    let mut change = store.change(now)?;
    store_keys(&mut change, &keys, reason)?;
    change.commit()?;
    Ok(keys)
}
