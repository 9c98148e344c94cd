//! The trusted issuers and the audiences of this API.

use actgate::keys::Algorithm;
use actgate::{ConfigError, TrustedIssuer};
use actgate_yaml::{Diagnostics, OneOrMany, Span, Spanned};

use super::issuer_keys::{IssuerKeys, PLACEHOLDER, PlainHttp};
use super::issuer_warnings;
use super::key_access::KeyAccess;
use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values;
use crate::config::document::{AcceptedAlgorithm, Document, IssuerDocument};
use crate::config::settings::{IssuerSettings, PinnedClaim, Roots};

/// The issuers, their files that this machine does not have, and what is probably a mistake.
#[derive(Default)]
pub(super) struct TrustSettings {
    pub(super) issuers: Vec<IssuerSettings>,
    pub(super) missing_files: Diagnostics,
    pub(super) warnings: Diagnostics,
}

const NAME_AN_ISSUER: &str = "name at least one issuer";

impl ConfigReader<'_> {
    /// The audiences of each issuer that has none of its own. They are required if there is such an issuer.
    pub(super) fn audiences(&mut self, document: &Document) -> Vec<String> {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value).peekable();
        let written = document.audience.as_ref();
        let is_needed = issuers.peek().is_none() || issuers.any(|issuer| issuer.value.audience.is_none());
        let written = match is_needed {
            true => self.required("audience", written, Span::default()),
            false => written,
        };
        written.map_or_else(Vec::new, |written| self.audience_list(written))
    }

    fn audience_list(&mut self, written: &Spanned<OneOrMany<Spanned<String>>>) -> Vec<String> {
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
                    ..
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
        findings: &mut FileFindings,
    ) -> TrustSettings {
        let mut settings = TrustSettings::default();
        let Some(written) = self.required("issuers", written, Span::default()) else {
            return settings;
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            self.diagnostics
                .push(written.span(), "no issuer is trusted", NAME_AN_ISSUER);
        }
        let mut names: Vec<&str> = Vec::new();
        for issuer in &written.value {
            if let Some(name) = &issuer.value.issuer {
                if names.contains(&name.value.as_str()) {
                    let message = "this issuer is named twice";
                    self.diagnostics.push(name.span(), message, "keep one entry");
                }
                names.push(&name.value);
            }
            let trusted = self.issuer(issuer, audiences, &mut settings.missing_files, findings);
            if let Some(trusted) = &trusted {
                settings
                    .warnings
                    .extend(issuer_warnings::of(&issuer.value, trusted, self.file));
            }
            settings.issuers.extend(trusted);
        }
        settings
    }

    fn issuer(
        &mut self,
        written: &Spanned<IssuerDocument>,
        audiences: &[String],
        missing_files: &mut Diagnostics,
        findings: &mut FileFindings,
    ) -> Option<IssuerSettings> {
        let document = &written.value;
        let algorithms = self.algorithms(document.algorithms.as_ref());
        let IssuerKeys {
            source,
            location,
            plain_http,
        } = self.issuer_keys(document, &algorithms);
        let mut trusted = plain_http.construct(PLACEHOLDER, source.clone()).ok()?;
        if let Some(identifier) = self.required("issuer", document.issuer.as_ref(), written.span()) {
            match plain_http.construct(&identifier.value, source.clone()) {
                Ok(issuer) => trusted = issuer,
                Err(ConfigError::Issuer {
                    issuer, reason, help, ..
                }) => {
                    let message = format!("`{issuer}` is not an issuer: {reason}");
                    self.diagnostics.push(identifier.span(), message, help);
                }
                Err(error) => {
                    let help = "write the https URL that the issuer writes in `iss`, or `jwks_uri` for its keys";
                    self.diagnostics.push(identifier.span(), error.to_string(), help);
                }
            }
        }
        if let PlainHttp::Allowed(place) = plain_http
            && TrustedIssuer::new(trusted.identifier(), source).is_ok()
        {
            let message = "`insecure_http` has no effect: no key is fetched over plain http from another host";
            let help = "remove it, or name the http address in `jwks_uri`";
            self.diagnostics.push(place, message, help);
        }
        let own = document.audience.as_ref().map(|own| self.audience_list(own));
        for audience in own.as_deref().unwrap_or(audiences) {
            trusted = trusted.audience(audience).ok()?;
        }
        trusted = self.carrier(trusted, document);
        trusted = self.required_claims(trusted, document);
        trusted = trusted.algorithms(&algorithms).ok()?;
        let refresh_policy = self.refresh_policy(&trusted, &document.keys);
        let fetch_timeout = refresh_policy.timeout;
        trusted = trusted.refresh_policy(refresh_policy).ok()?;
        let KeyAccess { fetch, name, missing } = self.key_access(document, &location);
        missing_files.extend(missing);
        if let Some(fetch) = fetch {
            trusted = trusted.fetch_by_name(&name, fetch);
        }
        let profile = document.profile.as_ref().map(|profile| profile.value.clone());
        let profile = profile.unwrap_or_default();
        trusted = trusted.profile(profile.clone());
        if let Some(kinds) = &document.kinds {
            trusted = trusted.kinds(kinds.clone());
        }
        let agent_clients = self.agent_clients(document.agent_clients.as_ref(), &mut trusted);
        if let Some(completeness) = document.chain_completeness {
            trusted = trusted.chain_completeness(completeness);
        }
        if let Some(prior_actors) = document.prior_actors {
            trusted = trusted.prior_actors(prior_actors);
        }
        let asked = document.introspection.as_ref();
        let asked = asked.and_then(|written| self.introspection(written, findings));
        let introspection = asked.map(|(introspection, settings)| {
            trusted = trusted.clone().introspection(introspection);
            settings
        });
        Some(IssuerSettings {
            trusted,
            introspection,
            own_audiences: own.unwrap_or_default(),
            profile,
            claims: pinned_claims(document),
            agent_clients,
            kinds: document.kinds.clone(),
            keys: location,
            insecure_http: match plain_http {
                PlainHttp::Allowed(place) => Some(place),
                PlainHttp::Denied => None,
            },
            roots: match document.ca_file {
                Some(_) => Roots::Own,
                None => Roots::System,
            },
            fetch_timeout,
        })
    }

    /// The accepted algorithms: all, where none are written.
    fn algorithms(&mut self, written: Option<&Spanned<Vec<AcceptedAlgorithm>>>) -> Vec<Algorithm> {
        let Some(list) = written else {
            return Algorithm::all().to_vec();
        };
        if list.value.is_empty() {
            if !self.omissions.within(list.span()) {
                let help = "name at least one, or remove the key to accept all";
                self.diagnostics.push(list.span(), "no algorithm is accepted", help);
            }
            return Algorithm::all().to_vec();
        }
        list.value.iter().map(|accepted| accepted.0).collect()
    }

    /// The clients that are agents, which are added to `trusted`.
    fn agent_clients(
        &mut self,
        written: Option<&Spanned<OneOrMany<Spanned<String>>>>,
        trusted: &mut TrustedIssuer,
    ) -> Vec<String> {
        let Some(written) = written else {
            return Vec::new();
        };
        if written.value.is_empty() && !self.omissions.within(written.span()) {
            let help = "name at least one client, or remove the key";
            self.diagnostics.push(written.span(), "no client is named", help);
        }
        let mut clients: Vec<String> = Vec::new();
        for client in written.value.iter() {
            if clients.contains(&client.value) {
                self.diagnostics
                    .push(client.span(), "this client is named twice", "keep one of them");
                continue;
            }
            match trusted.clone().agent_client(&client.value) {
                Ok(issuer) => {
                    *trusted = issuer;
                    clients.push(client.value.clone());
                }
                Err(error) => {
                    let help = "write each client as the token has it";
                    self.diagnostics.push(client.span(), error.to_string(), help);
                }
            }
        }
        clients
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
                Err(ConfigError::DottedClaim { message, help, .. }) => {
                    self.diagnostics.push(written.span(), message, help);
                }
                Err(error) => self.diagnostics.push(written.span(), error.to_string(), ""),
            }
        }
        trusted
    }
}

fn pinned_claims(document: &IssuerDocument) -> Vec<PinnedClaim> {
    let pinned = document.claims.iter().map(|(name, written)| PinnedClaim {
        name: name.clone(),
        values: written.value.iter().map(|value| value.0.clone()).collect(),
    });
    pinned.collect()
}
