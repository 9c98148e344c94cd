//! What is played, and what must come of it.

use std::fmt;

use serde::Serialize;

use super::credentials::Credential;

/// One thing that happens at a gate or at the issuer.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub name: &'static str,
    /// What is done.
    pub action: Action,
    /// What must come of it.
    pub expected: Verdict,
}

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// A request to an API behind a gate.
    Call(Call),
    /// The issuer's signing keys are replaced; then a request.
    RotateThenCall(Call),
    /// An exchange that asks the issuer for more scope than the token handed in has.
    Widen,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// To whom.
    pub api: Api,
    /// Its method.
    pub method: &'static str,
    /// Its target, byte for byte.
    pub target: &'static str,
    /// What it comes with.
    pub credential: Credential,
}

/// The APIs, each behind a gate of its own and with an audience of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
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

/// What came of it, or must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The gate let it pass, and the API answered.
    Allowed,
    /// The gate refused, for this reason.
    Refused {
        /// The status of the refusal.
        status: u16,
        /// Its stable code.
        code: String,
    },
    /// The issuer refused, with this error (RFC 6749 section 5.2).
    NotIssued {
        /// The error.
        error: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Allowed => f.write_str("allowed"),
            Verdict::Refused { status, code } => write!(f, "refused {status} {code}"),
            Verdict::NotIssued { error } => write!(f, "refused by the issuer: {error}"),
        }
    }
}

/// The play, in its order. Rotation stands last, so that every other token is signed by a key that the gate has met.
pub fn scenarios() -> Vec<Scenario> {
    use Credential as With;
    let order = |credential| Call {
        api: Api::Orders,
        method: "GET",
        target: "/orders/42",
        credential,
    };
    let history = |credential| Call {
        target: "/orders/42/history",
        ..order(credential)
    };
    let delete = |credential| Call {
        method: "DELETE",
        ..order(credential)
    };
    let refund = |credential| Call {
        api: Api::Orders,
        method: "POST",
        target: "/refunds",
        credential,
    };
    let shipping = |credential| Call {
        api: Api::Shipping,
        ..order(credential)
    };
    let at = |target| Call {
        target,
        ..order(With::Person)
    };
    vec![
        allowed("a person in a web application reads an order", order(With::Person)),
        allowed("a person through an agent reads an order", order(With::ThroughAgent)),
        allowed(
            "a person through two agents, each hop with less scope and one audience, gets a refund",
            refund(With::TwoHops),
        ),
        refused(
            "the same token at an API that it was not issued for",
            shipping(With::TwoHops),
            401,
            "invalid_claim",
        ),
        Scenario {
            name: "an agent asks the issuer for more scope than it was handed",
            action: Action::Widen,
            expected: Verdict::NotIssued {
                error: "invalid_scope".to_owned(),
            },
        },
        refused(
            "a refund through an agent that is not on the list",
            refund(With::OtherAgent),
            403,
            "actor_not_allowed",
        ),
        refused(
            "a refund through one agent too many",
            refund(With::ThreeHops),
            403,
            "chain_too_deep",
        ),
        allowed("an agent on its own reads an order", order(With::Autonomous)),
        refused(
            "an agent on its own deletes an order, which a person must initiate",
            delete(With::Autonomous),
            403,
            "initiator_not_human",
        ),
        refused(
            "an agent that names itself as its actor is no delegate",
            history(With::ActingForItself),
            403,
            "actor_missing",
        ),
        allowed("a person through an agent deletes an order", delete(With::ThroughAgent)),
        refused(
            "a refund from a login without a second factor",
            refund(With::NoSecondFactor),
            403,
            "amr_not_met",
        ),
        refused(
            "a refund from a login seven minutes old: log in again",
            refund(With::StaleLogin),
            401,
            "auth_too_old",
        ),
        refused(
            "the right person with a scope too little",
            refund(With::Person),
            403,
            "insufficient_scope",
        ),
        refused("no token", order(With::None), 401, "missing_token"),
        refused("a token that has expired", order(With::Expired), 401, "invalid_claim"),
        refused(
            "a token with another subject written in",
            order(With::Tampered),
            401,
            "invalid_signature",
        ),
        refused(
            "a token without a signature (alg: none)",
            order(With::Unsigned),
            401,
            "unsupported_algorithm",
        ),
        refused(
            "an ID token, which says who signed in and permits nothing",
            order(With::IdToken),
            401,
            "invalid_claim",
        ),
        refused(
            "a path with a second reading",
            at("/orders/%2e%2e/refunds"),
            400,
            "invalid_request",
        ),
        refused("a path that no route names", at("/admin"), 403, "no_route"),
        Scenario {
            name: "the issuer replaces its keys, and the gate goes on without a restart",
            action: Action::RotateThenCall(order(With::Autonomous)),
            expected: Verdict::Allowed,
        },
    ]
}

fn allowed(name: &'static str, call: Call) -> Scenario {
    Scenario {
        name,
        action: Action::Call(call),
        expected: Verdict::Allowed,
    }
}

fn refused(name: &'static str, call: Call, status: u16, code: &str) -> Scenario {
    let expected = Verdict::Refused {
        status,
        code: code.to_owned(),
    };
    Scenario {
        name,
        action: Action::Call(call),
        expected,
    }
}
