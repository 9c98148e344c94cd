//! Claims that invite a wrong reading, each with its outcome at a rule that depends on the reading.

mod rows;

use actgate::clock::FixedClock;
use actgate::keys::{Algorithm, KeySet};
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::{Method, Uri};
use serde_json::{Value, json};

use rows::{chains, logins, malformed_actors, members_of_act, parties, scopes_and_audiences};

use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, claims, claims_text_with_last, claims_without, header, now, sign};

const POLICY: &str = r#"
routes:
  - { match: GET /any }
  - { match: GET /human, initiator: { kind: human } }
  - { match: GET /agent, initiator: { kind: agent } }
  - { match: GET /delegated, actor: { required: true } }
  - { match: GET /alone, actor: { absent: true } }
  - { match: GET /by-agent, actor: { kind: agent } }
  - { match: GET /by-a1, actor: { one_of: [a1] } }
  - { match: GET /by-cafe, actor: { one_of: [café] } }
  - { match: GET /fresh, initiator: { max_auth_age: 5m } }
  - { match: GET /mfa, initiator: { amr: [mfa] } }
  - { match: GET /read, scopes: [orders:read] }
  - { match: GET /admin, scopes: [admin] }
  - { match: GET /roles, claims: { roles: { contains: admin } } }
  - { match: GET /bound, token: { sender_constrained: true } }
  - { match: GET /single, token: { single_audience: true } }
  - { match: GET /two-hops, chain: { max_depth: 2 } }
  - { match: GET /once, chain: { repeats: none } }
"#;

/// The code of an allowed request.
const ALLOWED: &str = "";

/// What the row is about, the route, the code, and the claims that differ from those of a valid token of a person.
type Row = (&'static str, &'static str, &'static str, Value);

/// Texts of claims that no value of JSON has, with their codes.
fn texts() -> Vec<(&'static str, &'static str, String)> {
    let member = |input, code, member: &str| (input, code, claims_text_with_last(member));
    let nested = |depth: usize| {
        let (open, close) = (r#"{"sub":"a","act":"#.repeat(depth), "}".repeat(depth));
        format!(r#""act":{open}{{"sub":"z"}}{close}"#)
    };
    let large = format!(r#""act":{{"sub":"a1","x":"{}"}}"#, "x".repeat(1 << 20));
    vec![
        member(
            "act twice",
            "malformed_token",
            r#""act":{"sub":"a1"},"act":{"sub":"a2"}"#,
        ),
        member(
            "act twice, once by an escape",
            "malformed_token",
            r#""act":{"sub":"a1"},"\u0061ct":{"sub":"a2"}"#,
        ),
        member("act.sub twice", "malformed_token", r#""act":{"sub":"a1","sub":"a2"}"#),
        member("sub twice", "malformed_token", r#""sub":"u2""#),
        member(
            "act.sub: a lone surrogate",
            "malformed_token",
            r#""act":{"sub":"a\ud800"}"#,
        ),
        member("a member of act of a megabyte", "token_too_long", &large),
        member("10,000 actors", "token_too_long", &nested(10_000)),
        member("100 actors", "token_too_long", &nested(100)),
    ]
}

#[test]
fn each_tricky_input_has_its_outcome() {
    let time = now();
    let issuer = TokenIssuer::new();
    let keys = KeySet::from_json(issuer.document().as_bytes(), Algorithm::all()).unwrap();
    let trusted = TrustedIssuer::new(ISSUER, keys).unwrap().audience(AUDIENCE).unwrap();
    let trusted = trusted.chain_completeness(ChainCompleteness::Complete);
    let builder = Authorizer::builder().issuer(trusted.prior_actors(PriorActors::Enforce));
    let builder = builder.policy(Policy::from_yaml(POLICY).unwrap());
    let authorizer = builder.clock(FixedClock::at(time)).build().unwrap();
    let code = |route: &str, token: &str| {
        let (method, uri) = (Method::GET, route.parse::<Uri>().unwrap());
        let target = Target::new(&method, &uri).unwrap();
        let explanation = authorizer.explain(&Presented::token(&target, token), time);
        let error = explanation.decision().error();
        error.map_or(ALLOWED, |error| error.code())
    };
    let mut failures = Vec::new();
    let mut expect = |input: &str, route: &str, wanted: &str, token: &str| {
        let got = code(route, token);
        if got != wanted {
            failures.push(format!("{input}: {got:?} at {route}, not {wanted:?}"));
        }
    };
    let subjects = [
        malformed_actors(),
        chains(),
        parties(),
        members_of_act(),
        logins(time),
        scopes_and_audiences(),
    ];
    for (input, route, wanted, changes) in subjects.into_iter().flatten() {
        expect(input, route, wanted, &issuer.signed(&claims(changes)));
    }
    for (input, wanted, text) in texts() {
        expect(input, "/any", wanted, &issuer.signed_text(&text));
    }
    let key = issuer.key("es256");
    let twice = header(key).replacen('{', r#"{"typ":"at+jwt","#, 1);
    let header_twice = sign(key, "ES256", twice, claims(json!({})).to_string());
    expect("typ twice in the header", "/any", "malformed_token", &header_twice);
    expect(
        "aud: absent",
        "/any",
        "invalid_claim",
        &issuer.signed(&claims_without("aud")),
    );
    let unknown = issuer.signed(&claims_without("sub_profile"));
    expect("no evidence of a kind", "/human", "initiator_kind_unknown", &unknown);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
