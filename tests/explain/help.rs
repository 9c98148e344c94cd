//! The help for the most frequent mistakes of a configuration and of a request.

use serde_json::{Value, json};

use super::{check, report};
use crate::check::Files;
use crate::deployment::gate::run_to_end;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};

const ROUTES: &str = "routes:
  - match: GET /orders
    scopes: [orders:read]
  - match: GET /people
    initiator: { kind: human }
  - match: GET /agents
    initiator: { kind: [agent, service] }
  - match: GET /roles
    claims: { roles: admin }
  - match: GET /either
    claims: { roles: { one_of: [admin, staff] } }
  - match: GET /listed
    claims: { roles: { contains: admin } }
";

fn explained(issuer: &str, path: &str, keys: &TokenIssuer, token: &str) -> Value {
    let files = Files::new();
    let config = files.write(
        "actgate.yaml",
        &format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {issuer}\n{ROUTES}"
        ),
    );
    let keys = files.write("keys.json", &keys.document());
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--path", path, "--json",
    ];
    report(&run_to_end(&arguments, token))
}

#[test]
fn a_frequent_mistake_has_its_help() {
    let keys = TokenIssuer::new();
    let token = |changes| keys.token(changes);
    let entra = "https://login.microsoftonline.com/t/v2.0";
    let id_token = "this is an ID token, which is for the client; send the access token";
    for (issuer, path, token, rule, help) in [
        (
            ISSUER,
            "/orders",
            token(json!({ "iss": format!("{ISSUER}/") })),
            "issuer",
            json!("they differ in the slash at the end; write `issuer: https://idp.example.com/`, as the token has it"),
        ),
        (
            "https://idp.example.com/",
            "/orders",
            token(json!({})),
            "issuer",
            json!("they differ in the slash at the end; write `issuer: https://idp.example.com`, as the token has it"),
        ),
        (
            entra,
            "/orders",
            token(json!({ "iss": "https://sts.windows.net/t/" })),
            "issuer",
            json!(
                "this is a token of version 1 of Entra; set `requestedAccessTokenVersion: 2` in the manifest of the API"
            ),
        ),
        (
            ISSUER,
            "/orders",
            token(json!({ "iss": "https://other.example" })),
            "issuer",
            Value::Null,
        ),
        (
            ISSUER,
            "/orders",
            token(json!({ "aud": "api://orders" })),
            "audience",
            json!(
                "request a token for the audience of this API at the issuer; or write `audience: api://orders`, if it means this API"
            ),
        ),
        (
            ISSUER,
            "/orders",
            token(json!({ "aud": ["a", "b"] })),
            "audience",
            json!(
                "request a token for the audience of this API at the issuer; or write what the token has in `aud` as `audience`, if it means this API"
            ),
        ),
        (
            ISSUER,
            "/orders",
            token(json!({ "nonce": "n" })),
            "claims",
            json!(id_token),
        ),
        (
            ISSUER,
            "/orders",
            token(json!({ "at_hash": "h" })),
            "claims",
            json!(id_token),
        ),
        (
            ISSUER,
            "/orders",
            "v1.opaque".to_owned(),
            "form",
            json!(
                "this may be an opaque token; request the access token for the audience of this API, and configure the issuer for JWT access tokens"
            ),
        ),
        (
            ISSUER,
            "/roles",
            token(json!({ "roles": ["admin"] })),
            "GET /roles: claims.roles",
            json!("the claim is a list; write `{ contains: \"admin\" }`"),
        ),
        (
            ISSUER,
            "/either",
            token(json!({ "roles": ["admin"] })),
            "GET /either: claims.roles",
            json!("the claim is a list; write one alternative of `any_of` for each value, with `{ contains: VALUE }`"),
        ),
        (
            ISSUER,
            "/listed",
            token(json!({ "roles": ["staff"] })),
            "GET /listed: claims.roles",
            Value::Null,
        ),
        (
            ISSUER,
            "/roles",
            token(json!({ "roles": "staff" })),
            "GET /roles: claims.roles",
            Value::Null,
        ),
        (
            ISSUER,
            "/people",
            token(json!({ "sub_profile": "other" })),
            "GET /people: initiator.kind",
            json!(
                "no evidence; a person is proven by `sub_profile` is the entity profile `user`; or add `kinds: { human: [{ claims: { CLAIM: VALUE } }] }` to the issuer"
            ),
        ),
        (
            &format!("{ISSUER}\n    profile: hydra"),
            "/people",
            keys.token_with_header_changed(json!({ "typ": "JWT" })),
            "GET /people: initiator.kind",
            json!(
                "no evidence; no claim proves a person in this profile; add `kinds: { human: [{ claims: { CLAIM: VALUE } }] }` to the issuer"
            ),
        ),
        (
            ISSUER,
            "/agents",
            token(json!({})),
            "GET /agents: initiator.kind",
            Value::Null,
        ),
    ] {
        let report = explained(issuer, path, &keys, &token);
        let check = check(&report, rule);
        assert_eq!(check["passed"], json!(false), "{report}");
        let found = check.get("help").cloned().unwrap_or_default();
        assert_eq!(found, help, "{report}");
    }
}
