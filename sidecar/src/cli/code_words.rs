//! What the codes mean that no word of a policy denies with.

/// The codes of requests that are denied before a policy is evaluated, and of the rules that every route has: each with its meaning.
const MEANINGS: &[(&str, &str)] = &[
    (
        "certificate_mismatch",
        "401: the token is bound to another certificate than the client has presented (RFC 8705 section 3).",
    ),
    (
        "chain_incomplete",
        "403: the token declares that its issuer dropped actors, and a rule reads all of them. `accept_truncation: true` beside the \
         rule accepts such a chain.",
    ),
    (
        "chain_inverted",
        "403: the subject is a machine and its current actor a human, as in a chain that is written in the reverse order. It is denied \
         where a rule reads a kind, the actor or the chain.",
    ),
    (
        "chain_too_long",
        "401: the delegation chain has more actors than the gate accepts of any token.",
    ),
    (
        "introspection_unavailable",
        "503: the issuer did not answer whether the token is active (`introspection` of the configuration). It is no error of the \
         client.",
    ),
    (
        "invalid_chain",
        "401: `act` is malformed (RFC 8693 section 4.1), such as an actor without `sub`.",
    ),
    (
        "invalid_claim",
        "401: the `typ` of the header, or a claim, is missing, malformed or not an accepted one: the issuer, the audience, a time, or a \
         claim that the profile of the issuer or its `required_claims` asks for. `actgate explain` shows which.",
    ),
    (
        "invalid_confirmation",
        "401: the token is bound to a key (`cnf`, RFC 7800), and no proof of that key was accepted.",
    ),
    (
        "invalid_request",
        "400: the request is ambiguous, such as two headers `Authorization`, or a path with `..`.",
    ),
    (
        "invalid_signature",
        "401: the signature does not verify with the key of the issuer.",
    ),
    (
        "keys_unavailable",
        "503: the signing keys of the issuer cannot be fetched. It is no error of the client.",
    ),
    (
        "limit_unavailable",
        "503: the store that counts the requests of all gates (`shared_limits` of the configuration) did not answer. It is no error of \
         the client.",
    ),
    (
        "malformed_token",
        "401: the token is not a JWT: not three parts, or not JSON in them (RFC 7519).",
    ),
    (
        "misplaced_token",
        "401: the token is in another header than the one that the tokens of its issuer are accepted in.",
    ),
    (
        "missing_token",
        "401: the request has no bearer token. A route with `public: true` needs none.",
    ),
    (
        "self_actor",
        "403: the subject is a human, and the token names the same human as the current actor.",
    ),
    (
        "token_inactive",
        "401: the issuer states that the token is not active: it has been revoked, has expired, or is none that it knows (RFC 7662).",
    ),
    (
        "token_revoked",
        "401: an entry of the list of revoked tokens is for the token (`revocations` of the configuration).",
    ),
    (
        "token_too_long",
        "401: the token, its header or the JSON in it is over a limit of the gate.",
    ),
    (
        "unknown_key",
        "401: no key of the issuer fits the `kid` and the `alg` of the token.",
    ),
    (
        "unsupported_algorithm",
        "401: the header names an algorithm that is not accepted for the issuer, such as `none`.",
    ),
];

/// The codes that a caller gets where the challenge has none, and the codes of challenges: each with its status, and the codes that
/// the log has for it.
const OF_CALLERS: &[(&str, &str, &str)] = &[
    (
        "access_denied",
        "403",
        "The caller learns that the token is valid, and that the policy denies the request. The decision log has the code of the rule, \
         such as `initiator_not_human` or `no_route`.",
    ),
    (
        "actor_unauthorized",
        "403",
        "The caller learns that a rule on actors denies the request, where the profile of the issuer is `actor-profile`. The decision log has \
         the code of the rule, such as `actor_not_allowed`.",
    ),
    (
        "insufficient_user_authentication",
        "401",
        "The caller learns that a person has to log in again (RFC 9470). The decision log has `auth_too_old` or `acr_not_met`.",
    ),
    (
        "invalid_token",
        "401",
        "The caller learns that the token is not accepted (RFC 6750). The decision log has the reason, such as `invalid_claim`, \
         `invalid_signature` or `malformed_token`.",
    ),
    (
        "temporarily_unavailable",
        "503",
        "The caller learns that it may try again after the seconds of `Retry-After`. The decision log has `keys_unavailable`, \
         `introspection_unavailable` or `limit_unavailable`.",
    ),
    (
        "too_many_requests",
        "429",
        "The caller learns that its party has made more requests than a `limit` allows, and when to try again (`Retry-After`). The decision log \
         has `limit_exceeded`.",
    ),
];

