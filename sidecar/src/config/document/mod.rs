//! The structure of `actgate.yaml`. Every key is optional here, so that one missing key hides no other mistake.

pub(super) mod credentials;
pub(super) mod decision_api;
pub(super) mod decision_log;
mod duration;
mod example;
pub(super) mod introspection;
mod issuers;
mod resources;
#[cfg(test)]
pub(super) mod schema;
pub(super) mod shared_limits;
pub(super) mod upstreams;

use std::collections::BTreeMap;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::credentials::InternalTokenDocument;
use self::decision_api::DecisionApiDocument;
use self::decision_log::DecisionLogDocument;
use self::duration::duration;
use self::example::{Admin, Headers, Hosts, Listen, LoadBalancers, Proxies, list, one_or_many, text};
pub(in crate::config) use self::issuers::{AcceptedAlgorithm, IssuerDocument, KeysDocument};
pub(in crate::config) use self::resources::{ResourceAudience, ResourceDocument};
use self::shared_limits::SharedLimitsDocument;
use self::upstreams::{UpstreamDocument, UpstreamMapping};
use crate::headers::identity_fact::Fact;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::stream_end::AfterExpiry;
use crate::server::tls::Expectation;

/// The configuration of `actgate run`: the gate in front of an API, whom it trusts, and its policy.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    /// The address for clients: an IP address and a port; or `unix:PATH`, a socket for its owner and group; or `systemd`.
    /// Example: `127.0.0.1:8080`
    #[serde(deserialize_with = "text::<Listen, _>")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) listen: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<TlsDocument>>,
    /// The API behind the gate: a URL, or a mapping with one. The scheme is http, https (HTTP/2 or HTTP/1.1), h2c (HTTP/2 in
    /// plain text) or unix.
    /// Example: `http://127.0.0.1:9000`
    pub(super) upstream: Option<Spanned<UpstreamDocument>>,
    /// Several APIs behind the gate, in place of `upstream`. A request goes to the most specific: hosts come before paths,
    /// then the longest path. One of them has neither.
    /// Example: `[{ url: 'h2c://127.0.0.1:50051', path: /shop.Orders }, { url: 'http://127.0.0.1:9000' }]`
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) upstreams: Option<Spanned<Vec<Spanned<UpstreamMapping>>>>,
    /// The address for `/livez`, `/readyz`, `/rules` and `/reload`; one, or a list. An address that is not on loopback serves
    /// `/livez` and `/readyz` alone. Default: none.
    /// Example: `127.0.0.1:9901`
    /// Example: `[127.0.0.1:9901, '0.0.0.0:9902']`
    #[serde(deserialize_with = "one_or_many::<Admin, _>")]
    #[cfg_attr(test, schemars(with = "Option<OneOrMany<String>>", extend("x-non-empty" = true)))]
    pub(super) admin: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) decision_api: Option<Spanned<DecisionApiDocument>>,
    /// What `aud` of a token must contain; one, or a list.
    /// Example: `https://orders.example.com`
    #[cfg_attr(test, schemars(with = "Option<OneOrMany<schema::Identifier>>", extend("x-non-empty" = true)))]
    pub(super) audience: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// The accepted difference of the clocks, at most 60s. Default: 30s.
    /// Example: `30s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) leeway: Option<Spanned<String>>,
    /// Where the metadata of the resource (RFC 9728) is published. Default: by the gate, if the audience is a URL.
    /// Example: `https://docs.example.com/orders/metadata`
    pub(super) resource_metadata: Option<Spanned<String>>,
    /// Several APIs behind one gate, in place of `audience` and `resource_metadata`. A request is for the most specific:
    /// hosts come before paths, then the longest path.
    /// Example: `[{ resource: 'https://api.example.com/orders', path: /orders }]`
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) resources: Option<Spanned<Vec<Spanned<ResourceDocument>>>>,
    /// The hosts that clients may send, beside those of the audience and resources. A request to another one is answered
    /// with 421. Default: any.
    /// Example: `[orders.example.com]`
    #[serde(deserialize_with = "list::<Hosts, _>")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    /// The load balancers whose connections begin with a PROXY header (v1, v2). Default: none.
    /// Example: `[10.0.0.0/8]`
    #[serde(deserialize_with = "list::<LoadBalancers, _>")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) proxy_protocol: Option<Spanned<Vec<Spanned<String>>>>,
    /// The peers whose X-Forwarded-For, -Proto, -Host and -Port, X-Real-IP and Forwarded are believed and extended:
    /// networks, addresses, or `unix` for those of a unix socket. Default: none.
    /// Example: `[10.0.0.0/8, unix]`
    #[serde(deserialize_with = "list::<Proxies, _>")]
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>,
    /// The authorization servers whose tokens are accepted.
    /// Example: `[{ issuer: 'https://idp.example.com' }]`
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) issuers: Option<Spanned<Vec<Spanned<IssuerDocument>>>>,
    /// The headers in which the upstream receives the identity. Their values are ASCII; other bytes and `%` are
    /// percent-encoded. Default: `x-auth-` and the name of the fact.
    /// Example: `{ subject: x-auth-subject, kind: x-auth-kind }`
    #[cfg_attr(test, schemars(with = "schema::IdentityHeaders"))]
    pub(super) identity_headers: BTreeMap<Fact, Spanned<String>>,
    pub(super) cors: Option<Spanned<CorsDocument>>,
    /// Headers that no request to the upstream has, beside those with which a client claims an address, a path, a method or
    /// an identity. Default: none.
    /// Example: `[X-Tenant, 'X-Debug-*']`
    #[serde(deserialize_with = "list::<Headers, _>")]
    pub(super) drop_headers: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether the upstream receives the access token, or another one for it. Default: `strip`.
    /// Example: `strip`
    pub(super) access_token: Option<Spanned<AccessTokenForwarding>>,
    pub(super) internal_token: Option<Spanned<InternalTokenDocument>>,
    /// Limits of time.
    /// Example: `{ header: 5s, response: 60s }`
    pub(super) timeouts: TimeoutsDocument,
    /// Responses and tunnels that outlive the access token.
    /// Example: `{ after_expiry: end }`
    pub(super) streams: StreamsDocument,
    /// The longest request head: request line and header fields together. A longer one is answered with 431. Default: 32KiB.
    /// Example: `32KiB`
    #[cfg_attr(test, schemars(with = "Option<schema::Size>"))]
    pub(super) max_head: Option<Spanned<String>>,
    /// The most connections at a time; fewer if the limit of open files is lower. Default: 10000.
    /// Example: `10000`
    #[cfg_attr(test, schemars(range(min = 1)))]
    pub(super) max_connections: Option<Spanned<u32>>,
    pub(super) decision_log: Option<Spanned<DecisionLogDocument>>,
    /// A file with revoked tokens, relative to this one, read again when it changes. Default: none.
    /// Example: `revoked.yaml`
    pub(super) revocations: Option<Spanned<String>>,
    pub(super) shared_limits: Option<Spanned<SharedLimitsDocument>>,
    /// A file with the policy, relative to this one, in place of its keys in the configuration.
    /// Example: `policy.yaml`
    pub(super) policy: Option<Spanned<String>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) scopes: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) spelling: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) mode: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) mcp: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) groups: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) agents: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) unregistered_agents: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) requirements: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) defaults: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) limit: Option<Spanned<IgnoredAny>>,
    #[cfg_attr(test, schemars(skip))]
    pub(super) routes: Option<Spanned<IgnoredAny>>,
}

