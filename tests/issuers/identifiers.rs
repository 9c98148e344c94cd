//! Issuers that are no URL, and several issuers whose keys have the same id.

use serde_json::json;

use super::Issuer;
use crate::deployment::gate::Gate;
use crate::mint::{TokenIssuer, claims};
use crate::wire::{self, bearer};

#[test]
fn an_issuer_with_a_jwks_uri_is_any_text() {
    let names = [
        "rke",
        "P2YuAbCdEf",
        "spiffe://td.example",
        "accounts.example.com",
        "kubernetes/serviceaccount",
    ];
    let issuers = names.map(Issuer::named);
    let gate = super::gate(&issuers, "");
    gate.wait_until_ready();
    for issuer in &issuers {
        for time in ["fresh", "cached"] {
            assert_eq!(issuer.status(&gate, &issuer.token()), 200, "{} {time}", issuer.name);
        }
        for other in [
            format!("{}/", issuer.name),
            issuer.name.to_uppercase(),
            format!("https://{}", issuer.name),
        ] {
            if names.contains(&&*other) {
                continue;
            }
            let token = issuer.signer.signed(&claims(json!({ "iss": other })));
            assert_eq!(issuer.status(&gate, &token), 401, "{other}");
        }
    }
}

/// Every key of these issuers is named `es256`.
#[test]
fn a_key_of_one_issuer_verifies_no_token_of_another() {
    let issuers = ["https://one.example", "https://two.example", "three"].map(Issuer::named);
    let gate = super::gate(&issuers, "");
    gate.wait_until_ready();
    let exchanged = |gate: &Gate| {
        for issuer in &issuers {
            for other in issuers.iter().filter(|other| other.name != issuer.name) {
                let token = issuer.signer.signed(&claims(json!({ "iss": other.name })));
                for time in ["first", "again"] {
                    let answer = wire::get(gate.address, "/orders/1", &token);
                    let who = format!("{} as {}, {time}", issuer.name, other.name);
                    assert_eq!(answer.status, 401, "{who}");
                }
            }
        }
    };
    exchanged(&gate);
    let tokens = issuers.each_ref().map(Issuer::token);
    for token in tokens.iter().chain(&tokens) {
        assert_eq!(wire::get(gate.address, "/orders/1", token).status, 200);
    }
    exchanged(&gate);
    // The claims of a cached token under the signature of another issuer.
    let [one, two, _] = &issuers;
    let payload = claims(json!({ "iss": one.name }));
    let good = one.signer.signed(&payload);
    assert_eq!(one.status(&gate, &good), 200);
    assert_eq!(one.status(&gate, &two.signer.signed(&payload)), 401);
    let events = gate.decisions();
    let codes: Vec<_> = events.iter().filter_map(|event| event["code"].as_str()).collect();
    assert!(codes.iter().all(|code| *code == "invalid_signature"), "{codes:?}");
}

/// A key that only another issuer has is unknown.
#[test]
fn the_key_id_of_another_issuer_is_unknown() {
    let other = Issuer {
        signer: TokenIssuer::of_every_kind(),
        ..Issuer::named("other")
    };
    let one = Issuer::named("https://one.example");
    let issuers = [one, other.republished()];
    let gate = super::gate(&issuers, "");
    gate.wait_until_ready();
    let key = issuers[1].signer.key("es256-other");
    let of = |name: &str| {
        let payload = claims(json!({ "iss": name })).to_string();
        crate::mint::sign(key, "ES256", crate::mint::header(key), payload)
    };
    assert_eq!(wire::get(gate.address, "/orders/1", &of("other")).status, 200);
    let answer = wire::answer(
        gate.address,
        &wire::request("GET", "/orders/1", &[&bearer(&of("https://one.example"))]),
    );
    assert_eq!(answer.status, 401);
    gate.wait_until("denied for its key", || {
        gate.decisions()
            .iter()
            .any(|event| event["code"] == json!("unknown_key"))
    });
}
