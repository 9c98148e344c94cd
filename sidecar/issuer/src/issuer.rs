//! The state that every endpoint shares.

use std::sync::Arc;

use url::Url;

use crate::client_metadata::ClientDocuments;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::keys::{KeyRing, Keys, Signing, SigningKey};
use crate::settings::Settings;
use crate::store::{
    Approvals, AuthorizationCode, CODE_RETENTION, DataError, FailureLimits, OneTime, PushedRequest, SESSION_LIFETIME,
    Store, TRANSACTION_LIFETIME, UsedIds,
};
use crate::{
    Change, Client, Entries, Entry, Event, KeyError, OAuthError, Registry, Resource, Secret, Session, StoreError,
    TEMPORARILY_UNAVAILABLE, Transaction,
};

pub(crate) struct Issuer {
    /// The issuer identifier.
    pub(crate) issuer_url: String,
    /// Where the endpoints are.
    pub(crate) origin: String,
    pub(crate) settings: Settings,
    /// The registry file. What it has of clients and resources is in `directory` too.
    pub(crate) registry: Registry,
    pub(crate) directory: Directory,
    pub(crate) admin_secret: Secret,
    pub(crate) client_documents: Option<ClientDocuments>,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) transactions: OneTime<Transaction>,
    pub(crate) codes: OneTime<Arc<AuthorizationCode>>,
    pub(crate) used_ids: UsedIds,
    pub(crate) sessions: OneTime<Session>,
    pub(crate) failures: FailureLimits,
    pub(crate) approvals: Approvals,
    pub(crate) pushed: OneTime<PushedRequest>,
}

/// A change of a running issuer was not made: a key could not be generated, or the store could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChangeError(String);

impl From<ChangeError> for OAuthError {
    fn from(error: ChangeError) -> OAuthError {
        tracing::error!("{error}");
        TEMPORARILY_UNAVAILABLE.because("the keys could not be changed")
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> ChangeError {
        ChangeError(error.to_string())
    }
}

impl From<KeyError> for ChangeError {
    fn from(error: KeyError) -> ChangeError {
        ChangeError(error.to_string())
    }
}

impl Issuer {
    /// Opens the store, and takes the signing keys from it or generates them. `address` is the issuer identifier if the
    /// settings name none.
    pub(crate) fn new(mut settings: Settings, registry: Registry, address: String) -> Result<Issuer, DataError> {
        let origin = settings.issuer_url.take().unwrap_or(address);
        let admin_secret = settings.admin_secret.take();
        let issuer_url = settings.dialect.issuer(&origin);
        let clock = Clock::default();
        let store = match &settings.data {
            Some(folder) => Store::in_folder(folder, &issuer_url, clock.now())?,
            None => Store::in_memory(&issuer_url)?,
        };
        let keys = keys(&store, settings.signing, clock.now())?;
        let directory = Directory::new(&registry, &store)?;
        Ok(Issuer {
            issuer_url,
            origin,
            registry,
            directory,
            admin_secret: admin_secret.map_or_else(Secret::unknown, |secret| Secret::new(&secret.0)),
            client_documents: settings.client_metadata_documents.then(ClientDocuments::new),
            settings,
            keys: KeyRing::new(keys),
            clock,
            store,
            transactions: OneTime::new(TRANSACTION_LIFETIME),
            codes: OneTime::new(CODE_RETENTION),
            used_ids: UsedIds::default(),
            sessions: OneTime::new(SESSION_LIFETIME),
            failures: FailureLimits::default(),
            approvals: Approvals::default(),
            pushed: OneTime::new(TRANSACTION_LIFETIME),
        })
    }

    /// The path of the issuer identifier, without a slash at its end; empty for an origin.
    pub(crate) fn issuer_path(&self) -> String {
        let path = Url::parse(&self.issuer_url).map(|url| url.path().trim_end_matches('/').to_owned());
        path.unwrap_or_default()
    }

    /// The client with this identifier. It may have to be fetched.
    pub(crate) fn client(&self, id: &str) -> Option<Arc<Client>> {
        let entries = self.directory.entries();
        let registered = entries.clients().get(id).cloned();
        registered.or_else(|| self.client_documents.as_ref()?.client(id, &entries))
    }

    /// The resource with this identifier.
    pub(crate) fn resource(&self, identifier: &str) -> Option<Arc<Resource>> {
        self.directory.entries().resources().get(identifier).cloned()
    }

    /// Changes the clients and resources in the store, then in memory.
    pub(crate) fn change_entries<T, E: From<StoreError>>(
        &self,
        change_both: impl FnOnce(&mut Entries, &mut Change<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.directory.change(|entries| {
            let mut change = self.change()?;
            let result = change_both(entries, &mut change)?;
            change.commit()?;
            Ok(result)
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

    /// Records that a request was refused. `client` is one that is authenticated, or registered at least.
    pub(crate) fn note_refusal(&self, client: Option<&str>, error: OAuthError) {
        self.note(Entry {
            client_id: client.map(str::to_owned),
            error: Some(error.code.as_str()),
            reason: Some(error.description),
            ..Entry::new(Event::Refuse)
        });
    }

    /// The key that signs the ID tokens of a client. The first one with RS256 waits until the key is generated and stored.
    pub(crate) fn id_token_key(&self, client: &Client) -> Result<Arc<SigningKey>, ChangeError> {
        if !client.has_rs256_id_tokens {
            return Ok(self.keys.active());
        }
        let keys = self.keys.current();
        if let Some(key) = keys.rs256() {
            return Ok(Arc::clone(key));
        }
        let keys = self.change_keys("a key for ID tokens", Keys::with_rs256)?;
        Ok(keys.rs256().map(Arc::clone).ok_or(KeyError)?)
    }

    /// Replaces the signing keys by what `next` makes of them, and stores them before they are used.
    pub(crate) fn change_keys(
        &self,
        reason: &'static str,
        next: impl FnOnce(&Keys) -> Result<Keys, KeyError>,
    ) -> Result<Arc<Keys>, ChangeError> {
        self.keys.change(|keys| {
            let keys = next(keys)?;
            let mut change = self.change()?;
            store_keys(&mut change, &keys, reason)?;
            change.commit()?;
            Ok(keys)
        })
    }
}

fn store_keys(change: &mut Change<'_>, keys: &Keys, reason: &'static str) -> Result<(), ChangeError> {
    change.put_keys(&keys.stored()?)?;
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
            (keys.rotated(signing)?.rotated(signing)?, "another algorithm")
        }
    };
    let mut change = store.change(now)?;
    store_keys(&mut change, &keys, reason).map_err(|ChangeError(error)| DataError::Storage(error))?;
    change.commit()?;
    Ok(keys)
}
