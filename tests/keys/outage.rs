//! A failing key endpoint: known keys are used up to `max_stale`, and recovery needs no restart.

use serde_json::{Value, json};

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{BRISK, Configuration, Deployment, Trust};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{TokenIssuer, claims, header, sign, token_of};
use crate::wire::{self, request};

fn text(conduct: &[&SigningKey]) -> String {
    let keys: Vec<_> = conduct.iter().map(|key| key.jwk(Some("ES256"))).collect();
    json!({ "keys": keys }).to_string()
}

fn json_body(value: Value) -> Conduct {
    Conduct::Body("application/json", value.to_string().into_bytes())
}

/// Every way to fail, with an untrusted key wherever an answer can contain one.
fn bad(untrusted: &SigningKey, elsewhere: &KeyServer) -> Vec<(&'static str, Conduct)> {
    let document = text(&[untrusted]);
    let page = format!("<!doctype html><title>Sign in</title><pre>{document}</pre>");
    let wrong = |keys: Value| json_body(json!({ "keys": keys }));
    vec![
        ("status 500", Conduct::Status(500, document.clone())),
        ("status 503", Conduct::Status(503, document.clone())),
        ("status 404", Conduct::Status(404, document.clone())),
        ("status 401", Conduct::Status(401, document.clone())),
        ("status 201", Conduct::Status(201, document.clone())),
        ("status 206", Conduct::Status(206, document.clone())),
        ("HTML", Conduct::Body("text/html", page.into_bytes())),
        ("an empty body", Conduct::Body("application/json", Vec::new())),
        ("an empty set", wrong(json!([]))),
        ("no keys", json_body(json!({}))),
        ("keys null", wrong(Value::Null)),
        ("keys an object", wrong(untrusted.jwk(None))),
        ("keys text", wrong(json!(document))),
        (
            "keys of another name",
            json_body(json!({ "Keys": [untrusted.jwk(None)] })),
        ),
        ("a list at the top", json_body(json!([untrusted.jwk(None)]))),
        (
            "only unusable keys",
            wrong(json!([{ "kty": "oct", "k": "AAAA" }, { "kty": "AKP" }])),
        ),
        (
            "invalid JSON",
            Conduct::Body("application/json", format!("{document}}}").into_bytes()),
        ),
        (
            "keys twice",
            Conduct::Body(
                "application/json",
                format!("{{\"keys\":[],{}", &document[1..]).into_bytes(),
            ),
        ),
        ("cut JSON", Conduct::Cut(document.clone())),
        ("huge", Conduct::Huge),
        ("dripping", Conduct::Dripping),
        ("hanging", Conduct::Hanging),
        ("redirecting to untrusted keys", Conduct::Redirect(elsewhere.jwks_uri())),
    ]
}

