//! The scenarios of the demo and their expected outcomes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exit::{Context as _, Failure};

/// One action at a gate or at the issuer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Whether the issuer replaces its signing keys before the request.
    #[serde(default)]
    pub(crate) rotate_keys: bool,
    pub(crate) action: Action,
    pub(crate) expected: Outcome,
}

/// What is tried.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// A request to an API.
    Call(Call),
    /// A request to the issuer.
    Request(TokenRequest),
}

/// A request to the issuer that it denies.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenRequest {
    /// An exchange that requests more scope than the subject token has.
    Wider,
    /// An exchange of a token that names a revoked agent as its actor.
    Revoked,
    /// A token for which the user is asked on another device, and that the user denies.
    Denied,
    /// A refresh with a refresh token that was used before.
    UsedRefreshToken,
}

/// A request to an API behind a gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    #[serde(default)]
    pub(crate) api: Api,
    pub(crate) method: String,
    /// The target, byte for byte.
    pub(crate) target: String,
    pub(crate) credential: Credential,
}

/// The credential of a request.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Credential {
    None,
    /// Alice in a web application.
    User,
    /// Alice through the assistant that she signed in to.
    ThroughAgent,
    /// Alice, her assistant and the refund agent; each hop has one audience and less scope.
    TwoHops,
    /// Two hops to another agent than the refund agent.
    OtherAgent,
    /// Alice, assistant, shopper, refund agent.
    ThreeHops,
    /// Two hops after a login without a second factor.
    NoSecondFactor,
    /// Two hops after a login that is older than the policy allows.
    StaleLogin,
    /// An agent without a user.
    Autonomous,
    /// An agent that is both subject and actor, as some issuers write an autonomous agent.
    SelfActor,
    Expired,
    /// A valid token with one claim changed.
    Tampered,
    /// The claims of a valid token, with `alg` none and no signature.
    Unsigned,
    IdToken,
    /// Two hops after the login that the challenge for an old one asks for.
    StepUp,
    /// Alice through the assistant, which asked her on another device.
    Approved,
    /// Alice through a command line whose code she entered.
    Device,
    /// Alice through the assistant that she signed in to, after a refresh.
    Refreshed,
}

/// The APIs, each behind its own gate and with its own audience.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    /// Orders and refunds.
    #[default]
    Orders,
    /// Shipping, which shares a scope with orders.
    Shipping,
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Api::Orders => "orders",
            Api::Shipping => "shipping",
        })
    }
}

/// The outcome of an action.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The gate forwarded the request, and the API answered.
    Allowed,
    /// The gate denied the request.
    Denied { status: u16, code: String },
    /// The issuer issued no token; the error code of RFC 6749 section 5.2.
    NotIssued { error: String },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Allowed => f.write_str("allowed"),
            Outcome::Denied { status, code } => write!(f, "denied {status} {code}"),
            Outcome::NotIssued { error } => write!(f, "token not issued: {error}"),
        }
    }
}

/// Every scenario in order. Rotation is last, so that every other token is signed by a key that the gate has fetched.
pub(crate) fn scenarios() -> Result<Vec<Scenario>, Failure> {
    serde_json::from_str(include_str!("scenarios.json")).context("scenarios")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_can_be_read() {
        assert_eq!(scenarios().unwrap().len(), 29);
    }
}
