//! The meaning of a configuration: what a gate is started from.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actgate::policy::PolicyDiagnostic;
use actgate::profile::{Kinds, Profile};
use actgate::revocation::Revocations;
use actgate::{AuthorizerBuilder, ClaimValue, Policy, Resource, TrustedIssuer};
use actgate_yaml::{Diagnostic, Diagnostics, Span};
use http::{HeaderName, HeaderValue};

use super::document::introspection::Tokens;
use super::secrets::ClientSecret;
use super::tls::TlsSettings;
use crate::decision_api::Validate;
use crate::decision_api::ext_authz::ExtAuthz;
use crate::decision_api::forward_auth::ForwardAuth;
use crate::gate::cors::Cors;
use crate::gate::hosts::{AllowedHost, AllowedHosts};
use crate::gate::trusted_proxies::TrustedProxies;
use crate::headers::carriers::Carriers;
use crate::headers::dropped::DroppedHeaders;
use crate::headers::identity::IdentityHeaders;
use crate::headers::internal_token::signing_keys::KeyOrigin;
use crate::log::decision_log::LogTarget;
use crate::log::fact_recording::FactRecording;
use crate::log::sampling::Rate;
use crate::proxy::credentials::token_endpoint::TokenRequest;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::stream_end::StreamLimits;
use crate::proxy::upstream::settings::{UpstreamSettings, UpstreamTimeouts};
use crate::server::limits::ConnectionLimits;
use crate::server::listen::address::ListenAddress;
use crate::server::listen::proxy_protocol::ProxyProtocol;
use crate::shared_limits::server::SharedLimits;

/// A valid configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The file it was read from.
    pub(crate) file: PathBuf,
    /// The address for clients; none where the gate forwards no request.
    pub(crate) listen: Option<ListenAddress>,
    /// The networks of load balancers that write the address of a client before its first byte.
    pub(crate) proxy_protocol: ProxyProtocol,
    /// TLS with clients; none where they connect in plain text.
    pub(crate) tls: Option<TlsSettings>,
    /// The APIs behind the gate, at least one where clients have an address.
    pub(crate) upstreams: Vec<UpstreamSettings>,
    /// The addresses for liveness and readiness; those on loopback are for administration, too.
    pub(crate) admin: Vec<SocketAddr>,
    /// Decisions for servers that enforce them.
    pub(crate) decision_api: Option<DecisionApiSettings>,
    pub(crate) hosts: Vec<AllowedHost>,
    /// The proxies whose forwarding headers are believed.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The audiences for the issuers that have none of their own.
    pub(crate) audiences: Vec<String>,
    /// The resources that are written, or the one that follows from the audiences.
    pub(crate) resources: Vec<Resource>,
    pub(crate) issuers: Vec<IssuerSettings>,
    /// The files of issuers that this machine does not have. With one missing, the gate does not start.
    pub(crate) missing_files: Diagnostics,
    /// What is valid, and is probably a mistake.
    pub(crate) warnings: Diagnostics,
    pub(crate) policy: Arc<Policy>,
    /// The file that the policy was read from.
    pub(crate) policy_file: PathBuf,
    /// The authorizer's other parts, without issuers and revoked tokens.
    pub(crate) authorizer: AuthorizerBuilder,
    pub(crate) revocations: Option<RevocationSettings>,
    /// The store that counts the requests of all gates; none where each counts in its memory.
    pub(crate) shared_limits: Option<SharedLimits>,
    pub(crate) identity_headers: IdentityHeaders,
    /// Which web pages may read responses across origins.
    pub(crate) cors: Option<Cors>,
    /// Headers that are removed from every request.
    pub(crate) drop_headers: DroppedHeaders,
    pub(crate) access_token: AccessTokenForwarding,
    pub(crate) internal_token: Option<InternalTokenSettings>,
    /// Those of each upstream, in the order of [`Settings::upstreams`].
    pub(crate) credentials: Vec<CredentialSettings>,
    pub(crate) upstream_timeouts: UpstreamTimeouts,
    pub(crate) streams: StreamLimits,
    pub(crate) limits: ConnectionLimits,
    pub(crate) decision_log: LogTarget,
    /// How many denials of one code and one client have a line there; all without it.
    pub(crate) log_sample: Option<Rate>,
    /// Which facts of tokens it has; none where it has none.
    pub(crate) fact_recording: Option<FactRecording>,
}

