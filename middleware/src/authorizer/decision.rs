//! The decision about one request.

use std::sync::Arc;

use crate::error::Error;
use crate::identity::Identity;

/// The decision about one request.
#[derive(Clone, Debug)]
pub struct Decision {
    route: Option<Arc<str>>,
    identity: Option<Identity>,
    outcome: Result<(), Error>,
}

impl Decision {
    pub(super) fn new(route: Option<Arc<str>>, identity: Option<Identity>, outcome: Result<(), Error>) -> Decision {
        Decision {
            route,
            identity,
            outcome,
        }
    }

    /// The decision about a request that is denied before its route is known.
    pub(crate) fn without_route(error: Error) -> Decision {
        Decision::new(None, None, Err(error))
    }

    /// Whether the request is allowed, and if not, why.
    pub fn outcome(&self) -> Result<(), &Error> {
        self.outcome.as_ref().copied()
    }

    /// Why the request is denied.
    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    /// The identity of a verified token, also when the policy denies. [`None`] on public routes.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The route that matched, as the policy writes it.
    pub fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// The identity of an allowed request.
    pub(crate) fn into_identity(self) -> Result<Option<Identity>, Error> {
        self.outcome.map(|()| self.identity)
    }
}
