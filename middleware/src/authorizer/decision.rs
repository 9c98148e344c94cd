//! What comes of judging a request, and by what it is judged.

use std::sync::Arc;

use crate::error::Error;
use crate::identity::Identity;
use crate::keys::RemoteKeys;
use crate::policy::Requirement;

/// What was decided about one request.
#[derive(Clone, Debug)]
pub struct Decision {
    route: Option<Arc<str>>,
    identity: Option<Identity>,
    verdict: Result<(), Error>,
}

impl Decision {
    /// Whether the request may pass, and if not, why.
    pub fn verdict(&self) -> Result<(), &Error> {
        self.verdict.as_ref().copied()
    }

    /// Why the request is refused.
    pub fn error(&self) -> Option<&Error> {
        self.verdict.as_ref().err()
    }

    /// Who acts, once the token was verified: also when the policy then refused. None on public routes.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The route that was matched, as the policy writes it.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }
}

impl Decision {
    /// Of a request that is refused before anything is looked up.
    pub(crate) fn ambiguous(error: Error) -> Decision {
        Decision {
            route: None,
            identity: None,
            verdict: Err(error),
        }
    }

    /// The identity of a request that may pass.
    pub(crate) fn into_identity(self) -> Result<Option<Identity>, Error> {
        self.verdict.map(|()| self.identity)
    }
}

/// What a request must meet: the policy's route for it, or one requirement wherever it goes.
#[derive(Clone, Debug)]
pub(crate) enum Gate {
    Routes,
    Requirement(Arc<Requirement>, Arc<str>),
}

/// The keys to fetch once more, because a token names one that was not among those of this generation.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(super) keys: RemoteKeys,
    pub(super) generation: u64,
}

impl Missed {
    /// Says whether to judge once more.
    pub(crate) async fn refetch(&self) -> bool {
        self.keys.refetch(self.generation).await
    }
}

/// The outcome of judging once, without waiting for anything.
pub(crate) struct Judged {
    pub(crate) decision: Decision,
    /// Set where one fetch of keys could change the decision.
    pub(crate) missed: Option<Missed>,
}

impl Judged {
    pub(super) fn decided(route: Option<Arc<str>>, identity: Option<Identity>, verdict: Result<(), Error>) -> Judged {
        let decision = Decision {
            route,
            identity,
            verdict,
        };
        Judged { decision, missed: None }
    }
}

/// Why a token was refused, and whether one fetch of keys could change it.
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) missed: Option<Missed>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal { error, missed: None }
    }
}