/// The decision APIs, and where they are.
#[derive(Clone, Debug)]
pub(crate) struct DecisionApiSettings {
    pub(crate) listen: ListenAddress,
    pub(crate) forward_auth: Option<ForwardAuth>,
    pub(crate) ext_authz: Option<ExtAuthz>,
    pub(crate) authzen: Option<AuthZenSettings>,
    pub(crate) validate: Validate,
}

/// The policy decision point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthZenSettings {
    /// Its URL without a slash at the end; none for that of its listener.
    pub(crate) url: Option<String>,
}

impl fmt::Display for DecisionApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.listen)?;
        let forward_auth = self.forward_auth.map(|endpoint| endpoint.to_string());
        let ext_authz = self.ext_authz.map(|_| "ext_authz".to_owned());
        let authzen = self.authzen.as_ref().map(|_| "authzen".to_owned());
        let validate = (self.validate == Validate::Answered).then(|| "validate".to_owned());
        let apis = forward_auth.into_iter().chain(ext_authz).chain(authzen).chain(validate);
        let apis: Vec<String> = apis.collect();
        write!(f, " ({})", apis.join(", "))
    }
}

/// The list of revoked tokens.
#[derive(Debug)]
pub(crate) struct RevocationSettings {
    pub(crate) file: PathBuf,
    pub(crate) list: Arc<Revocations>,
}

impl RevocationSettings {
    /// The longest file in MiB: 200 bytes for each of the most entries.
    pub(crate) const MAX_MIB: u32 = 4;
}

/// What one upstream receives in place of the access token.
#[derive(Debug)]
pub(crate) struct CredentialSettings {
    /// The audience of internal tokens.
    pub(crate) audience: String,
    pub(crate) token_exchange: Option<TokenExchangeSettings>,
    pub(crate) api_key: Option<ApiKeySettings>,
}

/// The internal tokens, but for their audience.
#[derive(Debug)]
pub(crate) struct InternalTokenSettings {
    pub(crate) header: HeaderName,
    pub(crate) issuer: String,
    pub(crate) lifetime: Duration,
    pub(crate) key: KeyOrigin,
    /// The file of the key, where it is in one.
    pub(crate) key_file: Option<PathBuf>,
}

/// The exchange of access tokens for those of an upstream.
#[derive(Debug)]
pub(crate) struct TokenExchangeSettings {
    pub(crate) request: TokenRequest,
    pub(crate) client_id: String,
    pub(crate) secret: ClientSecret,
    /// The file of the secret.
    pub(crate) secret_file: PathBuf,
    /// Root certificates (PEM) in place of those of the system.
    pub(crate) roots: Option<String>,
}

/// The API key of an upstream.
#[derive(Debug)]
pub(crate) struct ApiKeySettings {
    pub(crate) header: HeaderName,
    pub(crate) value: HeaderValue,
    /// The file of the value.
    pub(crate) file: PathBuf,
}

#[derive(Clone, Debug)]
pub(crate) struct IssuerSettings {
    pub(crate) trusted: TrustedIssuer,
    /// Its own audiences, in place of those of the API.
    pub(crate) own_audiences: Vec<String>,
    pub(crate) profile: Profile,
    /// The claims that each of its tokens must have.
    pub(crate) claims: Vec<PinnedClaim>,
    /// The clients that are agents.
    pub(crate) agent_clients: Vec<String>,
    /// The evidence that is added to that of the profile.
    pub(crate) kinds: Option<Kinds>,
    pub(crate) keys: KeyLocation,
    /// Where the configuration allows to fetch them over plain http.
    pub(crate) insecure_http: Option<Span>,
    /// What the certificates of its servers are checked with.
    pub(crate) roots: Roots,
    /// The time limit of a fetch of its keys.
    pub(crate) fetch_timeout: Duration,
    /// Where it is asked about tokens.
    pub(crate) introspection: Option<IntrospectionSettings>,
}

/// Where an issuer is asked about tokens, and about which.
#[derive(Clone, Debug)]
pub(crate) struct IntrospectionSettings {
    pub(crate) endpoint: String,
    pub(crate) tokens: Tokens,
    /// What the certificate of the endpoint is checked with.
    pub(crate) roots: Roots,
}

/// A claim of each token of an issuer, and its accepted values.
#[derive(Clone, Debug)]
pub(crate) struct PinnedClaim {
    pub(crate) name: String,
    pub(crate) values: Vec<ClaimValue>,
}

