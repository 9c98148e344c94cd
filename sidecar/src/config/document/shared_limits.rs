//! The structure of `shared_limits`.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::duration::duration;
#[cfg(test)]
use super::schema;

/// The limits of the policy are counted in Redis, for all gates that name the same server and prefix. Without an answer: 503 on the
/// routes with a limit. Default: each gate counts in its memory.
/// Example: `{ redis: 'rediss://limits.example.com:6379' }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `shared_limits: { redis: redis://127.0.0.1:6379 }`"
)]
#[cfg_attr(test, schemars(extend("required" = ["redis"])))]
pub(crate) struct SharedLimitsDocument {
    /// The server: `rediss://HOST:PORT/DATABASE` with TLS, `redis://` without, `redis+unix:///PATH`.
    /// Example: `rediss://limits.example.com:6379`
    pub(crate) redis: Option<Spanned<String>>,
    /// The user (ACL) that the gate is, with its password. Default: that of the server.
    /// Example: `gate`
    pub(crate) user: Option<Spanned<String>>,
    /// A file with the password, in one line.
    /// Example: `redis.password`
    pub(crate) password_file: Option<Spanned<String>>,
    /// Roots (PEM) for `rediss`. Default: those of the system.
    /// Example: `ca.crt`
    pub(crate) ca_file: Option<Spanned<String>>,
    /// How every key begins. Gates with the same one count together. Default: `actgate`.
    /// Example: `orders`
    pub(crate) prefix: Option<Spanned<String>>,
    /// The time for an answer, also where a connection has to be established first. Default: 100ms.
    /// Example: `100ms`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(crate) timeout: Option<Spanned<String>>,
}
