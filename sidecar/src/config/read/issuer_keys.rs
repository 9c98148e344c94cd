//! Where the keys of an issuer come from, and when they are fetched.

use std::time::Duration;

use actgate::keys::{Algorithm, KeySet, KeySetError, KeySource, RefreshPolicy, SkippedKey};
use actgate::{ConfigError, TrustedIssuer};
use actgate_yaml::{Span, Spanned};

use super::reader::ConfigReader;
use super::values;
use crate::config::document::{IssuerDocument, KeysDocument};
use crate::config::settings::KeyLocation;

/// Replaces an invalid identifier or address of keys, so that the other keys of the issuer are checked.
pub(super) const PLACEHOLDER: &str = "https://issuer.invalid";

/// The keys of one issuer as they are written.
pub(super) struct IssuerKeys {
    pub(super) source: KeySource,
    pub(super) location: KeyLocation,
    pub(super) plain_http: PlainHttp,
}

/// Whether a server that is not on loopback may be reached over plain http.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainHttp {
    Denied,
    /// With the place of the key that allows it.
    Allowed(Span),
}

impl PlainHttp {
    /// What `insecure_http` says.
    pub(super) fn of(insecure_http: Option<&Spanned<bool>>) -> PlainHttp {
        match insecure_http {
            Some(written) if written.value => PlainHttp::Allowed(written.span()),
            _ => PlainHttp::Denied,
        }
    }

    /// The constructor of an issuer.
    pub(super) fn construct(self, issuer: &str, keys: KeySource) -> Result<TrustedIssuer, ConfigError> {
        match self {
            PlainHttp::Denied => TrustedIssuer::new(issuer, keys),
            PlainHttp::Allowed(_) => TrustedIssuer::with_insecure_http(issuer, keys),
        }
    }
}

impl ConfigReader<'_> {
    /// Reads where the keys come from: discovery, `jwks_uri` or `jwks_file`.
    pub(super) fn issuer_keys(&mut self, document: &IssuerDocument, algorithms: &[Algorithm]) -> IssuerKeys {
        let plain_http = PlainHttp::of(document.insecure_http.as_ref());
        let mut keys = IssuerKeys {
            source: KeySource::Discovery,
            location: KeyLocation::Discovery,
            plain_http,
        };
        match (&document.jwks_uri, &document.jwks_file) {
            (Some(_), Some(file)) => {
                let message = "`jwks_uri` and `jwks_file` both name the keys of the issuer";
                let help = "keep `jwks_uri` for keys that are fetched, or `jwks_file` for a start without network";
                self.diagnostics.push(file.span(), message, help);
                keys.source = KeySource::JwksUri(PLACEHOLDER.to_owned());
            }
            (Some(uri), None) => {
                keys.source = self.jwks_uri(uri, plain_http);
                keys.location = KeyLocation::JwksUri(uri.value.clone());
            }
            (None, Some(file)) => {
                let placeholder = || KeySource::JwksUri(PLACEHOLDER.to_owned());
                keys.source = self
                    .jwks_file(file, algorithms)
                    .map_or_else(placeholder, KeySource::from);
                keys.location = KeyLocation::File(self.beside(&file.value));
            }
            (None, None) => {}
        }
        keys
    }

    fn jwks_uri(&mut self, uri: &Spanned<String>, plain_http: PlainHttp) -> KeySource {
        let source = KeySource::JwksUri(uri.value.clone());
        match plain_http.construct(PLACEHOLDER, source.clone()) {
            Ok(_) => source,
            Err(error) => {
                let help = "write the https URL of the key set, or an http URL on loopback; without `jwks_uri` discovery finds it";
                self.diagnostics.push(uri.span(), error.to_string(), help);
                KeySource::JwksUri(PLACEHOLDER.to_owned())
            }
        }
    }

    fn jwks_file(&mut self, written: &Spanned<String>, algorithms: &[Algorithm]) -> Option<KeySet> {
        let file = self.beside(&written.value);
        let read = self.read(&file);
        let shown = file.display();
        let text = match read {
            Ok(text) => text,
            Err(error) => {
                let help = match error.is_missing {
                    true => "write a path that is relative to this file",
                    false => error.help,
                };
                let message = format!("`{shown}`: {}", error.message);
                self.diagnostics.push(written.span(), message, help);
                return None;
            }
        };
        let publish = "publish the public keys of the issuer alone; a key whose secret was copied is compromised";
        let secret = |keys: &[SkippedKey]| keys.iter().find(|key| key.is_secret()).map(ToString::to_string);
        let read = KeySet::from_json(text.as_bytes(), algorithms);
        let found = match &read {
            Ok(keys) => secret(keys.skipped()),
            Err(KeySetError::NoUsableKey(keys)) => secret(keys),
            Err(_) => None,
        };
        let (reason, help) = match (read, found) {
            (_, Some(key)) => (format!("the set contains a secret: {key}"), publish),
            (Ok(keys), None) => return Some(keys),
            (Err(error), None) => (
                error.to_string(),
                "write the JWK set that the issuer publishes, with at least one key for its signatures",
            ),
        };
        self.diagnostics
            .push(written.span(), format!("`{shown}`: {reason}"), help);
        None
    }

    /// The durations of `keys`; the ranges are those of the library.
    pub(super) fn refresh_policy(&mut self, issuer: &TrustedIssuer, keys: &KeysDocument) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        // `max_stale` must not be below `refresh`, and so comes after it.
        type Setting = fn(&mut RefreshPolicy) -> &mut Duration;
        let written: [(_, Setting); 4] = [
            (&keys.refresh, |policy| &mut policy.refresh),
            (&keys.cooldown, |policy| &mut policy.cooldown),
            (&keys.timeout, |policy| &mut policy.timeout),
            (&keys.max_stale, |policy| &mut policy.max_stale),
        ];
        for (text, setting) in written {
            if let Some(text) = text
                && let Some(duration) = self.take(text, |text| values::duration(text))
            {
                let mut changed = policy.clone();
                *setting(&mut changed) = duration;
                match issuer.clone().refresh_policy(changed.clone()) {
                    Ok(_) => policy = changed,
                    Err(error) => {
                        let help = "write a duration in this range";
                        self.diagnostics.push(text.span(), error.to_string(), help);
                    }
                }
            }
        }
        policy
    }
}
