//! Step-up: a challenge for a newer or a stronger login, and the login that answers it.

use super::{Api, ORDERS, U1, U1_BY_PASSWORD, issuer};
use crate::deployment::bundled_issuer::access_token;
use crate::wire::challenge::Challenge;

const POLICY: &str = "
routes:
  - match: POST /orders
    scopes: [orders:write]
    initiator: { kind: human, acr: aal2, max_auth_age: 5m }
";

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123456789";
const SCOPE: &str = "openid orders:write";

#[test]
fn a_challenge_is_answered_with_a_new_login() {
    let (issuer, handle) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    let weak = access_token(&issuer.sign_in("web", U1_BY_PASSWORD, ORDERS, SCOPE));
    handle.set_clock_offset(-400);
    let old = access_token(&issuer.sign_in("web", U1, ORDERS, SCOPE));
    handle.set_clock_offset(0);
    let mut challenges = Vec::new();
    for (what, token, code, parameter, value) in [
        ("a login by password", &weak, "acr_not_met", "acr_values", "aal2"),
        ("an old login", &old, "auth_too_old", "max_age", "300"),
    ] {
        let (answer, event) = orders.send("POST /orders", token);
        assert_eq!((answer.status, event["code"].as_str()), (401, Some(code)), "{what}");
        let challenge = answer.field("www-authenticate").expect("a challenge");
        let challenge = Challenge::parse(&challenge).expect("a challenge");
        assert_eq!(
            challenge.parameter("error"),
            Some("insufficient_user_authentication"),
            "{what}"
        );
        assert_eq!(challenge.parameter(parameter), Some(value), "{what}");
        challenges.push((parameter, value));
    }
    // The client repeats its request with the parameters of the challenges: the password alone is not enough.
    let query = issuer.authorization_query("web", ORDERS, SCOPE, VERIFIER, &challenges);
    let page = crate::wire::answer(
        issuer.address,
        &crate::wire::request("GET", &format!("/authorize?{query}"), &["Host: localhost"]),
    );
    let login = [("username", "u1".to_owned()), ("password", "password-of-u1".to_owned())];
    let again = issuer.submit(&page, "/login", &login);
    assert!(again.text().contains("needs the one-time code"), "{}", again.text());
    let code = issuer.code_in(&issuer.through_pages(&query, U1), "web");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", "https://web.example/callback"),
        ("code_verifier", VERIFIER),
    ];
    let token = access_token(&issuer.token("web", &form));
    orders.check(&[("after the new login", "POST /orders", &token, "200 allowed", "u1")]);
}