/// Pages of other origins that may send requests and read responses. Default: the upstream answers.
/// Example: `{ origins: ['https://app.example.com'] }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `cors: { origins: [https://app.example.com] }`"
)]
#[cfg_attr(test, schemars(extend("required" = ["origins"])))]
pub(super) struct CorsDocument {
    /// The origins of the pages.
    /// Example: `['https://app.example.com']`
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(super) origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// The methods. Default: every method with a route.
    /// Example: `[GET, POST]`
    pub(super) methods: Option<Spanned<Vec<Spanned<String>>>>,
    /// The request headers. Default: every header.
    /// Example: `[Authorization, Content-Type]`
    pub(super) headers: Option<Spanned<Vec<Spanned<String>>>>,
    /// The response headers that pages may read, beside WWW-Authenticate.
    /// Example: `[X-Total-Count]`
    pub(super) expose: Option<Spanned<Vec<Spanned<String>>>>,
    /// How long browsers keep the answer. Default: 10m.
    /// Example: `10m`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) max_age: Option<Spanned<String>>,
    /// Whether pages may send cookies. Default: `false`.
    /// Example: `false`
    pub(super) credentials: bool,
}

/// Limits of time.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `timeouts: { response: 30s }`"
)]
pub(super) struct TimeoutsDocument {
    /// The time for a complete request head. Default: 5s.
    /// Example: `5s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) header: Option<Spanned<String>>,
    /// The time between two requests of a connection. Default: 60s.
    /// Example: `60s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) keep_alive: Option<Spanned<String>>,
    /// The time to connect to the upstream. Default: 5s.
    /// Example: `5s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) connect: Option<Spanned<String>>,
    /// The longest time without progress until the upstream responds. Default: 60s.
    /// Example: `60s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) response: Option<Spanned<String>>,
    /// The longest time without progress of a body, of request or response. Default: 60s.
    /// Example: `60s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) body: Option<Spanned<String>>,
    /// How long connections are accepted after SIGTERM, while `/readyz` is 503: until no proxy sends any more. Default: 0s.
    /// Example: `10s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) drain_delay: Option<Spanned<String>>,
    /// The time for requests in flight after SIGTERM and `drain_delay`. Default: 30s.
    /// Example: `30s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) drain: Option<Spanned<String>>,
    /// The longest time without progress of an event stream, a gRPC response or a tunnel. Default: 1h.
    /// Example: `1h`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(super) stream: Option<Spanned<String>>,
}

