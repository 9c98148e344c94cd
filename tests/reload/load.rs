//! Reloads under load: every request is answered, by one configuration.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::{Client, routes, text};
use crate::deployment::Deployment;
use crate::wire;

const RELOADS: usize = 500;

/// The number of requests with each status.
#[derive(Default, Debug, PartialEq)]
struct Statuses {
    allowed: usize,
    denied: usize,
}

impl Statuses {
    fn add(&mut self, status: u16) {
        match status {
            200 => self.allowed += 1,
            403 => self.denied += 1,
            other => panic!("status {other}"),
        }
    }
}

#[test]
fn no_request_is_lost_or_decided_by_two_configurations() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let texts = ["orders:write", "orders:read"].map(|scope| text(&deployment, &routes(scope)));
    let ended = &AtomicBool::new(false);
    let counts = std::thread::scope(|scope| {
        let keeping = (0..3).map(|_| {
            let mut client = Client::of(&deployment);
            scope.spawn(move || {
                let mut statuses = Statuses::default();
                while !ended.load(Ordering::Relaxed) {
                    statuses.add(client.get("/orders/1"));
                }
                statuses
            })
        });
        let opening = (0..1).map(|_| {
            let (address, request) = (
                deployment.gate.address,
                wire::request("GET", "/orders/1", &[&deployment.reader()]),
            );
            scope.spawn(move || {
                let mut statuses = Statuses::default();
                while !ended.load(Ordering::Relaxed) {
                    statuses.add(wire::answer(address, &request).status);
                }
                statuses
            })
        });
        let clients: Vec<_> = keeping.chain(opening).collect();
        let mut reloading = Client::of(&deployment);
        let mut own = Statuses::default();
        for number in 0..RELOADS {
            deployment.gate.write("next.yaml", &texts[number % 2]);
            deployment.gate.rename("next.yaml", "actgate.yaml");
            let answer = wire::answer(deployment.gate.admin, &wire::request("POST", "/reload", &[]));
            assert_eq!(answer.status, 200, "{}", answer.text());
            // On a connection that is open since before the first reload.
            let status = reloading.get("/orders/1");
            assert_eq!(status, if number % 2 == 0 { 403 } else { 200 }, "after reload {number}");
            own.add(status);
        }
        ended.store(true, Ordering::Relaxed);
        let counts = clients.into_iter().map(|client| client.join().expect("a client"));
        counts.fold(own, |sum, one| Statuses {
            allowed: sum.allowed + one.allowed,
            denied: sum.denied + one.denied,
        })
    });
    let sent = counts.allowed + counts.denied;
    deployment.wait_until("logged", || deployment.gate.process.stdout().len() >= sent);
    let mut logged = Statuses::default();
    let mut hashes = [None, None];
    for event in deployment.gate.decisions() {
        let is_allowed = event["decision"] == json!("allow");
        logged.add(if is_allowed { 200 } else { 403 });
        let hash = hashes[usize::from(is_allowed)].get_or_insert_with(|| event["policy_hash"].clone());
        assert_eq!(*hash, event["policy_hash"], "a decision by the other policy: {event}");
    }
    assert_eq!(logged, counts);
    assert!(counts.allowed > RELOADS && counts.denied > RELOADS, "{counts:?}");
    let report = deployment.gate.reloads();
    // A look at the files can find the last change, too.
    assert!(
        report["succeeded"]
            .as_u64()
            .is_some_and(|count| count >= RELOADS as u64),
        "{report}"
    );
    assert_eq!(report["failed"], json!(0));
    assert_eq!(deployment.key_server.fetches(), 1, "the keys are kept");
}
