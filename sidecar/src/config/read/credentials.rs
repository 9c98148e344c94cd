//! What an upstream receives of the caller: `access_token`, `token_exchange` and `api_key`.

use std::ops::RangeInclusive;
use std::time::Duration;

use actgate::request::header_name;
use actgate_yaml::{Span, Spanned};
use http::HeaderName;
use http::header::AUTHORIZATION;
use url::{Host, Url};

use super::internal_token::header_name as own_header;
use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values::{self, InvalidValue, invalid};
use crate::config::credentials_document::{ApiKeyDocument, TokenExchangeDocument};
use crate::config::document::Document;
use crate::config::secrets::{api_key_in, client_secret_in};
use crate::config::settings::{ApiKeySettings, CredentialSettings, IssuerSettings, TokenExchangeSettings};
use crate::config::text_file::read_text;
use crate::config::upstream_document;
use crate::headers::identity::IdentityHeaders;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::token_endpoint::{Target, TokenRequest};

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl ConfigReader<'_> {
    /// Reads what the upstream receives in place of the access token, and reserves the headers for it.
    pub(super) fn credentials(
        &mut self,
        document: &Document,
        issuers: &[IssuerSettings],
        identity_headers: &mut IdentityHeaders,
        findings: &mut FileFindings,
    ) -> CredentialSettings {
        let access_token = document.access_token.as_ref();
        let mapping = document.upstream.as_ref().and_then(|upstream| upstream.value.mapping());
        let url = document.upstream.as_ref().and_then(upstream_document::url);
        let url = url.map_or("", |(url, _)| url);
        let internal_token = self.internal_token(document, issuers, identity_headers, url, findings);
        if let Some(internal_token) = &internal_token {
            identity_headers.reserve(internal_token.header.clone());
        }
        let exchange = mapping.and_then(|mapping| mapping.token_exchange.as_ref());
        if let Some(upstream) = &document.upstream {
            self.check_exchange(access_token, exchange.map(Spanned::span), upstream.span());
        }
        let token_exchange = exchange.and_then(|exchange| self.token_exchange(exchange, findings));
        let access_token = access_token.map(|written| written.value).unwrap_or_default();
        let api_key = mapping.and_then(|mapping| mapping.api_key.as_ref());
        let api_key = api_key.and_then(|api_key| self.api_key(api_key, identity_headers, access_token, findings));
        if let Some(api_key) = &api_key
            && api_key.header != AUTHORIZATION
        {
            identity_headers.reserve(api_key.header.clone());
        }
        CredentialSettings {
            internal_token,
            token_exchange,
            api_key,
        }
    }

    /// Reads `token_exchange` of an upstream.
    fn token_exchange(
        &mut self,
        whole: &Spanned<TokenExchangeDocument>,
        findings: &mut FileFindings,
    ) -> Option<TokenExchangeSettings> {
        let written = &whole.value;
        let allows_http = written.insecure_http.as_ref().is_some_and(|written| written.value);
        let url = self.required("token_endpoint", written.token_endpoint.as_ref(), whole.span());
        let url = self.optional(url, |text| token_endpoint(text, allows_http));
        let client_id = self.required("client_id", written.client_id.as_ref(), whole.span());
        let client_id = self.optional(client_id, |text| values::one_word(text, "the identifier of the client"));
        let file = self.required("client_secret_file", written.client_secret_file.as_ref(), whole.span());
        let secret = file.and_then(|file| self.secret_file("client_secret_file", file, client_secret_in, findings));
        let target = self.target(written, whole.span());
        let scopes = written.scopes.iter().flat_map(|scopes| scopes.iter());
        let scopes: Vec<String> = scopes
            .filter_map(|scope| self.take(scope, |text| values::one_word(text, "a scope")))
            .collect();
        let roots = written.ca_file.as_ref().and_then(|file| self.exchange_roots(file));
        let mut timeout = DEFAULT_TIMEOUT;
        self.duration(written.timeout.as_ref(), TIMEOUT, &mut timeout);
        let (secret_file, secret) = secret?;
        Some(TokenExchangeSettings {
            request: TokenRequest {
                url: url?,
                target: target?,
                scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
                timeout,
            },
            client_id: client_id?,
            secret,
            secret_file,
            roots,
        })
    }

    fn target(&mut self, written: &TokenExchangeDocument, whole: Span) -> Option<Target> {
        match (&written.audience, &written.resource) {
            (Some(audience), None) => self
                .take(audience, |text| values::one_word(text, "the audience"))
                .map(Target::Audience),
            (None, Some(resource)) => self.take(resource, |text| resource_url(text)).map(Target::Resource),
            (Some(_), Some(resource)) => {
                let message = "`audience` and `resource` both name the service that the token is for";
                let help = "keep the one that the authorization server reads";
                self.diagnostics.push(resource.span(), message, help);
                None
            }
            (None, None) => {
                if !self.omissions.has_key("audience") && !self.omissions.has_key("resource") {
                    let message = "the exchange does not name the service that the token is for";
                    let help = "add `audience: …`, or `resource: …` with its URL";
                    self.diagnostics.push(whole, message, help);
                }
                None
            }
        }
    }

    fn exchange_roots(&mut self, written: &Spanned<String>) -> Option<String> {
        let file = self.beside(&written.value);
        let text = read_text(&file).map_err(|error| error.message);
        let text = text.and_then(|text| match reqwest::Certificate::from_pem_bundle(text.as_bytes()) {
            Ok(roots) if !roots.is_empty() => Ok(text),
            _ => Err("this is no list of certificates in PEM".to_owned()),
        });
        text.map_err(|message| {
            let message = format!("`{}`: {message}", file.display());
            self.diagnostics
                .push(written.span(), message, "name a file of root certificates");
        })
        .ok()
    }

    /// Reads `api_key` of an upstream.
    fn api_key(
        &mut self,
        whole: &Spanned<ApiKeyDocument>,
        identity_headers: &IdentityHeaders,
        access_token: AccessTokenForwarding,
        findings: &mut FileFindings,
    ) -> Option<ApiKeySettings> {
        let header = self.required("header", whole.value.header.as_ref(), whole.span());
        let header = self.optional(header, |text| api_key_header(text, identity_headers, access_token));
        let file = self.required("file", whole.value.file.as_ref(), whole.span());
        let read = file.and_then(|file| self.secret_file("file", file, api_key_in, findings));
        let (file, value) = read?;
        Some(ApiKeySettings {
            header: header?,
            value,
            file,
        })
    }

    /// Checks that `access_token` and the upstream agree on whether tokens are exchanged.
    fn check_exchange(
        &mut self,
        access_token: Option<&Spanned<AccessTokenForwarding>>,
        exchange: Option<Span>,
        upstream: Span,
    ) {
        let is_exchanged = access_token.is_some_and(|written| written.value == AccessTokenForwarding::Exchange);
        if is_exchanged && exchange.is_none() && !self.omissions.has_key("token_exchange") {
            let help = "write it as a mapping: `upstream: { url: …, token_exchange: { token_endpoint: …, client_id: …, \
                client_secret_file: …, audience: … } }`";
            let message = "`access_token: exchange` needs `token_exchange` of the upstream";
            self.diagnostics.push(upstream, message, help);
        }
        if !is_exchanged && let Some(span) = exchange {
            let message = "`token_exchange` has no effect";
            self.diagnostics
                .push(span, message, "add `access_token: exchange` at the top level");
        }
    }
}

