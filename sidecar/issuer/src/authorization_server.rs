//! The authorization server: what every endpoint shares.

use crate::keys::KeyRing;
use crate::registry::Registry;
use crate::settings::{Settings, SettingsError};
use crate::store::{Codes, Transactions};

/// An issuer that is ready to be served: settings checked, keys made. It has no address yet; see
/// [`Server::bind`](crate::Server::bind).
pub struct Issuer {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) keys: KeyRing,
}

impl Issuer {
    /// Checks the settings and makes the signing keys.
    pub fn new(settings: Settings, registry: Registry) -> Result<Issuer, SettingsError> {
        settings.check()?;
        let keys = KeyRing::generate(settings.signing)?;
        Ok(Issuer {
            settings,
            registry,
            keys,
        })
    }
}

/// An issuer under its name.
pub(crate) struct AuthorizationServer {
    pub(crate) issuer_url: String,
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    pub(crate) keys: KeyRing,
    pub(crate) transactions: Transactions,
    pub(crate) codes: Codes,
}

impl AuthorizationServer {
    /// `fallback` is the issuer identifier where the settings name none.
    pub(crate) fn new(issuer: Issuer, fallback: String) -> AuthorizationServer {
        let Issuer {
            settings,
            registry,
            keys,
        } = issuer;
        let issuer_url = settings.issuer_url.clone().unwrap_or(fallback);
        AuthorizationServer {
            issuer_url,
            settings,
            registry,
            keys,
            transactions: Transactions::new(),
            codes: Codes::new(),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.settings.clock.now()
    }
}