/// Clients connect by TLS 1.2 or 1.3. The files are read again when they change. Default: in plain text.
/// Example: `{ certificate: tls.crt, key: tls.key }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `tls: { certificate: tls.crt, key: tls.key }`"
)]
#[cfg_attr(test, schemars(extend("required" = ["certificate", "key"])))]
pub(super) struct TlsDocument {
    /// A PEM file: the certificate of the gate first, then those of its issuers.
    /// Example: `tls.crt`
    pub(super) certificate: Option<Spanned<String>>,
    /// A PEM file with the key, without a password.
    /// Example: `tls.key`
    pub(super) key: Option<Spanned<String>>,
    /// Certificates for clients that ask for another name (SNI), by the DNS names of the certificates.
    /// Example: `[{ certificate: other.crt, key: other.key }]`
    pub(super) further: Option<Vec<Spanned<PairDocument>>>,
    pub(super) client_certificates: Option<Spanned<ClientCertificatesDocument>>,
}

/// A certificate and its key.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `- { certificate: tls.crt, key: tls.key }`"
)]
#[cfg_attr(test, schemars(extend("required" = ["certificate", "key"])))]
pub(super) struct PairDocument {
    /// A PEM file: the certificate of the gate first, then those of its issuers.
    /// Example: `other.crt`
    pub(super) certificate: Option<Spanned<String>>,
    /// A PEM file with the key, without a password.
    /// Example: `other.key`
    pub(super) key: Option<Spanned<String>>,
}

/// The certificates of clients. A token that is bound to a certificate (RFC 8705) needs a connection with it.
/// Example: `{ ca_file: clients.crt, demand: required }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `client_certificates: { ca_file: clients.crt, demand: required }`"
)]
pub(super) struct ClientCertificatesDocument {
    /// A PEM file with the authorities that the certificates are from.
    /// Example: `clients.crt`
    pub(super) ca_file: Option<Spanned<String>>,
    /// Whether a client must have a certificate. One from another authority is refused with both. Default: `optional`.
    /// Example: `required`
    pub(super) demand: Expectation,
}

/// Responses and tunnels that outlive the access token.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `streams: { after_expiry: end }`"
)]
pub(super) struct StreamsDocument {
    /// What happens to a response and a tunnel whose access token expires. Default: `end`.
    /// Example: `end`
    pub(super) after_expiry: AfterExpiry,
}

/// The JSON Schema of a configuration: its own keys, and those of a policy.
#[cfg(test)]
pub(crate) fn configuration() -> serde_json::Value {
    use serde_json::json;

    let mut schema = actgate_yaml::json_schema::<Document>("A configuration of actgate");
    let policy = actgate::policy::json_schema();
    for part in ["definitions", "properties"] {
        let (own, of_policy) = (schema[part].as_object_mut(), policy[part].as_object());
        if let (Some(own), Some(of_policy)) = (own, of_policy) {
            for (name, value) in of_policy {
                let before = own.insert(name.clone(), value.clone());
                assert!(
                    before.is_none() || before.as_ref() == Some(value),
                    "two schemas of {name}"
                );
            }
        }
    }
    let keys = policy["properties"].as_object().into_iter().flatten();
    let any_of_policy: Vec<_> = keys.map(|(key, _)| json!({ "required": [key] })).collect();
    // What is written in place of something else excludes it.
    schema["dependencies"] = json!({
        "policy": { "not": { "anyOf": any_of_policy } },
        "upstreams": { "not": { "required": ["upstream"] } },
        "resources": { "not": { "required": ["audience"] } },
    });
    schema
}
