//! What the caller of a rejected token learns, and what the operator does: `error_description` and the decision log.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, chain, claims_text_with_last, claims_without, now, token_of};
use crate::wire;
use crate::wire::challenge::Challenge;

const MALFORMED: &str = "the access token is malformed";
const TOO_LONG: &str = "the access token is too long";
const UNVERIFIED: &str = "the access token cannot be verified";
const EXPIRED: &str = "the access token is expired";
const EARLY: &str = "the access token is not valid yet";
const OTHER_API: &str = "the access token is not for this API";
const OTHER_ISSUER: &str = "the issuer of the access token is not accepted";
const OTHER_TYPE: &str = "the token is not an access token of an accepted type";
const CLAIM_MISSING: &str = "a required claim of the access token is missing";
const CLAIM_MALFORMED: &str = "a claim of the access token is malformed";
const CLAIM_TOO_LONG: &str = "a claim of the access token is too long";
const BOUND: &str = "the access token is bound to a key";
const CHAIN_MALFORMED: &str = "the delegation chain of the access token is malformed";
const CHAIN_TOO_LONG: &str = "the delegation chain of the access token is too long";

/// A token, the description in its answer, and the code and reason in the decision log.
struct Row {
    token: String,
    description: &'static str,
    code: &'static str,
    reason: &'static str,
}

fn row(token: String, description: &'static str, code: &'static str, reason: &'static str) -> Row {
    Row {
        token,
        description,
        code,
        reason,
    }
}

