//! `escaped_slash` of a route: whether the API reads `%2F` as a part of a segment.

use serde::Deserialize;

/// Whether the route matches paths with an escaped slash (`%2F`).
/// Example: `pass`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum EscapedSlash {
    /// A request with one is denied.
    #[default]
    Deny,
    /// It is a part of its segment.
    Pass,
}
