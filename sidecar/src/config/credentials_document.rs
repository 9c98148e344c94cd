//! The structure of the parts of `actgate.yaml` about what the upstream learns of the caller.

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;

use super::duration_text::duration;

/// `internal_token`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct InternalTokenDocument {
    pub(super) header: Option<Spanned<String>>,
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) lifetime: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) rotate: Option<Spanned<String>>,
    pub(super) key_file: Option<Spanned<String>>,
}

/// `internal_token` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct InternalAudienceDocument {
    pub(super) audience: Option<Spanned<String>>,
}

/// `api_key` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ApiKeyDocument {
    pub(super) header: Option<Spanned<String>>,
    pub(super) file: Option<Spanned<String>>,
}

/// `token_exchange` of an upstream.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TokenExchangeDocument {
    pub(super) token_endpoint: Option<Spanned<String>>,
    pub(super) insecure_http: Option<Spanned<bool>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) client_id: Option<Spanned<String>>,
    pub(super) client_secret_file: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<String>>,
    pub(super) resource: Option<Spanned<String>>,
    pub(super) scopes: Option<OneOrMany<Spanned<String>>>,
    #[serde(deserialize_with = "duration")]
    pub(super) timeout: Option<Spanned<String>>,
}
