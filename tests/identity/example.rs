//! The example of a token exchange: its gate with its issuer, started and used.

use std::fs;

use serde_json::json;

use crate::deployment::bundled_issuer::{BundledIssuer, access_token, claims};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::schemas::SCHEMA_LINE;
use crate::structure::source::root;
use crate::wire;

#[test]
fn the_example_of_a_token_exchange_is_enough() {
    let folder = root().join("sidecar/examples/token-exchange");
    let text = fs::read_to_string(folder.join("actgate.yaml")).expect("the example");
    let lines = text.lines().filter(|line| !line.starts_with(SCHEMA_LINE));
    assert!(lines.count() <= 15, "{text}");
    let issuer = BundledIssuer::start_with_registry(&folder.join("registry.yaml"));
    let upstream = Upstream::start();
    let text = [
        ("0.0.0.0:8080", "127.0.0.1:0\nadmin: 127.0.0.1:0".to_owned()),
        ("127.0.0.1:9000", upstream.address().to_string()),
        ("127.0.0.1:9400", issuer.address.to_string()),
    ]
    .into_iter()
    .fold(text, |text, (written, address)| {
        assert!(text.contains(written), "{written}");
        text.replace(written, &address)
    });
    let gate = Gate::run_beside(&text, &[("gate.secret", "gate-secret\n")]);
    gate.wait_until_ready();
    let caller = access_token(&issuer.client_credentials("agent", "https://gate.example", "orders:read"));
    let answer = wire::get(gate.address, "/orders/1", &caller);
    let log = gate.process.stderr().join("\n");
    assert_eq!(answer.status, 200, "{}\n{log}", answer.everything());
    let received = upstream.since(0).remove(0);
    let authorization = received.head.value("authorization").expect("a token");
    let exchanged = claims(authorization.strip_prefix("Bearer ").expect("a bearer token"));
    assert_eq!(
        (&exchanged["aud"], &exchanged["sub"], &exchanged["act"]["sub"]),
        (&json!("https://api.internal"), &json!("agent"), &json!("gate"))
    );
}
