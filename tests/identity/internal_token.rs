//! The signed internal token: what the upstream receives, and who accepts it.

use std::net::SocketAddr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::mint::{ISSUER, TokenIssuer, chain, now, parts};
use crate::table::{BAD_REQUEST, Table};
use crate::wire::{self, bearer, request};

const INTERNAL: &str = "https://gate.internal";

fn deployment(line: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("internal_token: {line}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn decoded(part: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(part).expect("Base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The JWK set that a gate publishes.
fn published(admin: SocketAddr) -> Vec<Value> {
    let answer = wire::answer(admin, &request("GET", "/jwks", &[]));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.field("content-type").as_deref(),
        Some("application/jwk-set+json")
    );
    assert_eq!(answer.field("cache-control").as_deref(), Some("public, max-age=60"));
    answer.json()["keys"].as_array().expect("keys").clone()
}

/// Verifies a token as an upstream does: by the key that its `kid` names. Returns its claims.
fn verified(token: &str, keys: &[Value]) -> Value {
    let [header, payload, signature] = parts(token);
    let named = decoded(header);
    assert_eq!(
        (&named["alg"], &named["typ"]),
        (&json!("ES256"), &json!("actgate-internal+jwt"))
    );
    let key = keys
        .iter()
        .find(|key| key["kid"] == named["kid"])
        .expect("the key is published");
    let coordinate = |name: &str| {
        URL_SAFE_NO_PAD
            .decode(key[name].as_str().expect("a coordinate"))
            .expect("Base64url")
    };
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("Base64url");
    let message = format!("{header}.{payload}");
    let checked = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &signature);
    assert!(checked.is_ok(), "the signature is valid");
    decoded(payload)
}

/// The internal tokens of the one request that `fields` make.
fn received(gate: SocketAddr, upstream: &Upstream, target: &str, fields: &[&str]) -> Vec<String> {
    let before = upstream.count();
    let answer = wire::answer(gate, &request("GET", target, fields));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    upstream.since(before)[0].head.values("x-internal-token")
}

#[test]
fn the_upstream_verifies_the_identity_by_the_keys_of_the_admin_listener() {
    let deployment = deployment(&format!("{{ issuer: {INTERNAL}, audience: https://orders.internal }}"));
    let (gate, upstream) = (&deployment.gate, &deployment.upstream);
    let caller = deployment
        .issuer
        .token(json!({ "act": chain(&["tool", "orchestrator"]), "txn": "t-1" }));
    let access = decoded(parts(&caller)[1]);
    let tokens = received(gate.address, upstream, "/orders/1", &[&bearer(&caller)]);
    assert_eq!(tokens.len(), 1);
    let claims = verified(&tokens[0], &published(gate.admin));
    assert_eq!(claims["iss"], INTERNAL);
    assert_eq!(claims["aud"], "https://orders.internal");
    assert_eq!(claims["sub"], access["sub"]);
    assert_eq!(
        claims["sub_id"],
        json!({ "format": "iss_sub", "iss": ISSUER, "sub": access["sub"] })
    );
    assert_eq!(claims["act"]["sub"], "tool");
    assert_eq!(claims["act"]["iss"], ISSUER);
    assert_eq!(claims["act"]["act"]["sub"], "orchestrator");
    assert_eq!(claims["txn"], "t-1");
    let expires = claims["exp"].as_u64().expect("a date");
    assert!(expires > now() && expires <= now() + 60);

    assert_eq!(
        received(gate.address, upstream, "/orders/2", &[&bearer(&caller)]),
        tokens,
        "signed once"
    );
    assert!(received(gate.address, upstream, "/open/page", &[&bearer(&caller)]).is_empty());
}

#[test]
fn the_life_ends_when_the_access_token_is_no_longer_accepted() {
    let deployment = deployment(&format!("{{ issuer: {INTERNAL}, lifetime: 15m }}"));
    // The second one is accepted within the leeway, which is 30 s.
    for expires in [now() + 100, now() - 5] {
        let caller = deployment.issuer.token(json!({ "exp": expires }));
        let tokens = received(
            deployment.gate.address,
            &deployment.upstream,
            "/orders/1",
            &[&bearer(&caller)],
        );
        let claims = verified(&tokens[0], &published(deployment.gate.admin));
        assert_eq!(claims["exp"], expires + 30);
        assert!(claims["iat"].as_u64() < claims["exp"].as_u64());
        assert_eq!(claims["aud"], format!("http://{}", deployment.upstream.address()));
    }
}

