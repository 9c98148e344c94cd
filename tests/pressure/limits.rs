//! More clients than the process has descriptors for.

use crate::deployment::key_server::{self, KeyServer};
use crate::deployment::upstream::{Conduct, Upstream};
use crate::deployment::{Configuration, ROUTES};
use crate::mint::TokenIssuer;
use crate::pressure::neglected::Neglected;
use crate::wire::{AnswerTo, Connection, Outcome, request};

#[test]
fn clients_above_the_limit_of_open_files_wait() {
    let upstream = Upstream::start();
    upstream.conduct(Conduct::Hold);
    let key_server = KeyServer::start(key_server::Conduct::Publish(TokenIssuer::new().document()));
    let configuration = Configuration::of_policy(ROUTES).text(upstream.address(), &key_server);
    let mut gate = Neglected::run_with_open_files(&configuration, 128);
    assert!(
        gate.startup_lines.contains("max_connections=32"),
        "{}",
        gate.startup_lines
    );

    let bytes = request("GET", "/open/page", &[]);
    let mut clients: Vec<Connection> = (0..80)
        .map(|_| {
            let mut client = Connection::open(gate.address).expect("a connection");
            client.send(&bytes).expect("sent");
            client
        })
        .collect();
    // Two descriptors for each connection, and 64 for the rest.
    upstream.wait_for(32);
    assert_eq!(upstream.count(), 32);
    upstream.release();
    for (number, client) in clients.iter_mut().enumerate() {
        match client.answer(AnswerTo::AnyMethod) {
            Outcome::Answered(answer) => assert_eq!(answer.status, 200, "{number}: {}", answer.everything()),
            other => panic!("{number}: {other:?}"),
        }
    }
    gate.signal("TERM");
    assert_eq!(gate.wait().code(), Some(0));
    assert_eq!(upstream.count(), 80);
    let lines = gate.remaining_lines();
    let warnings: Vec<_> = lines.lines().filter(|line| line.contains("WARN")).collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("all connections are taken"),
        "{lines}"
    );
}
