//! The state that every endpoint shares.

use std::time::Duration;

use crate::clock::Clock;
use crate::keys::{KeyError, KeyRing};
use crate::registry::Registry;
use crate::settings::Settings;
use crate::store::{AuthorizationCode, CODE_LIFETIME, OneTime, TRANSACTION_LIFETIME, Transaction};

pub(crate) struct AuthorizationServer {
    pub(crate) issuer_url: String,
    pub(crate) token_lifetime: Duration,
    pub(crate) registry: Registry,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Clock,
    pub(crate) transactions: OneTime<Transaction>,
    pub(crate) codes: OneTime<AuthorizationCode>,
}

impl AuthorizationServer {
    /// Generates the signing keys. `address` is the issuer identifier if the settings name none.
    pub(crate) fn new(
        settings: Settings,
        registry: Registry,
        address: String,
    ) -> Result<AuthorizationServer, KeyError> {
        Ok(AuthorizationServer {
            issuer_url: settings.issuer_url.unwrap_or(address),
            token_lifetime: settings.token_lifetime,
            registry,
            keys: KeyRing::generate(settings.signing)?,
            clock: Clock::default(),
            transactions: OneTime::new(TRANSACTION_LIFETIME),
            codes: OneTime::new(CODE_LIFETIME),
        })
    }
}