/// The root certificates for the servers of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those of the operating system.
    System,
    /// Those in its `ca_file`.
    Own,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyLocation {
    /// Where the metadata of the issuer says.
    Discovery,
    /// At this address.
    JwksUri(String),
    /// In this file, which was read.
    File(PathBuf),
}

impl KeyLocation {
    /// The address that is fetched first for the keys of `issuer`; none if they are in a file.
    pub(crate) fn address<'a>(&'a self, issuer: &'a str) -> Option<&'a str> {
        match self {
            KeyLocation::Discovery => Some(issuer),
            KeyLocation::JwksUri(address) => Some(address),
            KeyLocation::File(_) => None,
        }
    }
}

impl fmt::Display for KeyLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyLocation::Discovery => f.write_str("by discovery"),
            KeyLocation::JwksUri(address) => f.write_str(address),
            KeyLocation::File(file) => file.display().fmt(f),
        }
    }
}

impl Settings {
    /// The hosts that requests may name at a gate that listens on `listen`.
    pub(crate) fn allowed_hosts(&self, listen: Option<SocketAddr>) -> AllowedHosts {
        let own = self.issuers.iter().flat_map(|issuer| &issuer.own_audiences);
        let audiences = self.audiences.iter().chain(own).map(String::as_str);
        let resources = self.resources.iter();
        let audiences = audiences.chain(resources.clone().map(Resource::identifier));
        let hosts = AllowedHosts::new(&self.hosts, listen, audiences);
        hosts.with(resources.flat_map(Resource::hosts))
    }

    /// The authorizer with every issuer. It has not been started.
    pub(crate) fn authorizer(&self) -> AuthorizerBuilder {
        let issuers = self.issuers.iter().map(|issuer| issuer.trusted.clone());
        issuers.fold(self.authorizer_without_issuers(), AuthorizerBuilder::issuer)
    }

    /// The authorizer's other parts, with the revoked tokens.
    pub(crate) fn authorizer_without_issuers(&self) -> AuthorizerBuilder {
        let builder = self.authorizer.clone();
        match &self.revocations {
            Some(revocations) => builder.revocations(Arc::clone(&revocations.list)),
            None => builder,
        }
    }

    /// What of the policy has no effect, can never be met, or is weaker than it looks, and the routes that match other spellings
    /// of stricter ones, each with its file.
    pub(crate) fn policy_warnings(&self) -> Diagnostics {
        let mut warnings = Diagnostics::default();
        let of_issuers = self.authorizer().warnings();
        let spellings = self.policy.covered_spellings();
        let all = spellings
            .chain(self.policy.warnings())
            .chain(self.policy.unforwarded_methods());
        warnings.extend(all.chain(of_issuers.iter()).map(diagnostic));
        warnings.in_file(&self.policy_file)
    }

    /// The headers that carry tokens instead of `Authorization`.
    pub(crate) fn carriers(&self) -> Carriers {
        let issuers = self.issuers.iter();
        issuers.filter_map(|issuer| issuer.trusted.carrier().cloned()).collect()
    }

    /// The first address that is fetched for the keys of each issuer, the token endpoint and the introspection endpoints, but for
    /// those with roots of their own.
    pub(crate) fn fetched_addresses(&self) -> impl Iterator<Item = &str> {
        let issuers = self.issuers.iter().filter(|issuer| issuer.roots == Roots::System);
        let exchange = self.credentials.iter();
        let exchange = exchange.filter_map(|credentials| credentials.token_exchange.as_ref());
        let exchange = exchange.filter(|exchange| exchange.roots.is_none());
        let keys = issuers.filter_map(|issuer| issuer.keys.address(issuer.trusted.identifier()));
        let asked = self.issuers.iter().filter_map(|issuer| issuer.introspection.as_ref());
        let asked = asked.filter(|asked| asked.roots == Roots::System);
        keys.chain(exchange.map(|exchange| exchange.request.url.as_str()))
            .chain(asked.map(|asked| asked.endpoint.as_str()))
    }
}

/// A warning or a mistake of a policy, without its file.
pub(crate) fn diagnostic(found: PolicyDiagnostic<'_>) -> Diagnostic {
    let (line, column) = (found.line(), found.column());
    Diagnostic {
        code: found.code(),
        ..Diagnostic::new(Span { line, column }, found.message(), found.help().unwrap_or_default())
    }
}
