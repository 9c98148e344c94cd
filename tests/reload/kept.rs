//! What a reload keeps, and what it waits for.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Client, routes, text, write};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::{TokenIssuer, claims};
use crate::wire;

const SECOND: &str = "https://second.example.com";

/// The configuration with a second issuer.
fn with_second(deployment: &Deployment, key_server: &KeyServer, algorithms: &str) -> String {
    let second = format!(
        "issuers:\n  - issuer: {SECOND}\n    jwks_uri: {}\n    algorithms: [{algorithms}]\n",
        key_server.jwks_uri()
    );
    text(deployment, &routes("orders:read")).replace("issuers:\n", &second)
}

#[test]
fn keys_are_kept_through_an_outage_of_their_issuer() {
    let mut deployment = Deployment::with_policy(&routes("orders:read"));
    deployment.key_server.close();
    for scope in ["orders:write", "orders:read"] {
        write(&deployment, &routes(scope));
        assert_eq!(deployment.gate.reload().0, Some(0));
        let expected = if scope == "orders:read" { 200 } else { 403 };
        assert_eq!(Client::of(&deployment).get("/orders/1"), expected);
        assert_eq!(deployment.gate.readiness(), 200);
    }
    assert_eq!(deployment.key_server.fetches(), 1);
}

#[test]
fn an_issuer_that_is_trusted_anew_has_its_keys_before_its_first_request() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let second = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(second.document()));
    let token = second.signed(&claims(json!({ "iss": SECOND })));
    let ask = || wire::get(deployment.gate.address, "/orders/1", &token).status;
    assert_eq!(ask(), 401);
    for algorithms in ["ES256", "ES256, RS256", "ES256"] {
        deployment
            .gate
            .write("actgate.yaml", &with_second(&deployment, &key_server, algorithms));
        let (code, printed) = deployment.gate.reload();
        assert_eq!(code, Some(0), "{printed}");
        assert_eq!(ask(), 200, "{algorithms}");
    }
    // Each change of how keys are found fetches them again; those of the other issuer are kept.
    assert_eq!((key_server.fetches(), deployment.key_server.fetches()), (3, 1));
    write(&deployment, &routes("orders:read"));
    assert_eq!(deployment.gate.reload().0, Some(0));
    assert_eq!(ask(), 401, "it is trusted no more");
}

#[test]
fn a_configuration_whose_keys_cannot_be_fetched_is_refused() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let key_server = KeyServer::start(Conduct::Status(500, TokenIssuer::new().document()));
    deployment
        .gate
        .write("actgate.yaml", &with_second(&deployment, &key_server, "ES256"));
    let started = Instant::now();
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(78), "{printed}");
    assert!(
        printed.contains(&format!("the signing keys of {SECOND} could not be fetched")),
        "{printed}"
    );
    assert!(started.elapsed() >= Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(
        (deployment.gate.readiness(), Client::of(&deployment).get("/orders/1")),
        (200, 200)
    );
}

#[test]
fn a_gate_without_keys_reads_its_configuration_again() {
    let key_server = KeyServer::start(Conduct::Hanging);
    let configuration = Configuration::of_policy(&routes("orders:read"));
    let deployment = Deployment::start_beside(TokenIssuer::new(), key_server, &configuration);
    assert_eq!(deployment.readiness(), 503);
    write(&deployment, "routes:\n  - match: GET /open/page\n");
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(Client::of(&deployment).get("/open/page"), 503);
}

#[test]
fn the_keys_of_internal_tokens_are_kept() {
    let internal = |header: &str| Configuration {
        policy: routes("orders:read"),
        top: format!("internal_token: {{ issuer: https://gate.internal, header: {header} }}\n"),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &internal("x-internal-token"));
    let jwks = || wire::answer(deployment.gate.admin, &wire::request("GET", "/jwks", &[])).json();
    let before = jwks();
    assert_eq!(before["keys"].as_array().map(Vec::len), Some(2));
    let next = internal("x-other-token").text(deployment.upstream.address(), &deployment.key_server);
    deployment.gate.write("actgate.yaml", &next);
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(jwks(), before);
    assert_eq!(Client::of(&deployment).get("/orders/1"), 200);
    let received = deployment.upstream.since(0).pop().expect("a request");
    assert!(received.has("x-other-token") && !received.has("x-internal-token"));
}
