//! The structure of the parts of `actgate.yaml` about what the upstream learns of the caller.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::duration::duration;
#[cfg(test)]
use super::schema;

/// A JWT of the gate for the upstream, beside the identity headers. Default: none.
/// Example: `{ issuer: 'https://gate.internal', audience: 'https://api.internal' }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `internal_token: { issuer: https://gate.internal }`"
)]
pub(crate) struct InternalTokenDocument {
    /// The header that it is in, which no client can send.
    /// Example: `X-Internal-Token`
    pub(crate) header: Option<Spanned<String>>,
    /// Its `iss`. Its keys are at /jwks of the admin listener.
    /// Example: `https://gate.internal`
    pub(crate) issuer: Option<Spanned<String>>,
    /// Its `aud`. Default: the URL of the upstream.
    /// Example: `https://api.internal`
    pub(crate) audience: Option<Spanned<String>>,
    /// How long it is valid; at most until the gate accepts the access token no longer. Default: 60s.
    /// Example: `60s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) lifetime: Option<Spanned<String>>,
    /// How long a generated key signs. Default: 24h.
    /// Example: `24h`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) rotate: Option<Spanned<String>>,
    /// One key for all replicas (PEM, PKCS #8, P-256), read again when the file changes.
    /// Example: `internal.pem`
    pub(crate) key_file: Option<Spanned<String>>,
}

/// The internal token for this upstream.
/// Example: `{ audience: 'https://api.internal' }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `internal_token: { audience: https://api.internal }`"
)]
pub(crate) struct InternalAudienceDocument {
    /// Its `aud`, in place of the one of `internal_token`.
    /// Example: `https://api.internal`
    pub(crate) audience: Option<Spanned<String>>,
}

/// A header that the upstream receives with each request, on public routes too.
/// Example: `{ header: X-Api-Key, file: api.key }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `api_key: { header: X-Api-Key, file: api.key }`"
)]
pub(crate) struct ApiKeyDocument {
    /// Its name. No client can send it. `Authorization` with `access_token: strip` alone.
    /// Example: `X-Api-Key`
    pub(crate) header: Option<Spanned<String>>,
    /// A file with its value, in one line, read again when the file changes.
    /// Example: `api.key`
    pub(crate) file: Option<Spanned<String>>,
}

/// How the gate obtains a token for the upstream (RFC 8693), with `access_token: exchange`. The gate is the client
/// (client_secret_basic).
/// Example: `{ token_endpoint: 'https://idp.example.com/token', client_id: gate, client_secret_file: gate.secret, audience: 'https://api.internal' }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite its `token_endpoint`, `client_id`, `client_secret_file` and `audience` below it"
)]
pub(crate) struct TokenExchangeDocument {
    /// The token endpoint: https, or http on loopback.
    /// Example: `https://idp.example.com/token`
    pub(crate) token_endpoint: Option<Spanned<String>>,
    /// Whether the token endpoint may be plain http on any host. Default: `false`.
    /// Example: `true`
    pub(crate) insecure_http: Option<Spanned<bool>>,
    /// Roots (PEM) for the token endpoint alone. Default: those of the system.
    /// Example: `ca.crt`
    pub(crate) ca_file: Option<Spanned<String>>,
    /// The client.
    /// Example: `gate`
    pub(crate) client_id: Option<Spanned<String>>,
    /// A file with its secret, in one line, read again when the file changes.
    /// Example: `gate.secret`
    pub(crate) client_secret_file: Option<Spanned<String>>,
    /// The service that the token is for.
    /// Example: `https://api.internal`
    pub(crate) audience: Option<Spanned<String>>,
    /// The service that the token is for, as a URL (RFC 8707), in place of `audience`.
    /// Example: `https://api.internal`
    pub(crate) resource: Option<Spanned<String>>,
    /// The scopes of the token; one, or a list. Default: the server chooses.
    /// Example: `['orders:read']`
    pub(crate) scopes: Option<OneOrMany<Spanned<String>>>,
    /// The time for the whole exchange. Default: 5s.
    /// Example: `5s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) timeout: Option<Spanned<String>>,
}