#[test]
fn invalid_answers_change_no_key() {
    let untrusted = SigningKey::ec("untrusted", Curve::P256);
    let elsewhere = KeyServer::start(Conduct::Publish(text(&[&untrusted])));
    let first = SigningKey::ec("first", Curve::P256);
    let start = Conduct::Publish(text(&[&first]));
    let deployment = Deployment::start_cold(TokenIssuer::new(), start, &Configuration::of_issuer(BRISK));
    deployment.wait_until_ready();
    let known = token_of(&first, "ES256");
    assert_eq!(deployment.status("/orders/1", &known), 200);
    let mut failures = Vec::new();
    for (what, conduct) in bad(&untrusted, &elsewhere) {
        let fetches = deployment.key_server.fetches();
        deployment.key_server.conduct(conduct);
        deployment.key_server.wait_for_fetch_after(fetches);
        // An unknown kid causes a fetch of the invalid answer.
        let statuses = |token: &str| deployment.status("/orders/1", token);
        let forged = statuses(&token_of(&untrusted, "ES256"));
        let again = statuses(&token_of(&untrusted, "ES256"));
        let fresh = statuses(&token_of(&first, "ES256"));
        let seen = [statuses(&known), fresh, forged, again];
        if seen != [200, 200, 401, 401] {
            failures.push(format!("{what}: known, fresh, forged, again: {seen:?}"));
        }
        let next = SigningKey::ec(what, Curve::P256);
        let published = text(&[&first, &next]);
        deployment.key_server.conduct(Conduct::Publish(published));
        let token = token_of(&next, "ES256");
        deployment.wait_until(&format!("recovered from {what}"), || {
            deployment.status("/orders/1", &token) == 200
        });
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn known_keys_are_used_while_connections_fail() {
    let key = SigningKey::ec("1", Curve::P256);
    let start = Conduct::Publish(text(&[&key]));
    let mut deployment = Deployment::start_cold(TokenIssuer::new(), start, &Configuration::of_issuer(BRISK));
    deployment.wait_until_ready();
    let known = token_of(&key, "ES256");
    let untrusted = token_of(&SigningKey::ec("2", Curve::P256), "ES256");
    deployment.key_server.close();
    for _ in 0..20 {
        assert_eq!(deployment.status("/orders/1", &known), 200);
        assert_eq!(deployment.status("/orders/1", &untrusted), 401);
    }
    let next = SigningKey::ec("3", Curve::P256);
    deployment.key_server.conduct(Conduct::Publish(text(&[&next])));
    deployment.key_server.reopen();
    let token = token_of(&next, "ES256");
    deployment.wait_until("recovered", || deployment.status("/orders/1", &token) == 200);
}

/// A failed fetch repeats discovery; a discovery document of another issuer changes no key.
#[test]
fn a_discovery_document_of_another_issuer_changes_no_key() {
    let (own, untrusted) = (SigningKey::ec("1", Curve::P256), SigningKey::ec("2", Curve::P256));
    let configuration = Configuration {
        trust: Trust::Discovery,
        ..Configuration::of_issuer(BRISK)
    };
    let start = Conduct::Publish(text(&[&own]));
    let deployment = Deployment::start_cold(TokenIssuer::new(), start, &configuration);
    deployment.wait_until_ready();
    let issuer = deployment.key_server.url();
    let of = |key: &SigningKey| {
        let claims = claims(json!({ "iss": issuer })).to_string();
        sign(key, "ES256", header(key), claims)
    };
    assert_eq!(deployment.status("/orders/1", &of(&own)), 200);
    let fetches = deployment.key_server.fetches();
    deployment.key_server.conduct(Conduct::Status(500, String::new()));
    deployment.key_server.wait_for_fetch_after(fetches);
    deployment.key_server.claim_to_be("https://untrusted.example.com");
    let of_metadata = |target: &String| target.starts_with("/.well-known/");
    let asked = || deployment.key_server.requests().into_iter().filter(of_metadata).count();
    let before = asked();
    deployment.key_server.conduct(Conduct::Publish(text(&[&untrusted])));
    deployment.wait_until("discovery is requested again", || {
        let _ = deployment.status("/orders/1", &of(&untrusted));
        asked() > before + 1
    });
    assert_eq!(
        deployment.status("/orders/1", &of(&own)),
        200,
        "known keys are still used"
    );
    assert_eq!(
        deployment.status("/orders/1", &of(&untrusted)),
        401,
        "untrusted keys are not used"
    );
}

#[test]
fn keys_older_than_max_stale_are_not_used() {
    let key = SigningKey::ec("1", Curve::P256);
    let lines = "    keys: { refresh: 200ms, cooldown: 100ms, timeout: 500ms, max_stale: 2s }\n";
    let start = Conduct::Publish(text(&[&key]));
    let deployment = Deployment::start_cold(TokenIssuer::new(), start, &Configuration::of_issuer(lines));
    deployment.wait_until_ready();
    let token = token_of(&key, "ES256");
    assert_eq!(deployment.status("/orders/1", &token), 200);
    deployment.key_server.conduct(Conduct::Status(500, String::new()));
    let mut accepted = 0;
    deployment.wait_until("stale", || match deployment.status("/orders/1", &token) {
        200 => {
            accepted += 1;
            false
        }
        status => {
            assert_eq!(status, 503, "an outage of keys is a server error");
            true
        }
    });
    assert!(accepted > 3, "known tokens were accepted {accepted} times only");
    let answer = wire::get(deployment.gate.address, "/orders/1", &token);
    let wait: u32 = answer
        .field("retry-after")
        .expect("Retry-After")
        .parse()
        .expect("seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(answer.field("www-authenticate"), None);
    let open = wire::answer(deployment.gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(open.status, 200, "public routes are answered");
    let bare = wire::answer(deployment.gate.address, &request("GET", "/orders/1", &[]));
    assert_eq!(bare.status, 401, "bare challenges are answered");
    assert_eq!(deployment.readiness(), 503);
    deployment.key_server.conduct(Conduct::Publish(text(&[&key])));
    deployment.wait_until_ready();
    assert_eq!(
        deployment.status("/orders/1", &token),
        200,
        "recovered without a restart"
    );
}
