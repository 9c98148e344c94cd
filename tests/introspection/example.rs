//! The example of introspection and of a list of revoked tokens: its gate with its issuer, started and used.

use std::fs;

use serde_json::json;

use crate::deployment::bundled_issuer::{BundledIssuer, access_token};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::structure::source::root;
use crate::wire::get;

#[test]
fn the_example_of_introspection_is_enough() {
    let folder = root().join("sidecar/examples/introspection");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("the example");
    let text = read("actgate.yaml");
    assert!(
        text.lines().filter(|line| !line.starts_with('#')).count() <= 15,
        "{text}"
    );
    let issuer = BundledIssuer::start_with_registry(&folder.join("registry.yaml"));
    let upstream = Upstream::start();
    let text = [
        ("0.0.0.0:8080", "127.0.0.1:0\nadmin: 127.0.0.1:0".to_owned()),
        ("127.0.0.1:9000", upstream.address().to_string()),
        ("127.0.0.1:9400", issuer.address.to_string()),
        ("cache: 10s", "cache: 50ms".to_owned()),
    ]
    .into_iter()
    .fold(text, |text, (written, address)| {
        assert!(text.contains(written), "{written}");
        text.replace(written, &address)
    });
    let revoked = read("revoked.yaml").replace("127.0.0.1:9400", &issuer.address.to_string());
    let gate = Gate::run_beside(&text, &[("gate.secret", "gate-secret\n"), ("revoked.yaml", &revoked)]);
    gate.wait_until_ready();
    let token = || access_token(&issuer.client_credentials("agent", "https://api.example", "orders:read"));
    let (one, other) = (token(), token());
    let decide = |token: &str| gate.decide("GET", "/orders/1", token);
    assert_eq!(
        decide(&one),
        (200, String::new()),
        "{}",
        gate.process.stderr().join("\n")
    );

    assert_eq!(issuer.post_as("agent", "/revoke", &[("token", &one)]).status, 200);
    gate.wait_until("inactive", || decide(&one) == (401, "token_inactive".to_owned()));
    assert_eq!(get(gate.address, "/orders/1", &other).status, 200);

    let list =
        json!({ "revocations": [{ "issuer": issuer.url(), "party": "agent", "before": "9999-01-01T00:00:00Z" }] });
    gate.write("revoked.yaml", &list.to_string());
    gate.wait_until("revoked", || decide(&other) == (401, "token_revoked".to_owned()));
}