fn token_endpoint(text: &str, allows_http: bool) -> Result<Url, InvalidValue> {
    let help = "write the `token_endpoint` that the metadata of the authorization server names";
    let Ok(url) = Url::parse(text) else {
        return invalid(format!("`{text}` is not a URL"), help);
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return invalid("the address of a token endpoint has no user and no fragment", help);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allows_http || is_loopback(&url) => Ok(url),
        "http" => {
            let help = "write an https address, or `insecure_http: true` if no other party can read the network";
            invalid("access tokens and the secret would be sent over plain http", help)
        }
        _ => invalid(format!("`{text}` is not an https address"), help),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn resource_url(text: &str) -> Result<String, InvalidValue> {
    match Url::parse(text) {
        Ok(url) if url.fragment().is_none() => Ok(text.to_owned()),
        _ => invalid(
            format!("`{text}` is not an absolute URI without a fragment"),
            "write the URL of the service, or name it with `audience`",
        ),
    }
}

fn api_key_header(
    text: &str,
    identity_headers: &IdentityHeaders,
    access_token: AccessTokenForwarding,
) -> Result<HeaderName, InvalidValue> {
    if !header_name::same(text, AUTHORIZATION.as_str()) {
        return own_header(text, identity_headers);
    }
    match access_token {
        AccessTokenForwarding::Strip => Ok(AUTHORIZATION),
        AccessTokenForwarding::Forward | AccessTokenForwarding::Exchange => invalid(
            "the access token for the upstream is in `Authorization` too",
            "write `access_token: strip`, or another header for the key",
        ),
    }
}
