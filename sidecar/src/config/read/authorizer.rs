//! The authorizer, built from issuers, policy and other keys.

use actgate::{Authorizer, AuthorizerBuilder, ConfigError, Resource};
use actgate_yaml::{Diagnostic, Span, Spanned};

use super::policy::PolicySettings;
use super::reader::ConfigReader;
use super::values;
use crate::config::document::Document;
use crate::config::settings::IssuerSettings;

impl ConfigReader<'_> {
    /// The parts of the authorizer without its issuers.
    pub(super) fn authorizer(
        &mut self,
        document: &Document,
        issuers: &[IssuerSettings],
        resources: &[Resource],
        policy: Option<&PolicySettings>,
    ) -> AuthorizerBuilder {
        let mut builder = Authorizer::builder();
        let api = document.decision_api.as_ref();
        if self.forwards(document) || api.is_some_and(|api| api.value.ext_authz.is_some()) {
            builder = builder.reads_bodies();
        }
        if let Some(leeway) = self.optional(document.leeway.as_ref(), |text| values::duration(text)) {
            builder = builder.leeway(leeway);
        }
        if let Some(url) = self.optional(document.resource_metadata.as_ref(), |text| values::metadata_url(text)) {
            builder = builder.resource_metadata(&url);
        }
        builder = resources.iter().cloned().fold(builder, AuthorizerBuilder::resource);
        if let Some(policy) = policy {
            builder = builder.policy(policy.policy.clone());
        }
        let asks = document
            .tls
            .as_ref()
            .is_some_and(|tls| tls.value.client_certificates.is_some());
        if !asks {
            builder = builder.without_client_certificates();
        }
        let trusted = issuers.iter().map(|issuer| issuer.trusted.clone());
        for error in trusted.fold(builder.clone(), AuthorizerBuilder::issuer).check() {
            self.report(&error, document, policy);
        }
        builder
    }

    fn report(&mut self, error: &ConfigError, document: &Document, policy: Option<&PolicySettings>) {
        match error {
            ConfigError::Leeway(_) => {
                let span = document.leeway.as_ref().map(Spanned::span).unwrap_or_default();
                let help = "write at most 60s";
                self.diagnostics.push(span, "the leeway is too long", help);
            }
            ConfigError::HistoryRule {
                rule,
                line,
                column,
                issuer,
                reason,
                help,
                ..
            } if self.is_complete(issuer, document) => {
                let (line, column) = (*line, *column);
                let message = format!("`{rule}` reads prior actors, but for issuer `{issuer}` {reason}");
                let diagnostic = Diagnostic {
                    file: policy.map(|policy| policy.file.clone()),
                    ..Diagnostic::new(Span { line, column }, message, *help)
                };
                self.diagnostics.extend([diagnostic]);
            }
            ConfigError::SharedIssuer {
                issuer,
                product,
                claim,
                help,
                ..
            } if self.is_complete(issuer, document) => {
                let place = claim
                    .as_deref()
                    .and_then(|claim| Self::place_of_claim(document, issuer, claim));
                let place = place.unwrap_or_else(|| Self::place_of_issuer(document, issuer));
                let message = format!(
                    "{product} signs the tokens of all its tenants with the same keys, so that any of them could send one"
                );
                self.diagnostics.push(place, message, help.clone());
            }
            ConfigError::Overlap {
                resource, reason, help, ..
            } => {
                let place = Self::place_of_resource(document, resource);
                let message = format!("`{resource}` cannot be protected beside the other resources: {reason}");
                self.diagnostics.push(place, message, help.clone());
            }
            ConfigError::AudienceOfIssuer(issuer) => {
                let place = Self::place_of_own_audience(document, issuer);
                let message = "an issuer has no audience of its own beside several resources, or where a resource names one for it";
                let help = format!(
                    "write it at the resource that its tokens are for, as `audience: {{ \"{issuer}\": … }}`, and remove it here"
                );
                self.diagnostics.push(place, message, help);
            }
            ConfigError::AudienceOfUnknownIssuer {
                resource, issuer, help, ..
            } => {
                if let Some(place) = Self::place_of_audience(document, resource, issuer) {
                    let message = format!("`{issuer}` is not a trusted issuer");
                    self.diagnostics.push(place, message, help.clone());
                }
            }
            ConfigError::HeaderSpelling {
                header, other, help, ..
            } => {
                let place = Self::place_of_header(document, header);
                let message = format!("`{header}` is the same as `{other}` to some servers");
                self.diagnostics.push(place, message, *help);
            }
            ConfigError::OpaqueTokens { issuer, other, .. } => {
                let place = Self::place_of_issuer(document, issuer);
                let message = format!(
                    "opaque tokens are of this issuer and of `{other}`, and an opaque token does not state its issuer"
                );
                let help = "write `tokens: signed` under `introspection` of one of them";
                self.diagnostics.push(place, message, help);
            }
            ConfigError::MetadataRoute {
                route, line, column, ..
            } => {
                let message =
                    format!("the route `{route}` is for the metadata of this API, which the gate publishes itself");
                let help =
                    "remove the route, or name the address of metadata that the API publishes as `resource_metadata`";
                let (line, column) = (*line, *column);
                let diagnostic = Diagnostic {
                    file: policy.map(|policy| policy.file.clone()),
                    ..Diagnostic::new(Span { line, column }, message, help)
                };
                self.diagnostics.extend([diagnostic]);
            }
            ConfigError::BodyRule { rule, .. } => {
                let span = document.decision_api.as_ref().map(Spanned::span).unwrap_or_default();
                let message = format!("`{rule}` reads the body of a request, which none of these APIs receives");
                let help = "use `ext_authz`, with `with_request_body` of Envoy, or a gate that forwards (`listen`, `upstream`)";
                self.diagnostics.push(span, message, help);
            }
            // Any other has been reported at its place.
            error if self.diagnostics.is_empty() => self.diagnostics.push(Span::default(), error.to_string(), ""),
            _ => {}
        }
    }

    fn place_of_issuer(document: &Document, identifier: &str) -> Span {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        let place = issuers.find_map(|written| {
            let name = written.value.issuer.as_ref();
            name.filter(|name| name.value == identifier).map(Spanned::span)
        });
        place.unwrap_or_default()
    }

    /// The place of the audience of an issuer, or else of the issuer.
    fn place_of_own_audience(document: &Document, identifier: &str) -> Span {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        let place = issuers.find_map(|written| {
            let name = written.value.issuer.as_ref()?;
            let is_named = name.value == identifier;
            written.value.audience.as_ref().filter(|_| is_named).map(Spanned::span)
        });
        place.unwrap_or_else(|| Self::place_of_issuer(document, identifier))
    }

    fn place_of_header(document: &Document, header: &str) -> Span {
        let issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        let mut headers = issuers.filter_map(|issuer| issuer.value.header.as_ref());
        let place = headers.find(|written| written.value.eq_ignore_ascii_case(header));
        place.map(Spanned::span).unwrap_or_default()
    }

    /// The place of the value of a pinned claim.
    fn place_of_claim(document: &Document, identifier: &str, claim: &str) -> Option<Span> {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        issuers.find_map(|written| {
            let name = written.value.issuer.as_ref()?;
            let value = written.value.claims.get(claim)?;
            (name.value == identifier).then(|| value.span())
        })
    }

    /// Whether no part of an issuer was left out with a mistake of its own.
    fn is_complete(&self, identifier: &str, document: &Document) -> bool {
        let mut issuers = document.issuers.iter().flat_map(|issuers| &issuers.value);
        issuers.any(|issuer| {
            let name = issuer.value.issuer.as_ref();
            name.is_some_and(|name| name.value == identifier) && !self.omissions.within(issuer.span())
        })
    }
}
