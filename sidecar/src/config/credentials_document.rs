//! The structure of the parts of `actgate.yaml` about what the upstream learns of the caller.

use actgate_yaml::Spanned;
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
