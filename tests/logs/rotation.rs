//! Each way to rotate a log, under load: every request has its line, and every line is whole.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{deployment, events};
use crate::deployment::Deployment;
use crate::wire::{AnswerTo, Connection, Outcome};

/// Sends requests until `rotated` returns; then each of them has a line in `folder`, or in what `rotated` returns.
fn no_line_is_lost(keys: &str, rotated: impl FnOnce(&Deployment, &Path, &AtomicUsize) -> Vec<u8>) {
    let deployment = deployment(keys);
    let folder = deployment.gate.path("logs");
    let (ended, answered) = (&AtomicBool::new(false), &AtomicUsize::new(0));
    let kept = std::thread::scope(|scope| {
        for _ in 0..3 {
            let mut connection = Connection::open(deployment.gate.address).expect("a connection");
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let request = b"GET /open/page HTTP/1.1\r\nHost: orders.example.com\r\n\r\n";
                    connection.send(request).expect("sent");
                    let outcome = connection.answer(AnswerTo::AnyMethod);
                    assert!(
                        matches!(&outcome, Outcome::Answered(answer) if answer.status == 200),
                        "{outcome:?}"
                    );
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let kept = rotated(&deployment, &folder, answered);
        ended.store(true, Ordering::Relaxed);
        kept
    });
    let sent = answered.load(Ordering::Relaxed);
    let mut deployment = deployment;
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    fs::write(folder.join("kept"), kept).expect("a file");
    let events = events(&folder);
    let ids: HashSet<_> = events
        .iter()
        .map(|event| event["id"].as_str().expect("an id").to_owned())
        .collect();
    // A line that is written while its file is deleted may be in the next one, too.
    assert!(ids.len() == sent, "{} lines of {sent} requests", ids.len());
}

/// Waits for further requests.
fn more(answered: &AtomicUsize) {
    let (before, deadline) = (
        answered.load(Ordering::Relaxed),
        Instant::now() + Duration::from_secs(20),
    );
    while answered.load(Ordering::Relaxed) < before + 20 {
        assert!(Instant::now() < deadline, "no further request");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_log_that_is_renamed() {
    no_line_is_lost("facts: false", |_, folder, answered| {
        for number in 0..50 {
            more(answered);
            fs::rename(
                folder.join("decisions.log"),
                folder.join(format!("decisions.log.{number}")),
            )
            .expect("renamed");
            while !folder.join("decisions.log").exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Vec::new()
    });
}

#[test]
fn a_log_that_is_deleted() {
    no_line_is_lost("facts: false", |_, folder, answered| {
        let mut kept = Vec::new();
        for _ in 0..50 {
            more(answered);
            let file = folder.join("decisions.log");
            // What is in the file when it is deleted is read from it later, as by a program that has it open.
            let mut open = fs::File::open(&file).expect("the log");
            fs::remove_file(&file).expect("deleted");
            while !file.exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::io::Read::read_to_end(&mut open, &mut kept).expect("read");
        }
        kept
    });
}

#[test]
fn a_log_that_is_copied_and_truncated() {
    // Between the copy and the truncation lines can be lost whatever the writer does, so that nothing is written there.
    let deployment = deployment("facts: false");
    let (file, copy) = (
        deployment.gate.path("logs/decisions.log"),
        deployment.gate.path("logs/copy"),
    );
    let mut sent = 0;
    for _ in 0..5 {
        for _ in 0..10 {
            crate::wire::answer(deployment.gate.address, &crate::wire::request("GET", "/open/page", &[]));
        }
        deployment.wait_until("written", || {
            fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == 10)
        });
        let text = fs::read(&file).expect("the log");
        sent += 10;
        let earlier = fs::read(&copy).unwrap_or_default();
        fs::write(&copy, [earlier, text].concat()).expect("a copy");
        fs::OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&file)
            .expect("truncated");
    }
    assert_eq!(events(&deployment.gate.path("logs")).len(), sent);
}

#[test]
fn a_log_that_is_opened_again_by_a_signal() {
    no_line_is_lost("facts: false", |deployment, folder, answered| {
        for number in 0..20 {
            more(answered);
            fs::rename(
                folder.join("decisions.log"),
                folder.join(format!("decisions.log.{number}")),
            )
            .expect("renamed");
            deployment.gate.process.signal("USR1");
            deployment.wait_until("opened again", || folder.join("decisions.log").exists());
        }
        Vec::new()
    });
}

#[test]
fn a_signal_makes_the_file_without_a_request() {
    let deployment = deployment("facts: false");
    deployment.gate.rename("logs/decisions.log", "logs/decisions.log.1");
    deployment.gate.process.signal("USR1");
    deployment.wait_until("opened again", || deployment.gate.path("logs/decisions.log").exists());
}

#[test]
fn a_log_that_is_rotated_by_its_size() {
    const SIZE: u64 = 64 * 1024;
    no_line_is_lost("rotate: { size: 64KiB, keep: 1000 }", |_, folder, answered| {
        while !folder.join("decisions.log.4").exists() {
            more(answered);
        }
        let length = fs::metadata(folder.join("decisions.log.2")).expect("a file").len();
        assert!((SIZE - 1024..=SIZE).contains(&length), "{length}");
        Vec::new()
    });
}
