//! The written form of an expression.

use actgate_yaml::Spanned;
use serde::Deserialize;

/// A condition in CEL (Common Expression Language) that is true. Whatever does not evaluate to `true` is denied. A bare text
/// is `cel`. Denied with `expression_not_true`.
/// Example: `'claims.region == "eu"'`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand cel", deny_unknown_fields)]
#[cfg_attr(not(feature = "cel"), expect(dead_code, reason = "the feature `cel` reads it"))]
#[cfg_attr(feature = "schema", schemars(rename = "Expression", extend("x-shorthand" = "cel")))]
pub(in crate::policy) struct ExpressionDocument {
    /// The condition. Its facts are `initiator`, `actor`, `chain`, `client`, `scopes`, `claims`, `token`, `params`,
    /// `request` and `now`.
    /// Example: `'params.id in claims.orders'`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) cel: Spanned<String>,
    /// `true`: the condition may read a chain from which the issuer dropped actors.
    /// Example: `true`
    #[serde(default)]
    pub(super) accept_truncation: bool,
}
