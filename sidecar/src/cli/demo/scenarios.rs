//! The scenarios of the demo and their expected outcomes.

use std::fmt;

use http::Method;
use serde::Serialize;

use super::credentials::Credential;

/// One action at a gate or at the issuer.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) action: Action,
    pub(crate) expected: Outcome,
}

/// An action.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A request to an API behind a gate.
    Call(Call),
    /// The issuer's signing keys are replaced; then a request.
    RotateThenCall(Call),
    /// A token exchange that requests more scope than the subject token has.
    Widen,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) api: Api,
    pub(crate) method: Method,
    /// The target, byte for byte.
    pub(crate) target: &'static str,
    pub(crate) credential: Credential,
}

/// The APIs, each behind its own gate and with its own audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Orders and refunds.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The gate forwarded the request, and the API answered.
    Allowed,
    /// The gate denied the request.
    Denied { status: u16, code: String },
    /// The issuer issued no token.
    NotIssued {
        /// The error code (RFC 6749 section 5.2).
        error: String,
    },
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
pub(crate) fn scenarios() -> Vec<Scenario> {
    use Credential as With;
    let call = |api, method, target, credential| Call {
        api,
        method,
        target,
        credential,
    };
    let at = |target| call(Api::Orders, Method::GET, target, With::User);
    let order = |credential| call(Api::Orders, Method::GET, "/orders/42", credential);
    let history = |credential| call(Api::Orders, Method::GET, "/orders/42/history", credential);
    let delete = |credential| call(Api::Orders, Method::DELETE, "/orders/42", credential);
    let refund = |credential| call(Api::Orders, Method::POST, "/refunds", credential);
    let shipping = |credential| call(Api::Shipping, Method::GET, "/orders/42", credential);
    vec![
        allowed("a user of a web application reads an order", order(With::User)),
        allowed("a user reads an order through an agent", order(With::ThroughAgent)),
        allowed(
            "a user gets a refund through two agents; each hop reduces the scope and has one audience",
            refund(With::TwoHops),
        ),
        denied(
            "the same token at an API of another audience",
            shipping(With::TwoHops),
            401,
            "invalid_claim",
        ),
        Scenario {
            name: "an agent requests more scope than its subject token has",
            action: Action::Widen,
            expected: Outcome::NotIssued {
                error: "invalid_scope".to_owned(),
            },
        },
        denied(
            "a refund through an agent that is not allowed",
            refund(With::OtherAgent),
            403,
            "actor_not_allowed",
        ),
        denied(
            "a refund through one agent too many",
            refund(With::ThreeHops),
            403,
            "chain_too_deep",
        ),
        allowed("an autonomous agent reads an order", order(With::Autonomous)),
        denied(
            "an autonomous agent deletes an order, which a human must initiate",
            delete(With::Autonomous),
            403,
            "initiator_not_human",
        ),
        denied(
            "an agent that is its own actor is not delegated",
            history(With::SelfActor),
            403,
            "actor_missing",
        ),
        allowed("a user deletes an order through an agent", delete(With::ThroughAgent)),
        denied(
            "a refund after a login without a second factor",
            refund(With::NoSecondFactor),
            403,
            "amr_not_met",
        ),
        denied(
            "a refund after a login that is seven minutes old",
            refund(With::StaleLogin),
            401,
            "auth_too_old",
        ),
        denied(
            "the right user without the scope",
            refund(With::User),
            403,
            "insufficient_scope",
        ),
        denied("no token", order(With::None), 401, "missing_token"),
        denied("a token that has expired", order(With::Expired), 401, "invalid_claim"),
        denied(
            "a token with a changed subject",
            order(With::Tampered),
            401,
            "invalid_signature",
        ),
        denied(
            "a token without a signature (alg: none)",
            order(With::Unsigned),
            401,
            "unsupported_algorithm",
        ),
        denied(
            "an ID token, which is not an access token",
            order(With::IdToken),
            401,
            "invalid_claim",
        ),
        denied(
            "an ambiguous path",
            at("/orders/%2e%2e/refunds"),
            400,
            "invalid_request",
        ),
        denied("a path without a route", at("/admin"), 403, "no_route"),
        Scenario {
            name: "the issuer replaces its keys; the gate needs no restart",
            action: Action::RotateThenCall(order(With::Autonomous)),
            expected: Outcome::Allowed,
        },
    ]
}

fn allowed(name: &'static str, call: Call) -> Scenario {
    Scenario {
        name,
        action: Action::Call(call),
        expected: Outcome::Allowed,
    }
}

fn denied(name: &'static str, call: Call, status: u16, code: &str) -> Scenario {
    Scenario {
        name,
        action: Action::Call(call),
        expected: Outcome::Denied {
            status,
            code: code.to_owned(),
        },
    }
}
