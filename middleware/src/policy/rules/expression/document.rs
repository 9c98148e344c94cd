//! The written form of an expression.

use actgate_yaml::Spanned;
use serde::Deserialize;

/// An expression; a bare text is `cel`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename = "shorthand cel", deny_unknown_fields)]
#[cfg_attr(not(feature = "cel"), expect(dead_code, reason = "the feature `cel` reads it"))]
pub(in crate::policy) struct ExpressionDocument {
    pub(super) cel: Spanned<String>,
    #[serde(default)]
    pub(super) accept_truncation: bool,
}
