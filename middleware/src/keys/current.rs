//! The current keys of an issuer: a static set, or one that is fetched.

use std::ops::Deref;
use std::sync::Arc;

use super::fetch_counts::KeySetStatus;
use super::refresh_policy::RefreshPolicy;
use super::remote::RemoteKeys;
use super::snapshot::Snapshot;
use super::source::KeySource;
use crate::error::Error;

/// The current keys of an issuer.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    Static(Arc<Snapshot>),
    Remote(RemoteKeys),
    /// Remote keys whose fetching has not started.
    Idle {
        issuer: Arc<str>,
        retry_after: u32,
    },
}

/// A key set in use. One that never changes needs no count.
pub(crate) enum InUse<'k> {
    Static(&'k Snapshot),
    Fetched(Arc<Snapshot>),
}

impl Deref for InUse<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        match self {
            InUse::Static(snapshot) => snapshot,
            InUse::Fetched(snapshot) => snapshot,
        }
    }
}

impl Keys {
    /// The keys of `source` before anything is fetched.
    pub(crate) fn idle(issuer: &Arc<str>, source: &KeySource, policy: &RefreshPolicy) -> Keys {
        match source {
            KeySource::Static(keys) => Keys::Static(Arc::new(Snapshot::new(Arc::clone(keys)))),
            KeySource::Discovery | KeySource::JwksUri(_) => Keys::Idle {
                issuer: Arc::clone(issuer),
                retry_after: policy.retry_after(),
            },
        }
    }

    /// Whether there are keys to verify with.
    pub(crate) fn is_ready(&self) -> bool {
        self.generation().is_ok()
    }

    /// Whether they are being fetched.
    pub(crate) fn are_fetched(&self) -> bool {
        matches!(self, Keys::Remote(_))
    }

    /// Resolves once there are keys; never if the task that fetches them has ended or has not been started.
    pub(crate) async fn ready(&self) {
        match self {
            Keys::Static(_) => {}
            Keys::Remote(remote) => remote.ready().await,
            Keys::Idle { .. } => std::future::pending().await,
        }
    }

    /// The number of the current key set, unique in the process.
    ///
    /// # Errors
    /// [`Error::KeysUnavailable`].
    pub(crate) fn generation(&self) -> Result<u64, Error> {
        self.current(|snapshot| snapshot.generation)
    }

    /// The current key set.
    ///
    /// # Errors
    /// [`Error::KeysUnavailable`].
    pub(crate) fn snapshot(&self) -> Result<InUse<'_>, Error> {
        match self {
            Keys::Static(snapshot) => Ok(InUse::Static(snapshot)),
            Keys::Remote(_) | Keys::Idle { .. } => self.current(Arc::clone).map(InUse::Fetched),
        }
    }

    /// The key set of `issuer`, and how it is fetched.
    pub(crate) fn status(&self, issuer: &Arc<str>) -> KeySetStatus {
        match self {
            Keys::Static(snapshot) => KeySetStatus::unfetched(issuer, Some(snapshot.keys.len())),
            Keys::Remote(remote) => remote.status(),
            Keys::Idle { issuer, .. } => KeySetStatus::unfetched(issuer, None),
        }
    }

    /// Why there are no keys, in the words of the log.
    pub(crate) fn failure(&self) -> String {
        match self {
            Keys::Remote(remote) => remote.failure(),
            Keys::Static(_) | Keys::Idle { .. } => "no fetch has been started".to_owned(),
        }
    }

    fn current<T>(&self, read: impl FnOnce(&Arc<Snapshot>) -> T) -> Result<T, Error> {
        match self {
            Keys::Static(snapshot) => Ok(read(snapshot)),
            Keys::Remote(remote) => match &*remote.current() {
                Some(snapshot) => Ok(read(snapshot)),
                None => Err(remote.unavailable()),
            },
            Keys::Idle { issuer, retry_after } => Err(Error::KeysUnavailable {
                issuer: Arc::clone(issuer),
                retry_after: *retry_after,
            }),
        }
    }
}