#[test]
fn no_client_sends_or_strips_the_header() {
    let deployment = deployment(&format!("{{ issuer: {INTERNAL} }}"));
    let valid = deployment.reader();
    let (gate, upstream) = (deployment.gate.address, &deployment.upstream);
    for name in [
        "X-Internal-Token",
        "x-internal-token",
        "X_INTERNAL_TOKEN",
        "x-internal_token",
        "X.Internal.Token",
    ] {
        let line = format!("{name}: forged");
        let before = upstream.count();
        assert_eq!(received(gate, upstream, "/orders/1", &[&valid, &line, &line]).len(), 1);
        assert!(received(gate, upstream, "/open/page", &[&line]).is_empty());
        for one in upstream.since(before) {
            let values = one.head.fields.iter().map(|(_, value)| value.as_slice());
            assert!(!values.into_iter().any(|value| value == b"forged"), "{name}");
        }
    }
    let mut table = Table::on(&deployment);
    for name in ["X-Internal-Token", "x_internal_token"] {
        let line = format!("Connection: close, {name}");
        table.request(&line, &request("GET", "/orders/1", &[&valid, &line]), BAD_REQUEST);
    }
    table.finish();
}

/// A gate that trusts the internal tokens of the one with this admin listener.
fn behind(admin: SocketAddr, upstream: &Upstream, lines: &str) -> Gate {
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: https://orders.internal\nissuers:\n  \
         - issuer: {INTERNAL}\n    jwks_uri: http://{admin}/jwks\n{lines}{ROUTES}",
        upstream.address()
    ));
    gate.wait_until_ready();
    gate
}

#[test]
fn it_is_an_access_token_only_where_a_profile_says_so() {
    let first = deployment(&format!("{{ issuer: {INTERNAL}, audience: https://orders.internal }}"));
    let caller = first
        .issuer
        .token(json!({ "sub_profile": "user", "act": chain(&["tool"]) }));
    let token = received(first.gate.address, &first.upstream, "/orders/1", &[&bearer(&caller)]).remove(0);

    let answer = wire::get(first.gate.address, "/orders/1", &token);
    assert_eq!(answer.status, 401, "the gate does not trust itself");

    let second = behind(first.gate.admin, &first.upstream, "");
    let answer = wire::get(second.address, "/orders/1", &token);
    assert_eq!(answer.status, 401, "not a type of access tokens");
    let reason = second.decision_after(0)["reason"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        reason.starts_with("the `typ` in the header of the token is"),
        "{reason}"
    );

    let profile = "    profile: { access_token: { typ: actgate-internal+jwt } }\n    chain_completeness: complete\n";
    let third = behind(first.gate.admin, &first.upstream, profile);
    let before = first.upstream.count();
    assert_eq!(wire::get(third.address, "/orders/1", &token).status, 200);
    let chain = first.upstream.since(before)[0]
        .head
        .value("x-auth-chain")
        .expect("the chain");
    let chain: Value = serde_json::from_str(&chain).expect("JSON");
    assert_eq!(chain["initiator"]["kind"], "human");
    assert_eq!(
        chain["actors"],
        json!([{ "iss": ISSUER, "sub": "tool", "kind": "agent" }])
    );
}

#[test]
fn a_changed_key_file_is_published_before_it_signs_and_a_broken_one_keeps_the_old() {
    let keys = [pem(), pem()];
    let upstream = Upstream::start();
    let server = crate::deployment::key_server::KeyServer::start(crate::deployment::key_server::Conduct::Publish(
        TokenIssuer::new().document(),
    ));
    let configuration = Configuration {
        top: format!("internal_token: {{ issuer: {INTERNAL}, key_file: internal.pem }}\n"),
        ..Configuration::default()
    };
    let text = configuration.text(upstream.address(), &server);
    let gate = Gate::run_beside(&text, &[("internal.pem", &keys[0])]);
    let first = published(gate.admin);
    assert_eq!(first.len(), 1);
    gate.write("internal.pem", "no key");
    let reported = "the changed file cannot be used; its last content is";
    gate.process.wait_for_line(&[reported]);
    assert_eq!(published(gate.admin), first);
    gate.write("internal.pem", &keys[1]);
    gate.wait_until("published", || published(gate.admin).len() == 2);
    assert_eq!(published(gate.admin)[0], first[0], "the first key still signs");
    assert!(!gate.process.stderr().join("\n").contains("PRIVATE"));
}

/// A private key on P-256 in PKCS #8.
fn pem() -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    crate::mint::certificate::pem("PRIVATE KEY", document.expect("a key").as_ref())
}
