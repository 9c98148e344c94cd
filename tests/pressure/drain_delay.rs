//! The time after SIGTERM in which connections are accepted, until no proxy sends any more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, AnswerTo, Connection, Outcome, request};

fn deployment(timeouts: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("timeouts: {{ {timeouts} }}\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

fn open_page(deployment: &Deployment) -> Outcome {
    wire::exchange(deployment.gate.address, &request("GET", "/open/page", &[]))
}

#[test]
fn connections_are_accepted_while_the_gate_is_not_ready() {
    let mut deployment = deployment("drain_delay: 3s");
    let started = Instant::now();
    deployment.gate.process.terminate();
    deployment.wait_until("not ready", || deployment.readiness() == 503);
    let mut served = 0;
    while let Outcome::Answered(answer) = open_page(&deployment) {
        assert_eq!(answer.status, 200);
        served += 1;
    }
    assert!(started.elapsed() >= Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(served > 10, "{served}");
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_delay_and_the_process() {
    let mut deployment = deployment("drain_delay: 1h");
    for signal in ["TERM", "INT"] {
        deployment.gate.process.signal(signal);
        if signal == "TERM" {
            deployment.wait_until("not ready", || deployment.readiness() == 503);
            assert!(matches!(open_page(&deployment), Outcome::Answered(_)));
        }
    }
    let started = Instant::now();
    assert_eq!(deployment.gate.process.wait().code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// As a proxy does that looks at readiness from time to time: it sends on until it sees that the gate is not ready, and a while after.
#[test]
fn no_request_of_10_000_is_lost() {
    const REQUESTS: usize = 10_000;
    const BEFORE_THE_SIGNAL: usize = 9_000;
    let mut deployment = deployment("drain_delay: 8s");
    let (answered, withdrawn) = (&AtomicUsize::new(0), &AtomicBool::new(false));
    let address = deployment.gate.address;
    let goes_on = || !withdrawn.load(Ordering::Relaxed) || answered.load(Ordering::Relaxed) < REQUESTS;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                while goes_on() {
                    let answer = wire::answer(address, &request("GET", "/open/page", &[]));
                    assert_eq!(answer.status, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..6 {
            scope.spawn(move || {
                let mut connection = Connection::open(address).expect("a connection");
                while goes_on() {
                    let request = b"GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n";
                    connection.send(request).expect("sent");
                    match connection.answer(AnswerTo::AnyMethod) {
                        Outcome::Answered(answer) => assert_eq!(answer.status, 200),
                        other => panic!("{other:?}"),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let deadline = Instant::now() + Duration::from_secs(100);
        while answered.load(Ordering::Relaxed) < BEFORE_THE_SIGNAL {
            assert!(Instant::now() < deadline, "{answered:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        deployment.gate.process.terminate();
        deployment.wait_until("not ready", || deployment.readiness() == 503);
        withdrawn.store(true, Ordering::Relaxed);
    });
    assert!(answered.load(Ordering::Relaxed) >= REQUESTS);
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
}
