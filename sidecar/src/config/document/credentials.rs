//! The structure of the parts of `actgate.yaml` about what the upstream learns of the caller.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::duration::duration;

/// `internal_token`.
#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `internal_token: { issuer: https://gate.internal }`"
)]
pub(crate) struct InternalTokenDocument {
    pub(crate) header: Option<Spanned<String>>,
    pub(crate) issuer: Option<Spanned<String>>,
    pub(crate) audience: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(crate) lifetime: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(crate) rotate: Option<Spanned<String>>,
    pub(crate) key_file: Option<Spanned<String>>,
}

/// `internal_token` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `internal_token: { audience: https://api.internal }`"
)]
pub(crate) struct InternalAudienceDocument {
    pub(crate) audience: Option<Spanned<String>>,
}

/// `api_key` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `api_key: { header: X-Api-Key, file: api.key }`"
)]
pub(crate) struct ApiKeyDocument {
    pub(crate) header: Option<Spanned<String>>,
    pub(crate) file: Option<Spanned<String>>,
}

/// `token_exchange` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite its `token_endpoint`, `client_id`, `client_secret_file` and `audience` below it"
)]
pub(crate) struct TokenExchangeDocument {
    pub(crate) token_endpoint: Option<Spanned<String>>,
    pub(crate) insecure_http: Option<Spanned<bool>>,
    pub(crate) ca_file: Option<Spanned<String>>,
    pub(crate) client_id: Option<Spanned<String>>,
    pub(crate) client_secret_file: Option<Spanned<String>>,
    pub(crate) audience: Option<Spanned<String>>,
    pub(crate) resource: Option<Spanned<String>>,
    pub(crate) scopes: Option<OneOrMany<Spanned<String>>>,
    #[serde(deserialize_with = "duration")]
    pub(crate) timeout: Option<Spanned<String>>,
}
