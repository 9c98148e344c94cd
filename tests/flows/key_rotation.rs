//! Rotation of signing keys: next, active, retired, revoked, at a gate that is not restarted.

use super::{Api, ORDERS, issuer, own_token};
use crate::deployment::bundled_issuer::BundledIssuer;
use crate::mint::parts;
use crate::wire::{self, request};

const POLICY: &str = "
routes:
  - match: GET /orders
    scopes: [orders:read]
";

fn published(issuer: &BundledIssuer) -> Vec<String> {
    let keys = wire::answer(issuer.address, &request("GET", "/jwks", &[])).json();
    let keys = keys["keys"].as_array().expect("keys").iter();
    keys.map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

/// The key id in the header of a token.
pub fn signer(token: &str) -> String {
    use base64::Engine;
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts(token)[0]);
    let header: serde_json::Value = serde_json::from_slice(&header.expect("Base64url")).expect("a header");
    header["kid"].as_str().expect("a kid").to_owned()
}

#[test]
fn keys_from_their_publication_to_their_end() {
    let (issuer, handle) = issuer();
    let orders = Api::protect(&issuer, ORDERS, POLICY);
    let token = || own_token(&issuer, "orch", ORDERS, "orders:read");
    let allowed = |what, token: &str| orders.check(&[(what, "GET /orders", token, "200 allowed", "orch")]);
    let fails = |what: &str, token: &str| {
        orders
            .gate
            .wait_until(what, || orders.send("GET /orders", token).0.status == 401);
        orders.check(&[(what, "GET /orders", token, "401 unknown_key", "")]);
    };

    let first = token();
    allowed("the active key", &first);
    let before = published(&issuer);
    let active = handle.rotate_key().expect("a rotation");
    assert!(before.contains(&active), "the key was published before it signs");
    let second = token();
    assert_eq!(signer(&second), active);
    // The gate knows the key already: it was published as the next one.
    allowed("a token of the next key, which is active now", &second);
    allowed("a token of the retired key", &first);
    assert!(
        published(&issuer).contains(&signer(&first)),
        "a retired key stays published"
    );

    let withdrawn = issuer.administer("POST", &format!("keys/{}/revoke", signer(&first)), "");
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.everything());
    fails("a token of a withdrawn key", &first);
    allowed("a token of the active key", &second);

    // The gate has verified the second token, and has it in its cache.
    let revoked = issuer.administer("POST", &format!("keys/{active}/revoke"), "");
    assert_eq!(revoked.status, 200, "{}", revoked.everything());
    fails("a token of a revoked key", &second);
    allowed("a token of the key that follows", &token());
}
