//! `introspection` of an issuer: where the gate asks, as which client, about which tokens.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use actgate::ConfigError;
use actgate::introspection::{HttpIntrospection, IntrospectedTokens, Introspection};
use actgate::keys::HttpFetch;
use actgate_yaml::Spanned;

use super::issuer_keys::PlainHttp;
use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values;
use crate::config::document::introspection::{IntrospectionDocument, Tokens};
use crate::config::secrets::client_secret_in;
use crate::config::settings::{IntrospectionSettings, Roots};
use crate::files::text_file::FileError;

const CACHE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(3600);
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

/// Takes the place of an endpoint with a mistake.
const PLACEHOLDER: &str = "http://127.0.0.1:1";

impl ConfigReader<'_> {
    /// Reads `introspection` of an issuer, with what is needed of it beside the library.
    pub(super) fn introspection(
        &mut self,
        whole: &Spanned<IntrospectionDocument>,
        findings: &mut FileFindings,
    ) -> Option<(Introspection, IntrospectionSettings)> {
        let written = &whole.value;
        let plain_http = PlainHttp::of(written.insecure_http.as_ref());
        let client_id = self.required("client_id", written.client_id.as_ref(), whole.span());
        let client_id = self.optional(client_id, |text| values::one_word(text, "the identifier of the client"));
        let file = self.required("client_secret_file", written.client_secret_file.as_ref(), whole.span());
        let secret_file = file.map(|file| self.beside(&file.value));
        if let Some(file) = file {
            self.secret_file("client_secret_file", file, client_secret_in, findings);
        }
        let endpoint = self.required("endpoint", written.endpoint.as_ref(), whole.span());
        let secret_of = |file: &Path| client_secret_in(file).map(|secret| secret.0).map_err(reason(file));
        let construct = |endpoint: &str| {
            let client_id = client_id.clone().unwrap_or_default();
            let file = secret_file.clone().unwrap_or_default();
            let secret = move || secret_of(&file);
            match plain_http {
                PlainHttp::Denied => HttpIntrospection::new(endpoint, &client_id, secret),
                PlainHttp::Allowed(_) => HttpIntrospection::with_insecure_http(endpoint, &client_id, secret),
            }
        };
        let asked = match endpoint.map(|endpoint| (endpoint, construct(&endpoint.value))) {
            Some((_, Ok(asked))) => Some(asked),
            Some((endpoint, Err(ConfigError::Url { url, reason, .. }))) => {
                let help = "write the `introspection_endpoint` that the metadata of the issuer names; plain http on another host \
                            needs `insecure_http: true`";
                let message = format!("`{url}` cannot be asked: {reason}");
                self.diagnostics.push(endpoint.span(), message, help);
                construct(PLACEHOLDER).ok()
            }
            Some((endpoint, Err(error))) => {
                self.diagnostics.push(endpoint.span(), error.to_string(), "");
                None
            }
            None => construct(PLACEHOLDER).ok(),
        };
        let mut asked = asked?;
        let roots = written.ca_file.as_ref().and_then(|file| self.roots_in(file, findings));
        if let Some(Ok(fetch)) = roots.as_ref().map(|roots| HttpFetch::with_roots(roots.as_bytes())) {
            asked = asked.with_fetch(fetch);
        }
        let name = [
            endpoint.map(|endpoint| endpoint.value.as_str()),
            client_id.as_deref(),
            secret_file.as_deref().and_then(Path::to_str),
            roots.as_deref(),
        ];
        let name = name.map(Option::unwrap_or_default).join("\n");
        let (mut cache, mut timeout) = (Duration::from_secs(30), Duration::from_secs(5));
        self.duration(written.cache.as_ref(), CACHE, &mut cache);
        self.duration(written.timeout.as_ref(), TIMEOUT, &mut timeout);
        let introspection = Introspection::new(asked).named(&name).tokens(match written.tokens {
            Tokens::Opaque => IntrospectedTokens::Opaque,
            Tokens::Signed => IntrospectedTokens::Signed,
            Tokens::All => IntrospectedTokens::All,
        });
        let introspection = introspection.cache(cache).and_then(|one| one.timeout(timeout)).ok()?;
        let settings = IntrospectionSettings {
            endpoint: endpoint.map(|endpoint| endpoint.value.clone()).unwrap_or_default(),
            tokens: written.tokens,
            roots: match written.ca_file {
                Some(_) => Roots::Own,
                None => Roots::System,
            },
        };
        Some((introspection, settings))
    }
}

/// Why a secret cannot be read, with its file.
fn reason(file: &Path) -> impl Fn(FileError) -> String {
    move |error| format!("`{}`: {}", file.display(), error.message)
}
