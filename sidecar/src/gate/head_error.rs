//! Why the head of a request is denied.

use http::StatusCode;

/// Why a request is denied before authorization, without any part of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeadError {
    pub(crate) status: StatusCode,
    /// The stable code, for the caller and for the decision log.
    pub(crate) code: &'static str,
    /// The reason, in a lowercase sentence.
    pub(crate) reason: &'static str,
}

impl HeadError {
    /// `TRACE` and `CONNECT`: this proxy neither echoes nor tunnels.
    pub(super) const METHOD: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "method_not_implemented",
        reason: "this method is not served here",
    };
    /// The request names a host that is not allowed.
    pub(crate) const HOST: HeadError = HeadError {
        status: StatusCode::MISDIRECTED_REQUEST,
        code: "misdirected_request",
        reason: "this host is not served here",
    };
    pub(super) const EXPECTATION: HeadError = HeadError {
        status: StatusCode::EXPECTATION_FAILED,
        code: "unknown_expectation",
        reason: "only the expectation `100-continue` is supported",
    };
    /// The body is a form, and the upstream would read other bytes than those that can be checked here.
    pub(crate) const FORM_ENCODING: HeadError = HeadError {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        code: "unsupported_form_encoding",
        reason: "a form must have no content coding, and a charset that extends ascii",
    };
    pub(super) const UPGRADE: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "upgrade_not_implemented",
        reason: "an upgrade to a protocol other than websocket is not served here",
    };
    pub(super) const WEBSOCKET_VERSION: HeadError = HeadError {
        status: StatusCode::UPGRADE_REQUIRED,
        code: "websocket_version",
        reason: "version 13 of the websocket protocol is required",
    };

    /// The client stopped sending the body (RFC 9110 section 15.5.9).
    pub(crate) const BODY_STALLED: HeadError = HeadError {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "request_timeout",
        reason: "the body of the request made no progress within the time limit",
    };

    /// A rule reads the body, and too many bodies are kept.
    pub(crate) const NO_ROOM: HeadError = HeadError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "no_room_for_body",
        reason: "the bodies that rules of the policy read take all room that they have",
    };

    /// The evaluations before this one took all the time that a request for several has.
    pub(crate) const NO_TIME: HeadError = HeadError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "no_time_for_evaluation",
        reason: "the evaluations before this one took the time that all have together",
    };

    /// A rule reads the body, and it did not arrive in time.
    pub(crate) const BODY_LATE: HeadError = HeadError {
        status: StatusCode::REQUEST_TIMEOUT,
        code: "request_timeout",
        reason: "the body, which a rule of the policy reads, took longer than its time limit",
    };

    /// A decision API is asked by a peer that is not a trusted proxy.
    pub(crate) const UNTRUSTED_PEER: HeadError = HeadError {
        status: StatusCode::FORBIDDEN,
        code: "untrusted_peer",
        reason: "the peer that asks for the decision is not a trusted proxy",
    };

    /// The decision depends on the body, which the decision API does not receive.
    pub(crate) const BODY_NOT_RECEIVED: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "body_not_received",
        reason: "the decision depends on the body of the request, which this decision api does not receive",
    };

    /// A proxy asks whether it may forward a request for the metadata of a resource.
    pub(crate) const METADATA_ELSEWHERE: HeadError = HeadError {
        status: StatusCode::NOT_FOUND,
        code: "no_metadata",
        reason: "the metadata of a resource is not for the api to serve, but for the listener of the decision apis",
    };

    /// A proxy asks whether it may forward a preflight of CORS.
    pub(crate) const PREFLIGHT_ELSEWHERE: HeadError = HeadError {
        status: StatusCode::NOT_IMPLEMENTED,
        code: "preflight_not_answered",
        reason: "a preflight of cors is for the proxy to answer",
    };

    /// A decision is asked about another subject than that of the token.
    pub(crate) const OTHER_SUBJECT: HeadError = HeadError {
        status: StatusCode::FORBIDDEN,
        code: "subject_mismatch",
        reason: "the subject of the evaluation is not that of the access token",
    };

    /// The client broke off, or its body is no valid one.
    pub(crate) const BODY_INCOMPLETE: HeadError =
        HeadError::ambiguous("the body of the request is malformed or incomplete");

    /// The request has the pseudonym of this process: it goes around in a ring of proxies.
    pub(crate) const RETURNED: HeadError = HeadError::loop_detected("the request has passed through this gate before");
    /// A ring, or a client that writes many entries.
    pub(super) const TOO_MANY_PROXIES: HeadError =
        HeadError::loop_detected("the request has passed through too many proxies");

    const fn loop_detected(reason: &'static str) -> HeadError {
        HeadError {
            status: StatusCode::LOOP_DETECTED,
            code: "loop_detected",
            reason,
        }
    }

    /// The request is ambiguous or invalid.
    pub(crate) const fn ambiguous(reason: &'static str) -> HeadError {
        HeadError {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_request",
            reason,
        }
    }
}
