//! Authorization requests between two pages.

use std::time::Duration;

use moka::sync::Cache;

use super::MAX_PENDING;
use super::authorization_request::AuthorizationRequest;
use crate::claims::Authentication;
use crate::parameters::Parameters;
use crate::scope::ScopeSet;
use crate::secret::{NoRandomness, random_id};

/// How long a person may take for one page.
const TRANSACTION_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Requests between two pages.
pub(crate) struct Transactions(Cache<String, Transaction>);

#[derive(Clone)]
pub(crate) enum Transaction {
    Login {
        request: AuthorizationRequest,
        attempts: u8,
    },
    Consent {
        request: AuthorizationRequest,
        subject: String,
        authentication: Authentication,
        scope: ScopeSet,
    },
}

impl Transactions {
    pub(crate) fn new() -> Transactions {
        Transactions(
            Cache::builder()
                .max_capacity(MAX_PENDING)
                .time_to_live(TRANSACTION_LIFETIME)
                .build(),
        )
    }

    pub(crate) fn put(&self, transaction: Transaction) -> Result<String, NoRandomness> {
        let id = random_id()?;
        self.0.insert(id.clone(), transaction);
        Ok(id)
    }

    pub(crate) fn take(&self, form: &Parameters) -> Option<Transaction> {
        let id = form.one("transaction").ok()??;
        // `remove` would still give a transaction that is past its life.
        self.0.get(id)?;
        self.0.remove(id)
    }
}