/// Tokens whose form is at fault.
fn of_form(issuer: &TokenIssuer) -> Vec<Row> {
    let malformed = |token: &str, reason| row(token.to_owned(), MALFORMED, "malformed_token", reason);
    let long = |token: String, reason| row(token, TOO_LONG, "token_too_long", reason);
    let not_three = "the token is malformed: it is not three parts; encrypted tokens are not accepted";
    let wide = format!(r#""x":[{}]"#, ["0"; 1100].join(","));
    let deep = format!(r#""x":{}{}"#, "[".repeat(40), "]".repeat(40));
    let too_large = "the token is too long: its payload is nested deeper, or has more values, than are accepted";
    let too_many_bytes = "the token is too long: it has more bytes than are accepted";
    let long_kid = json!({ "kid": "k".repeat(1100) });
    let long_header = json!({ "x": "y".repeat(3000) });
    vec![
        malformed("opaque", not_three),
        malformed("a.b", not_three),
        malformed("a.b.c.d.e", not_three),
        malformed("a.b.c", "the token is malformed: its header is not base64url"),
        malformed(
            &issuer.signed_text("[]"),
            "the token is malformed: its payload is not a strict JSON object",
        ),
        malformed(
            &issuer.signed_text(&claims_text_with_last(r#""sub":"b""#)),
            "the token is malformed: its payload has a member twice",
        ),
        malformed(
            &issuer.token_with_header(r#"{"alg":"ES256","alg":"ES256"}"#),
            "the token is malformed: its header has a member twice",
        ),
        long(issuer.token(json!({ "x": "y".repeat(20_000) })), too_many_bytes),
        long("A".repeat(16 * 1024 + 1), too_many_bytes),
        long(format!("{}.a.b", "A".repeat(17_000)), too_many_bytes),
        long(
            issuer.token_with_header_changed(long_header),
            "the token is too long: its header has more bytes than are accepted",
        ),
        long(
            issuer.token_with_header_changed(long_kid),
            "the token is too long: a member of its header has more bytes than are accepted",
        ),
        long(issuer.signed_text(&claims_text_with_last(&wide)), too_large),
        long(issuer.signed_text(&claims_text_with_last(&deep)), too_large),
    ]
}

/// Tokens that another issuer, key or kind of token is behind.
fn of_origin(issuer: &TokenIssuer) -> Vec<Row> {
    let typ = |typ: Value| issuer.token_with_header_changed(json!({ "typ": typ }));
    let other_type = |token, reason| row(token, OTHER_TYPE, "invalid_claim", reason);
    let not_accepted = "the `typ` in the header of the token is not an accepted one";
    let other_issuer = |iss: &str| {
        let token = issuer.token(json!({ "iss": iss }));
        let reason = "the claim `iss` of the token is not an accepted one";
        row(token, OTHER_ISSUER, "invalid_claim", reason)
    };
    let unverified = |token, code, reason| row(token, UNVERIFIED, code, reason);
    let no_key = "no key of the issuer fits the token";
    vec![
        other_type(typ(json!("JWT")), not_accepted),
        other_type(typ(json!("dpop+jwt")), not_accepted),
        other_type(typ(json!("logout+jwt")), not_accepted),
        other_type(typ(json!("")), not_accepted),
        other_type(
            issuer.token_with_header(r#"{"alg":"ES256","kid":"es256"}"#),
            "the `typ` in the header of the token is missing",
        ),
        other_type(
            issuer.token(json!({ "nonce": "n" })),
            "the claim `nonce` of the token is not an accepted one",
        ),
        other_issuer("https://other.example.com"),
        other_issuer(&format!("{ISSUER}/")),
        other_issuer(""),
        unverified(
            token_of(&SigningKey::ec("unknown", Curve::P256), "ES256"),
            "unknown_key",
            no_key,
        ),
        unverified(
            token_of(&SigningKey::ec("es256", Curve::P256), "ES256"),
            "invalid_signature",
            "the signature does not verify",
        ),
        unverified(
            issuer.token_with_header_changed(json!({ "alg": "HS256" })),
            "unsupported_algorithm",
            "the token's algorithm is not accepted",
        ),
    ]
}

/// Tokens with a claim at fault.
fn of_claims(issuer: &TokenIssuer) -> Vec<Row> {
    let claim = |changes: Value, description, reason| row(issuer.token(changes), description, "invalid_claim", reason);
    let expired = |exp: u64| {
        claim(
            json!({ "exp": exp }),
            EXPIRED,
            "the claim `exp` of the token is in the past",
        )
    };
    let early = |nbf: u64| {
        claim(
            json!({ "nbf": nbf }),
            EARLY,
            "the claim `nbf` of the token is in the future",
        )
    };
    let other_api = |aud: Value| {
        let reason = "the claim `aud` of the token is not an accepted one";
        claim(json!({ "aud": aud }), OTHER_API, reason)
    };
    let missing = |name, reason| {
        let token = issuer.signed(&claims_without(name));
        row(token, CLAIM_MISSING, "invalid_claim", reason)
    };
    let malformed = |changes, reason| claim(changes, CLAIM_MALFORMED, reason);
    let long = |changes, reason| claim(changes, CLAIM_TOO_LONG, reason);
    vec![
        expired(now() - 60),
        expired(1),
        expired(0),
        early(now() + 60),
        early(now() + 86_400),
        early(u64::MAX),
        other_api(json!("https://other.example.com")),
        other_api(json!([ISSUER, "*"])),
        other_api(json!(format!("{AUDIENCE}/"))),
        missing("aud", "the claim `aud` of the token is missing"),
        missing("exp", "the claim `exp` of the token is missing"),
        missing("iss", "the claim `iss` of the token is missing"),
        missing("sub", "the claim `sub` of the token is missing"),
        malformed(json!({ "scope": null }), "the claim `scope` of the token is malformed"),
        malformed(json!({ "exp": "soon" }), "the claim `exp` of the token is malformed"),
        malformed(json!({ "aud": 7 }), "the claim `aud` of the token is malformed"),
        malformed(json!({ "iss": [ISSUER] }), "the claim `iss` of the token is malformed"),
        malformed(json!({ "sub": "a\nb" }), "the claim `sub` of the token is malformed"),
        malformed(
            json!({ "client_id": null }),
            "the claim `client_id` of the token is malformed",
        ),
        malformed(json!({ "nbf": null }), "the claim `nbf` of the token is malformed"),
        long(
            json!({ "sub": "s".repeat(1025) }),
            "the claim `sub` of the token is too long",
        ),
        long(
            json!({ "client_id": "c".repeat(2000) }),
            "the claim `client_id` of the token is too long",
        ),
    ]
}

/// Tokens with a chain or a binding at fault.
fn of_chain(issuer: &TokenIssuer) -> Vec<Row> {
    let act = |act: Value| issuer.token(json!({ "act": act }));
    let malformed = |value, reason| row(act(value), CHAIN_MALFORMED, "invalid_chain", reason);
    let long = |depth: usize| {
        let names: Vec<_> = (0..depth).map(|i| format!("a{i}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let reason = "the delegation chain is too long";
        row(act(chain(&names)), CHAIN_TOO_LONG, "chain_too_long", reason)
    };
    let no_object = "the delegation chain is malformed: an `act` is not an object";
    let bound = "the token is bound to a key, and no proof of that key was accepted";
    vec![
        malformed(
            json!(null),
            "the delegation chain is malformed: an `act` is null: an expression at the issuer gave no value",
        ),
        malformed(json!({ "sub": "a", "act": "b" }), no_object),
        malformed(json!({}), "the delegation chain is malformed: an `act` has no `sub`"),
        long(17),
        long(18),
        long(25),
        row(
            issuer.token(json!({ "cnf": { "jkt": "x" } })),
            BOUND,
            "invalid_confirmation",
            bound,
        ),
    ]
}

#[test]
fn the_caller_learns_which_and_the_log_has_the_reason() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let rows = [of_form(issuer), of_origin(issuer), of_claims(issuer), of_chain(issuer)];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let mut failures = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let answer = wire::get(deployment.gate.address, "/orders/1", &row.token);
        let challenge = answer.field("www-authenticate").unwrap_or_default();
        let challenge = Challenge::parse(&challenge).expect("a challenge");
        let event = deployment.gate.decision_after(n);
        let text = |member: &str| event[member].as_str().unwrap_or("?").to_owned();
        let got = (
            answer.status,
            challenge.parameter("error").map(str::to_owned),
            challenge.parameter("error_description").map(str::to_owned),
            answer.json()["title"].as_str().map(str::to_owned),
            text("code"),
            text("reason"),
        );
        let wanted = (
            401,
            Some("invalid_token".to_owned()),
            Some(row.description.to_owned()),
            Some(row.description.to_owned()),
            row.code.to_owned(),
            row.reason.to_owned(),
        );
        if got != wanted {
            failures.push(format!("{:.60}\n  wanted {wanted:?}\n  got    {got:?}", row.token));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(deployment.upstream.count(), 0);
}