/// The codes of requests that the gate denies, or does not forward, for another reason than the token and the policy: each with its meaning.
const OF_GATE: &[(&str, &str)] = &[
    (
        "body_not_received",
        "501: the decision depends on the body, which the decision API does not receive.",
    ),
    (
        "internal_token_unavailable",
        "503: the token for the upstream (`internal_token`) could not be signed. It is no error of the client.",
    ),
    (
        "loop_detected",
        "508: the request has passed through this gate before, or through too many proxies.",
    ),
    (
        "method_not_implemented",
        "501: `TRACE` and `CONNECT` are not forwarded.",
    ),
    (
        "misdirected_request",
        "421: the host of the request is none of `hosts`, or of no resource.",
    ),
    (
        "no_metadata",
        "404: a proxy asks about a request for the metadata of a resource, which the listener of the decision APIs serves.",
    ),
    (
        "no_room_for_body",
        "503: the bodies that rules of the policy read take all the room that they have.",
    ),
    (
        "no_time_for_evaluation",
        "503: the evaluations of AuthZEN before this one took the time that all of a request have together.",
    ),
    (
        "preflight_not_answered",
        "501: a proxy asks about a preflight of CORS, which the proxy has to answer itself.",
    ),
    (
        "request_timeout",
        "408: the client did not send on the body, or not in time for the rule that reads it.",
    ),
    (
        "subject_mismatch",
        "403: a decision is asked about another subject than that of the token.",
    ),
    (
        "token_exchange_denied",
        "403: the token endpoint refuses a token for the upstream (`access_token: exchange`) for this access token.",
    ),
    (
        "token_exchange_failed",
        "502: the token endpoint did not answer with a token for the upstream. It is no error of the client.",
    ),
    (
        "token_exchange_unavailable",
        "503: the token endpoint asks for a pause. It is no error of the client.",
    ),
    (
        "unknown_expectation",
        "417: the request has another `Expect` than `100-continue`.",
    ),
    (
        "unsupported_form_encoding",
        "415: a form is compressed, or in a charset that does not extend ASCII: what it contains cannot be checked.",
    ),
    (
        "untrusted_peer",
        "403: the peer that asks for the decision is neither on this machine nor in `trusted_proxies`.",
    ),
    (
        "upgrade_not_implemented",
        "501: the request asks for an upgrade to another protocol than WebSocket.",
    ),
    (
        "websocket_version",
        "426: the request asks for another version of WebSocket than 13.",
    ),
];

/// The codes of requests that the gate denies for another reason than the token and the policy.
pub(crate) fn gate_codes() -> impl Iterator<Item = &'static str> {
    OF_GATE.iter().map(|(code, _)| *code)
}

/// The meaning of such a code.
pub(crate) fn of_gate(code: &str) -> Option<&'static str> {
    let found = OF_GATE.iter().find(|(name, _)| *name == code);
    found.map(|(_, meaning)| *meaning)
}

/// What a code means that callers get in place of the one in the log. A status is the code that it has most often.
pub(crate) fn of_caller(code: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let usual = match code {
        "401" => "invalid_token",
        "403" => "access_denied",
        other => other,
    };
    let mut known = OF_CALLERS.iter();
    known
        .find(|(name, status, _)| *name == usual || *status == usual)
        .copied()
}

/// The meaning of a code; [`None`] for one that the words of a policy describe.
pub(crate) fn meaning(code: &str) -> Option<&'static str> {
    let found = MEANINGS.iter().find(|(name, _)| *name == code);
    found.map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use actgate::Error;

    use super::*;

    #[test]
    fn each_code_of_the_gate_has_its_meaning() {
        let sources = [
            include_str!("../gate/head_error.rs"),
            include_str!("../proxy/credentials/mod.rs"),
            include_str!("../proxy/credentials/token_exchange.rs"),
        ];
        let written = sources.iter().flat_map(|source| source.split("code: \"").skip(1));
        let mut codes: Vec<&str> = written.filter_map(|rest| rest.split('"').next()).collect();
        codes.retain(|code| !Error::codes().contains(code));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, gate_codes().collect::<Vec<_>>());
    }
}
