//! The facts of an identity that an upstream receives in headers.

use serde::Deserialize;

/// A fact about the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fact {
    /// The subject of the token: the initiator.
    Subject,
    /// Kind of the initiator: `human`, `agent`, `service` or `unknown`.
    Kind,
    /// Subject of the current actor.
    Actor,
    /// The whole chain, as the JSON of [`Chain`].
    Chain,
    /// The OAuth client that presents the token.
    Client,
    /// The scopes, separated by spaces.
    Scope,
    /// The issuer of the token.
    Issuer,
}

impl Fact {
    /// Every fact, and the name of its header without configuration.
    pub(super) const ALL: [(Fact, &str); 7] = [
        (Fact::Subject, "x-auth-subject"),
        (Fact::Kind, "x-auth-kind"),
        (Fact::Actor, "x-auth-actor"),
        (Fact::Chain, "x-auth-chain"),
        (Fact::Client, "x-auth-client"),
        (Fact::Scope, "x-auth-scope"),
        (Fact::Issuer, "x-auth-issuer"),
    ];
}
