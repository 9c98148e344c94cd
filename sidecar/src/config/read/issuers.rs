//! The trusted issuers and the audiences of this API.

use std::time::Duration;

use actgate::keys::{KeySource, RefreshPolicy};
use actgate::{ConfigError, TrustedIssuer};
use actgate_yaml::{OneOrMany, Span, Spanned};

use super::reader::ConfigReader;
use super::values;
use crate::config::document::{IssuerDocument, KeysDocument};
use crate::config::settings::IssuerSettings;

/// Replaces an invalid identifier or address of keys, so that the other keys of the issuer are checked.
const PLACEHOLDER: &str = "https://issuer.invalid";

const NAME_AN_ISSUER: &str = "name at least one issuer";

impl ConfigReader<'_> {
    pub(super) fn audiences(&mut self, written: Option<&Spanned<OneOrMany<Spanned<String>>>>) -> Vec<String> {
        let Some(written) = self.required("audience", written, Span::default()) else {
            return Vec::new();
        };
        let OneOrMany(audiences) = &written.value;
        if audiences.is_empty() && !self.omissions.within(written.span()) {
            let message = "there is no audience";
            self.diagnostics.push(written.span(), message, values::NAME_THIS_API);
        }
        let mut accepted = Vec::new();
        for audience in audiences {
            let issuer = TrustedIssuer::discover(PLACEHOLDER);
            match issuer.and_then(|issuer| issuer.audience(&audience.value)) {
                Ok(_) => accepted.push(audience.value.clone()),
                Err(ConfigError::Audience {
                    audience: text,
                    reason,
                    help,
                }) => {
                    let message = format!("`{text}` is not an audience: {reason}");
                    self.diagnostics.push(audience.span(), message, help);
                }
                Err(_) => {
                    let message = "an audience is empty";
                    self.diagnostics.push(audience.span(), message, values::NAME_THIS_API);
                }
            }
        }
        accepted
    }

    pub(super) fn issuers(
        &mut self,
        written: Option<&Spanned<Vec<Spanned<IssuerDocument>>>>,
        audiences: &[String],
    ) -> Vec<IssuerSettings> {
        let Some(written) = self.required("issuers", written, Span::default()) else {
            return Vec::new();
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            self.diagnostics
                .push(written.span(), "no issuer is trusted", NAME_AN_ISSUER);
        }
        let mut names: Vec<&str> = Vec::new();
        let mut issuers = Vec::new();
        for issuer in &written.value {
            if let Some(name) = &issuer.value.issuer {
                if names.contains(&name.value.as_str()) {
                    let message = "this issuer is named twice";
                    self.diagnostics.push(name.span(), message, "keep one entry");
                }
                names.push(&name.value);
            }
            issuers.extend(self.issuer(issuer, audiences));
        }
        issuers
    }

    fn issuer(&mut self, written: &Spanned<IssuerDocument>, audiences: &[String]) -> Option<IssuerSettings> {
        let document = &written.value;
        let keys = self.key_source(document.jwks_uri.as_ref());
        let mut trusted = TrustedIssuer::new(PLACEHOLDER, keys.clone()).ok()?;
        if let Some(identifier) = self.required("issuer", document.issuer.as_ref(), written.span()) {
            match TrustedIssuer::new(&identifier.value, keys) {
                Ok(issuer) => trusted = issuer,
                Err(ConfigError::Issuer { issuer, reason, help }) => {
                    let message = format!("`{issuer}` is not an issuer: {reason}");
                    self.diagnostics.push(identifier.span(), message, help);
                }
                Err(error) => {
                    let help = "write the https URL that the issuer writes in `iss`, or `jwks_uri` for its keys";
                    self.diagnostics.push(identifier.span(), error.to_string(), help);
                }
            }
        }
        for audience in audiences {
            trusted = trusted.audience(audience).ok()?;
        }
        trusted = self.required_claims(trusted, document);
        if let Some(list) = &document.algorithms {
            let algorithms: Vec<_> = list.value.iter().map(|accepted| accepted.0).collect();
            match trusted.clone().algorithms(&algorithms) {
                Ok(issuer) => trusted = issuer,
                Err(_) if self.omissions.within(list.span()) => {}
                Err(_) => {
                    let help = "name at least one, or remove the key to accept all";
                    self.diagnostics.push(list.span(), "no algorithm is accepted", help);
                }
            }
        }
        let refresh_policy = self.refresh_policy(&trusted, &document.keys);
        let fetch_timeout = refresh_policy.timeout;
        trusted = trusted.refresh_policy(refresh_policy).ok()?;
        if let Some(profile) = document.profile {
            trusted = trusted.profile(profile);
        }
        if let Some(completeness) = document.chain_completeness {
            trusted = trusted.chain_completeness(completeness);
        }
        if let Some(prior_actors) = document.prior_actors {
            trusted = trusted.prior_actors(prior_actors);
        }
        Some(IssuerSettings {
            trusted,
            jwks_uri: document.jwks_uri.as_ref().map(|uri| uri.value.clone()),
            fetch_timeout,
        })
    }

    fn required_claims(&mut self, mut trusted: TrustedIssuer, document: &IssuerDocument) -> TrustedIssuer {
        for (claim, written) in &document.claims {
            let OneOrMany(values) = &written.value;
            let values = values.iter().map(|value| value.0.clone());
            match trusted.clone().require_claim(claim, values) {
                Ok(issuer) => trusted = issuer,
                Err(_) if self.omissions.within(written.span()) => {}
                Err(ConfigError::RequiredClaim {
                    claim, reason, help, ..
                }) => {
                    let message = format!("the claim `{claim}` cannot be required: {reason}");
                    self.diagnostics.push(written.span(), message, help);
                }
                Err(error) => self.diagnostics.push(written.span(), error.to_string(), ""),
            }
        }
        trusted
    }

    fn key_source(&mut self, jwks_uri: Option<&Spanned<String>>) -> KeySource {
        let Some(uri) = jwks_uri else {
            return KeySource::Discovery;
        };
        let source = KeySource::JwksUri(uri.value.clone());
        match TrustedIssuer::new(PLACEHOLDER, source.clone()) {
            Ok(_) => source,
            Err(error) => {
                let help = "write the https URL of the key set, or an http URL on loopback; without `jwks_uri` discovery finds it";
                self.diagnostics.push(uri.span(), error.to_string(), help);
                KeySource::JwksUri(PLACEHOLDER.to_owned())
            }
        }
    }

    /// The durations of `keys`; the ranges are those of the library.
    fn refresh_policy(&mut self, issuer: &TrustedIssuer, keys: &KeysDocument) -> RefreshPolicy {
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
