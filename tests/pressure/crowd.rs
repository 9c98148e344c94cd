//! More connections than `max_connections`: those that are idle make room.

use std::time::{Duration, Instant};

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, AnswerTo, Connection, Outcome};

/// How long a connection has to be idle to make room, and a tenth more.
const LEAST_IDLE: Duration = Duration::from_millis(550);

fn deployment(max_connections: usize) -> Deployment {
    let configuration = Configuration {
        top: format!("max_connections: {max_connections}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn kept_alive(target: &str, field: &str) -> Vec<u8> {
    let field = match field {
        "" => String::new(),
        field => format!("{field}\r\n"),
    };
    format!("GET {target} HTTP/1.1\r\nHost: orders.example.com\r\n{field}\r\n").into_bytes()
}

/// Sends one request; the connection stays open.
fn ask(connection: &mut Connection, target: &str, field: &str) -> u16 {
    connection.send(&kept_alive(target, field)).expect("sent");
    match connection.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => answer.status,
        other => panic!("{other:?}"),
    }
}

fn open(deployment: &Deployment) -> Connection {
    Connection::open(deployment.gate.address).expect("a connection")
}

fn warnings(deployment: &Deployment) -> usize {
    let lines = deployment.gate.process.stderr();
    let found = lines.iter().filter(|line| line.contains("all connections are taken"));
    found.count()
}

fn count(deployment: &Deployment) -> String {
    let answer = wire::answer(deployment.gate.admin, &wire::request("GET", "/readyz", &[]));
    answer.text().lines().last().unwrap_or_default().to_owned()
}

/// The same clients held the gate for `timeouts.keep_alive` without this.
#[test]
fn a_client_is_served_at_once_while_others_hold_every_connection() {
    let deployment = deployment(40);
    let reader = deployment.reader();
    let mut denied: Vec<_> = (0..20).map(|_| open(&deployment)).collect();
    for connection in &mut denied {
        assert_eq!(ask(connection, "/orders/1", ""), 401);
    }
    let _silent: Vec<_> = (0..10).map(|_| open(&deployment)).collect();
    let _begun: Vec<_> = (0..10)
        .map(|_| {
            let mut connection = open(&deployment);
            connection.send(b"GET /orders/1 HTTP/1.1\r\nX: ").expect("sent");
            connection
        })
        .collect();
    deployment.wait_until("full", || count(&deployment) == "connections: 40 of 40");
    for _ in 0..10 {
        let started = Instant::now();
        assert_eq!(ask(&mut open(&deployment), "/orders/1", &reader), 200);
        // Long before `timeouts.header`, the shortest of the limits of those that hold the connections.
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
    deployment.wait_until("reported", || warnings(&deployment) > 0);
    assert_eq!(warnings(&deployment), 1);
}

#[test]
fn denied_callers_make_room_before_served_ones_and_the_longest_idle_first() {
    let deployment = deployment(6);
    let reader = deployment.reader();
    let mut served: Vec<_> = (0..3).map(|_| open(&deployment)).collect();
    for connection in &mut served {
        assert_eq!(ask(connection, "/orders/1", &reader), 200);
    }
    let mut denied: Vec<_> = (0..3).map(|_| open(&deployment)).collect();
    for connection in &mut denied {
        assert_eq!(ask(connection, "/orders/1", ""), 401);
    }
    // A connection that is idle for less makes no room, whatever its caller.
    let answered = Instant::now();
    deployment.wait_until("idle", || answered.elapsed() > LEAST_IDLE);
    let mut further = Vec::new();
    for expected in &mut denied {
        let mut connection = open(&deployment);
        assert_eq!(ask(&mut connection, "/orders/1", &reader), 200);
        further.push(connection);
        assert!(matches!(expected.answer(AnswerTo::AnyMethod), Outcome::Closed));
    }
    // Every connection is in use by a caller that was served: the oldest of them is next.
    let mut last = open(&deployment);
    assert_eq!(ask(&mut last, "/orders/1", &reader), 200);
    assert!(matches!(served[0].answer(AnswerTo::AnyMethod), Outcome::Closed));
    for connection in served[1..].iter_mut().chain(&mut further) {
        assert_eq!(ask(connection, "/orders/1", &reader), 200);
    }
    assert_eq!(count(&deployment), "connections: 6 of 6");
    drop((served, further, last));
    deployment.wait_until("empty", || count(&deployment) == "connections: 0 of 6");
}
