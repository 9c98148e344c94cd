//! What an upstream receives of the caller: `access_token`, `token_exchange` and `api_key`.

use std::ops::RangeInclusive;
use std::time::Duration;

use actgate::request::header_name;
use actgate_yaml::{Span, Spanned};
use http::HeaderName;
use http::header::AUTHORIZATION;
use url::{Host, Url};

use super::internal_token::header_name as own_header;
use super::issuer_keys::PlainHttp;
use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use super::values::{self, InvalidValue, invalid};
use crate::config::document::Document;
use crate::config::document::credentials::{ApiKeyDocument, TokenExchangeDocument};
use crate::config::document::upstreams::UpstreamMapping;
use crate::config::secrets::{api_key_in, client_secret_in};
use crate::config::settings::{ApiKeySettings, CredentialSettings, TokenExchangeSettings};
use crate::headers::identity::IdentityHeaders;
use crate::proxy::credentials::token_endpoint::{Target, TokenRequest};
use crate::proxy::forward::AccessTokenForwarding;

const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// An upstream as it is written.
struct Written<'d> {
    url: &'d str,
    mapping: Option<&'d UpstreamMapping>,
}

impl ConfigReader<'_> {
    /// Reads what each upstream receives in place of the access token, and reserves the headers for it.
    pub(super) fn credentials(
        &mut self,
        document: &Document,
        identity_headers: &mut IdentityHeaders,
        findings: &mut FileFindings,
    ) -> Vec<CredentialSettings> {
        let access_token = document.access_token.as_ref();
        let single = document.upstream.iter().map(|upstream| Written {
            url: upstream.value.url(),
            mapping: upstream.value.mapping(),
        });
        let several = document.upstreams.iter().flat_map(|upstreams| &upstreams.value);
        let several = several.map(|upstream| Written {
            url: upstream.value.first_url(),
            mapping: Some(&upstream.value),
        });
        let upstreams: Vec<Written<'_>> = single.chain(several).collect();
        let mut exchanges = upstreams
            .iter()
            .filter_map(|upstream| upstream.mapping?.token_exchange.as_ref());
        self.check_exchange(access_token, exchanges.next().map(Spanned::span));
        let common = document.internal_token.as_ref();
        let common = common.and_then(|internal| internal.value.audience.as_ref());
        let common = self.optional(common, |text| values::one_word(text, "the audience"));
        let access_token = access_token.map(|written| written.value).unwrap_or_default();
        let upstreams = upstreams.iter();
        let read = upstreams.map(|upstream| {
            let mapping = upstream.mapping;
            let own = mapping.and_then(|mapping| mapping.internal_token.as_ref()?.audience.as_ref());
            if let (Some(own), None) = (own, &document.internal_token) {
                let help = "add `internal_token: { issuer: … }` at the top level";
                self.diagnostics
                    .push(own.span(), "`internal_token` has no effect", help);
            }
            let own = self.optional(own, |text| values::one_word(text, "the audience"));
            let exchange = mapping.and_then(|mapping| mapping.token_exchange.as_ref());
            let token_exchange = exchange.and_then(|exchange| self.token_exchange(exchange, findings));
            // An upstream without an exchange receives no token.
            let forwarded = match access_token {
                AccessTokenForwarding::Exchange if exchange.is_none() => AccessTokenForwarding::Strip,
                other => other,
            };
            let api_key = mapping.and_then(|mapping| mapping.api_key.as_ref());
            CredentialSettings {
                audience: own.or(common.clone()).unwrap_or_else(|| upstream.url.to_owned()),
                token_exchange,
                api_key: api_key.and_then(|api_key| self.api_key(api_key, identity_headers, forwarded, findings)),
            }
        });
        let read: Vec<CredentialSettings> = read.collect();
        // Only now: several upstreams may have a key in one header.
        let headers = read
            .iter()
            .filter_map(|credentials| Some(&credentials.api_key.as_ref()?.header));
        for header in headers.filter(|header| **header != AUTHORIZATION) {
            identity_headers.reserve(header.clone());
        }
        read
    }

    /// Reads `token_exchange` of an upstream.
    fn token_exchange(
        &mut self,
        whole: &Spanned<TokenExchangeDocument>,
        findings: &mut FileFindings,
    ) -> Option<TokenExchangeSettings> {
        let written = &whole.value;
        let plain_http = PlainHttp::of(written.insecure_http.as_ref());
        let url = self.required("token_endpoint", written.token_endpoint.as_ref(), whole.span());
        let url = self.optional(url, |text| token_endpoint(text, plain_http));
        let client_id = self.required("client_id", written.client_id.as_ref(), whole.span());
        let client_id = self.optional(client_id, |text| values::one_word(text, "the identifier of the client"));
        let file = self.required("client_secret_file", written.client_secret_file.as_ref(), whole.span());
        let secret = file.and_then(|file| self.secret_file("client_secret_file", file, client_secret_in, findings));
        let target = self.target(written, whole.span());
        let scopes = written.scopes.iter().flat_map(|scopes| scopes.iter());
        let scopes: Vec<String> = scopes
            .filter_map(|scope| self.take(scope, |text| values::one_word(text, "a scope")))
            .collect();
        let roots = written.ca_file.as_ref().and_then(|file| self.roots_in(file, findings));
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

    /// The root certificates in a file.
    pub(super) fn roots_in(&mut self, written: &Spanned<String>, findings: &mut FileFindings) -> Option<String> {
        const HELP: &str = "name a file of root certificates";
        let file = self.beside(&written.value);
        let (message, is_missing) = match self.read(&file) {
            Ok(text) => match reqwest::Certificate::from_pem_bundle(text.as_bytes()) {
                Ok(roots) if !roots.is_empty() => return Some(text),
                _ => ("this is no list of certificates in PEM".to_owned(), false),
            },
            Err(error) => (error.message, error.is_missing),
        };
        let message = format!("`{}`: {message}", file.display());
        match is_missing {
            true => {
                let finding = self.finding(written, message, HELP.to_owned());
                findings.missing.extend([finding]);
            }
            false => self.diagnostics.push(written.span(), message, HELP),
        }
        None
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

    /// Checks that `access_token` and the upstreams agree on whether tokens are exchanged.
    fn check_exchange(&mut self, access_token: Option<&Spanned<AccessTokenForwarding>>, exchange: Option<Span>) {
        let exchanged = access_token.filter(|written| written.value == AccessTokenForwarding::Exchange);
        if let (Some(written), None) = (exchanged, exchange)
            && !self.omissions.has_key("token_exchange")
        {
            let help = "write it as a mapping: `upstream: { url: …, token_exchange: { token_endpoint: …, client_id: …, \
                client_secret_file: …, audience: … } }`";
            let message = "`access_token: exchange` needs `token_exchange` of the upstream";
            self.diagnostics.push(written.span(), message, help);
        }
        if let (None, Some(span)) = (exchanged, exchange) {
            let message = "`token_exchange` has no effect";
            self.diagnostics
                .push(span, message, "add `access_token: exchange` at the top level");
        }
    }
}

fn token_endpoint(text: &str, plain_http: PlainHttp) -> Result<Url, InvalidValue> {
    let help = "write the `token_endpoint` that the metadata of the authorization server names";
    let Ok(url) = Url::parse(text) else {
        return invalid(format!("`{text}` is not a URL"), help);
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return invalid("the address of a token endpoint has no user and no fragment", help);
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http != PlainHttp::Denied || is_loopback(&url) => Ok(url),
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
