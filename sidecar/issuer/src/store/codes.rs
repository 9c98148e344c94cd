//! Authorization codes.

use std::time::Duration;

use moka::sync::Cache;

use super::MAX_PENDING;
use crate::claims::Authentication;
use crate::registry::Client;
use crate::scope::ScopeSet;
use crate::secret::{NoRandomness, random_id};

/// How long a code can be redeemed (RFC 6749 section 4.1.2 allows ten minutes at most).
pub(crate) const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// Codes not yet redeemed.
pub(crate) struct Codes(Cache<String, AuthorizationCode>);

/// What a code stands for.
#[derive(Clone)]
pub(crate) struct AuthorizationCode {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) code_challenge: String,
    pub(crate) audience: String,
    pub(crate) subject: String,
    pub(crate) scope: ScopeSet,
    pub(crate) authentication: Authentication,
    pub(crate) id_token: IdToken,
    pub(crate) expires: u64,
}

/// Whether an ID token was asked for, and with which nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdToken {
    Wanted { nonce: Option<String> },
    NotWanted,
}

impl Codes {
    pub(crate) fn new() -> Codes {
        Codes(
            Cache::builder()
                .max_capacity(MAX_PENDING)
                .time_to_live(CODE_LIFETIME)
                .build(),
        )
    }

    /// Takes the code of this client out of the store: it cannot be taken again. Another client's stays.
    pub(crate) fn take(&self, code: &str, client: &Client, now: u64) -> Option<AuthorizationCode> {
        if self.0.get(code)?.client_id != client.id {
            return None;
        }
        self.0.remove(code).filter(|code| now < code.expires)
    }

    pub(crate) fn put(&self, code: AuthorizationCode) -> Result<String, NoRandomness> {
        let id = random_id()?;
        self.0.insert(id.clone(), code);
        Ok(id)
    }
}
