//! What the upstream answers: its header lines and its length.

use crate::deployment::Deployment;
use crate::deployment::upstream::Conduct;
use crate::wire::{self, AnswerTo, Connection, Outcome, request};

/// The upstream answers with these header lines. It closes each connection, so that none is reused.
fn answer_with(deployment: &Deployment, lines: &str, body: &str) {
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{lines}\r\n{body}");
    deployment
        .upstream
        .conduct(Conduct::AnswerWith(Box::leak(answer.into_boxed_str())));
}

#[test]
fn up_to_256_header_lines_pass() {
    let deployment = Deployment::with_routes();
    let with_lines = |count: usize, name: fn(usize) -> String| {
        // `Connection` and the length are two of them.
        let lines: String = (2..count).map(|n| format!("{}: n={n}\r\n", name(n))).collect();
        answer_with(&deployment, &format!("{lines}Content-Length: 2\r\n"), "ok");
        wire::answer(deployment.gate.address, &request("GET", "/open/page", &[]))
    };
    for count in [2, 3, 100, 101, 150, 255, 256] {
        let answer = with_lines(count, |_| "Set-Cookie".to_owned());
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{count}");
        assert_eq!(answer.head.values("set-cookie").len(), count - 2, "{count}");
        let answer = with_lines(count, |n| format!("X-Line-{n}"));
        assert_eq!(answer.status, 200, "{count} names");
        let passed = answer
            .head
            .fields
            .iter()
            .filter(|(name, _)| name.starts_with("x-line-"));
        assert_eq!(passed.count(), count - 2, "{count} names");
    }
    for count in [257, 300, 5000] {
        assert_eq!(with_lines(count, |_| "Set-Cookie".to_owned()).status, 502, "{count}");
    }
    deployment.wait_until("reported", || {
        let lines = deployment.gate.process.stderr();
        lines
            .iter()
            .filter(|line| line.contains("more than 256 header lines"))
            .count()
            == 3
    });
}

#[test]
fn the_client_receives_one_decimal_length() {
    let deployment = Deployment::with_routes();
    let bytes = request("GET", "/open/page", &[]);
    for length in [
        "Content-Length: 2",
        "Content-Length: 2, 2",
        "Content-Length: 2,2",
        "Content-Length: 2 ,\t2,2",
        "Content-Length: 002",
        "Content-Length: 02, 2",
        "Content-Length: 2\r\nContent-Length: 2",
        "Content-Length: 2\r\nX: y\r\ncontent-length: 02",
    ] {
        answer_with(&deployment, &format!("{length}\r\n"), "ok");
        let answer = wire::answer(deployment.gate.address, &bytes);
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{length}");
        assert_eq!(answer.head.values("content-length"), ["2"], "{length}");
        answer_with(&deployment, &format!("{length}\r\n"), "");
        let mut connection = Connection::open(deployment.gate.address).expect("a connection");
        connection.send(&request("HEAD", "/open/page", &[])).expect("sent");
        let Outcome::Answered(answer) = connection.answer(AnswerTo::Head) else {
            panic!("no answer to HEAD: {length}");
        };
        assert_eq!(answer.head.values("content-length"), ["2"], "HEAD: {length}");
    }
    for length in [
        "Content-Length: 2, 3",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2,",
        "Content-Length: +2",
        "Content-Length: 2 2",
        "Content-Length: 0x2",
        "Content-Length:",
        "Content-Length: 2, x",
    ] {
        answer_with(&deployment, &format!("{length}\r\n"), "ok");
        assert_eq!(wire::answer(deployment.gate.address, &bytes).status, 502, "{length}");
    }
}
