//! ID tokens and other tokens that are no access tokens, as Bearer.

use serde_json::{Value, json};

use super::{Api, ORDERS, U1_BY_PASSWORD, issuer};
use crate::deployment::Deployment;
use crate::deployment::bundled_issuer::{access_token, claims, refresh_token};
use crate::mint;

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read]
  - match: GET /any
";

const SCOPE: &str = "openid offline_access orders:read";

#[test]
fn tokens_of_a_login_that_are_no_access_tokens() {
    let (issuer, _) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    let of_client = Api::protect(&issuer, "orch", POLICY);
    let answer = issuer.sign_in("orch", U1_BY_PASSWORD, ORDERS, SCOPE);
    let (access, refresh) = (access_token(&answer), refresh_token(&answer));
    let id = answer.json()["id_token"].as_str().expect("an ID token").to_owned();
    let asked = [
        ("scope", "openid orders:read"),
        ("resource", ORDERS),
        ("login_hint", "u1"),
    ];
    let request = issuer.post_as("orch", "/bc-authorize", &asked).json();
    let request = request["auth_req_id"].as_str().expect("an identifier").to_owned();
    orders.check(&[
        ("the access token", "GET /orders", &access, "200 allowed", "u1 > orch"),
        ("the ID token", "GET /any", &id, "401 invalid_claim", ""),
        ("the refresh token", "GET /any", &refresh, "401 malformed_token", ""),
        (
            "the identifier of a request",
            "GET /any",
            &request,
            "401 malformed_token",
            "",
        ),
    ]);
    of_client.check(&[("the ID token at its audience", "GET /any", &id, "401 invalid_claim", "")]);

    let (of_id, of_access) = (claims(&id), claims(&access));
    assert_eq!((&of_id["aud"], &of_id["nonce"]), (&json!("orch"), &json!("n-1")));
    assert!(of_id["at_hash"].is_string() && of_id["auth_time"].is_u64());
    assert!(of_id.get("scope").is_none() && of_id.get("act").is_none(), "{of_id}");
    // What a client checks of an ID token (OpenID Connect Core section 3.1.3.7) fails with the access token.
    assert!(
        of_access["aud"] != "orch" && of_access.get("nonce").is_none(),
        "{of_access}"
    );
}

#[test]
fn signed_tokens_of_each_other_kind_with_the_audience_of_the_api_and_an_actor() {
    let deployment = Deployment::with_policy(POLICY);
    let key = deployment.issuer.key("es256");
    let send = |changes: Value, typ: &str| {
        let claims = mint::claims(changes);
        let mut header: Value = serde_json::from_str(&mint::header(key)).expect("a header");
        header["typ"] = json!(typ);
        let token = mint::sign(key, "ES256", header.to_string(), claims.to_string());
        deployment.status("/any", &token)
    };
    let act = json!({ "act": { "sub": "orch", "sub_profile": "ai_agent" } });
    assert_eq!(send(act.clone(), "at+jwt"), 200, "an access token");
    let id_token = json!({ "act": { "sub": "orch" }, "nonce": "n-1", "at_hash": "x", "auth_time": mint::now() });
    for (what, changes, typ) in [
        ("an ID token", &id_token, "JWT"),
        ("an ID token as an access token", &id_token, "at+jwt"),
        ("a logout token", &act, "logout+jwt"),
        ("a DPoP proof", &act, "dpop+jwt"),
        ("an ID-JAG", &act, "oauth-id-jag+jwt"),
        ("a transaction token", &act, "txntoken+jwt"),
        ("a security event", &act, "secevent+jwt"),
        ("an introspection response", &act, "token-introspection+jwt"),
        ("a client attestation", &act, "oauth-client-attestation+jwt"),
    ] {
        assert_eq!(send(changes.clone(), typ), 401, "{what}");
    }
}
