//! The list of revoked tokens at a running gate.

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment};
use crate::mint::{ISSUER, TokenIssuer};
use crate::wire::{self, bearer, request};

fn start(list: &str) -> Deployment {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let upstream = Upstream::start();
    let configuration = Configuration {
        top: "revocations: revoked.yaml\n".to_owned(),
        ..Configuration::default()
    };
    let text = configuration.text(upstream.address(), &key_server);
    let gate = Gate::run_beside(&text, &[("revoked.yaml", list)]);
    gate.wait_until_ready();
    Deployment {
        gate,
        upstream,
        key_server,
        issuer,
    }
}

#[test]
fn a_changed_list_revokes_cached_tokens_and_a_broken_one_leaves_the_last_in_use() {
    let deployment = start("revocations: []\n");
    let gate = &deployment.gate;
    let actors = json!({ "sub": "tool-canary", "sub_profile": "ai_agent",
        "act": { "sub": "planner-canary", "sub_profile": "ai_agent" } });
    let token = deployment.issuer.token(json!({ "act": actors }));
    let other = deployment.issuer.token(json!({}));
    let decide = |token: &str| gate.decide("GET", "/orders/1", token);
    let (allowed, revoked) = ((200, String::new()), (401, "token_revoked".to_owned()));
    assert_eq!([decide(&token), decide(&other)], [allowed.clone(), allowed.clone()]);

    let list =
        format!("revocations:\n  - {{ issuer: '{ISSUER}', actor: planner-canary, before: 9999-01-01T00:00:00Z }}\n");
    gate.write("revoked.yaml", &list);
    gate.wait_until("revoked", || decide(&token) == revoked);
    assert_eq!(decide(&other), allowed);
    let answer = wire::answer(gate.address, &request("GET", "/orders/1", &[&bearer(&token)]));
    let challenge = answer.field("www-authenticate").expect("a challenge");
    assert!(
        challenge.contains("error=\"invalid_token\"") && !answer.everything().contains("canary"),
        "{challenge}"
    );

    for broken in ["", "revocations:\n  - {", "revocations: [{ issuer: a }]"] {
        let said = || {
            let lines = gate.process.stderr().join("\n");
            lines.matches("its last content is in use").count()
        };
        let before = said();
        gate.write("revoked.yaml", broken);
        gate.wait_until("a warning", || said() > before);
        assert_eq!([decide(&token), decide(&other)], [revoked.clone(), allowed.clone()]);
    }
    let jti = crate::deployment::bundled_issuer::claims(&other)["jti"].clone();
    gate.write(
        "revoked.yaml",
        &json!({ "revocations": [{ "issuer": ISSUER, "jti": jti }] }).to_string(),
    );
    gate.wait_until("the other", || decide(&other) == revoked);
    assert_eq!(decide(&token), allowed);
    gate.remove("revoked.yaml");
    let said = |text: &str| gate.process.stderr().join("\n").contains(text);
    gate.wait_until("a warning", || said("cannot be read"));
    assert_eq!(decide(&other), revoked);
}

#[test]
fn a_long_list_is_read_and_one_that_is_refused_shows_in_the_metrics() {
    let entry = format!("- {{ issuer: '{ISSUER}', jti: {} }}\n", "j".repeat(160));
    let list = format!("revocations:\n{}", entry.repeat(6000));
    assert!(list.len() > 1024 * 1024);
    let deployment = start(&list);
    let gate = &deployment.gate;
    let shows = |entries: usize, stale: u8| {
        let answer = wire::answer(gate.admin, &request("GET", "/metrics", &[])).text();
        [
            format!("actgate_revocations {entries}"),
            format!("actgate_revocations_stale {stale}"),
        ]
        .iter()
        .all(|line| answer.lines().any(|found| found == line))
    };
    assert!(shows(6000, 0));
    gate.write("revoked.yaml", "revocations: [{ issuer: a }]");
    gate.wait_until("a stale list", || shows(6000, 1));
    gate.write("revoked.yaml", "revocations: []");
    gate.wait_until("the new list", || shows(0, 0));
}
