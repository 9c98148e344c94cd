//! Denials of one code and one client have so many lines, and the next one has the number of the others.

use serde_json::{Value, json};

use super::{deployment, events};
use crate::wire::{self, request};

#[test]
fn denials_beyond_the_rate_are_counted() {
    let mut deployment = deployment("sample: 5/h");
    let token = deployment.reader();
    let send =
        |target: &str, fields: &[&str]| wire::answer(deployment.gate.address, &request("GET", target, fields)).status;
    for _ in 0..12 {
        assert_eq!(send("/orders/1", &[]), 401);
        assert_eq!(send("/orders/1", &[&token]), 200);
        assert_eq!(send("/nowhere", &[&token]), 403);
    }
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    let events = events(&deployment.gate.path("logs"));
    let of = |code: Value| events.iter().filter(|event| event["code"] == code).count();
    assert_eq!(
        (of(json!(null)), of(json!("missing_token")), of(json!("no_route"))),
        (12, 5, 5)
    );
    assert!(events.iter().all(|event| event.get("left_out").is_none()));
    let log = deployment.gate.process.stderr().join("\n");
    assert!(log.contains("left_out=14"), "{log}");
}

#[test]
fn the_next_line_has_the_number() {
    let deployment = deployment("sample: 1/s");
    let send = || wire::answer(deployment.gate.address, &request("GET", "/orders/1", &[])).status;
    let folder = deployment.gate.path("logs");
    let mut sent = 0;
    deployment.wait_until("counted", || {
        assert_eq!(send(), 401);
        sent += 1;
        events(&folder).iter().any(|event| event["left_out"].is_u64())
    });
    let events = events(&folder);
    let left_out: u64 = events.iter().filter_map(|event| event["left_out"].as_u64()).sum();
    assert!(
        left_out > 0 && events.len() as u64 + left_out <= sent,
        "{left_out} of {sent}: {events:?}"
    );
}

#[test]
fn a_reload_changes_the_rate() {
    let deployment = deployment("sample: 1/h");
    let folder = deployment.gate.path("logs");
    let send = || wire::answer(deployment.gate.address, &request("GET", "/orders/1", &[])).status;
    assert_eq!((send(), send()), (401, 401));
    let text = deployment.gate.read("actgate.yaml").expect("the configuration");
    deployment.gate.write("actgate.yaml", &text.replace("1/h", "100/s"));
    assert_eq!(deployment.gate.reload().0, Some(0));
    for _ in 0..10 {
        assert_eq!(send(), 401);
    }
    deployment.wait_until("written", || events(&folder).len() == 11);
}
