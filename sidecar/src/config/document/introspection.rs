//! The structure of `introspection` of an issuer.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::duration::duration;
#[cfg(test)]
use super::schema;

/// The issuer is asked whether tokens are active (RFC 7662), and for the claims of opaque ones. The gate is the client
/// (client_secret_basic). Without an answer: 503. Default: it is not asked.
/// Example: `{ endpoint: 'https://idp.example.com/introspect', client_id: gate, client_secret_file: gate.secret }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite its `endpoint`, `client_id` and `client_secret_file` below it"
)]
#[cfg_attr(test, schemars(extend("required" = ["endpoint", "client_id", "client_secret_file"])))]
pub(crate) struct IntrospectionDocument {
    /// The introspection endpoint: https, or http on loopback.
    /// Example: `https://idp.example.com/introspect`
    pub(crate) endpoint: Option<Spanned<String>>,
    /// The client.
    /// Example: `gate`
    pub(crate) client_id: Option<Spanned<String>>,
    /// A file with its secret, in one line, read for each question.
    /// Example: `gate.secret`
    pub(crate) client_secret_file: Option<Spanned<String>>,
    /// Which tokens: opaque ones, which one issuer can have; signed ones, after they are verified; or all. Default: `opaque`.
    /// Example: `signed`
    pub(crate) tokens: Tokens,
    /// How long an answer is used: a revoked token is accepted no longer than this. Default: 30s.
    /// Example: `30s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) cache: Option<Spanned<String>>,
    /// The time for an answer. Default: 5s.
    /// Example: `5s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) timeout: Option<Spanned<String>>,
    /// Roots (PEM) for the endpoint alone. Default: those of the system.
    /// Example: `ca.crt`
    pub(crate) ca_file: Option<Spanned<String>>,
    /// Whether the endpoint may be plain http on any host. Default: `false`.
    /// Example: `true`
    pub(crate) insecure_http: Option<Spanned<bool>>,
}

/// The tokens that the issuer is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tokens {
    /// Tokens that are not three parts with a dot between them.
    #[default]
    Opaque,
    /// Signed tokens.
    Signed,
    /// Both.
    All,
}
