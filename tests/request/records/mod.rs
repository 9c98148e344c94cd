//! Records of bytes on one connection, most of them malformed: the exact answers, and the exact requests that reach the upstream.

mod bodies;
mod heads;

use crate::deployment::Deployment;
use crate::wire::{AnswerTo, Connection, Outcome};

const AFTER: (&str, &str) = ("/orders/after", "");

/// A gate, and the line of the token that every record has.
struct Recorded {
    deployment: Deployment,
    token: String,
}

impl Recorded {
    fn start() -> Self {
        let deployment = Deployment::with_routes();
        let token = deployment.writer();
        Self { deployment, token }
    }

    fn get(&self, start: &str, lines: &str) -> String {
        format!("{start}\r\nHost: a.example\r\n{}\r\n{lines}\r\n", self.token)
    }

    fn post(&self, framing: &str, body: &str) -> String {
        self.get("POST /orders HTTP/1.1", &format!("{framing}\r\n")) + body
    }

    /// Sends the record and then a valid request for `/orders/after` on one connection. The record has these answers, and
    /// these requests, each a target and a body, reach the upstream.
    #[track_caller]
    fn expect(&self, record: &str, statuses: &[u16], requests: &[(&str, &str)]) {
        let after = self.get("GET /orders/after HTTP/1.1", "Connection: close\r\n");
        let before = self.deployment.upstream.count();
        let mut connection = Connection::open(self.deployment.gate.address).expect("a connection");
        // The gate may close the connection before it has read everything.
        let _ = connection.send((record.to_owned() + &after).as_bytes());
        let mut answered = Vec::new();
        while let Outcome::Answered(answer) = connection.answer(AnswerTo::AnyMethod) {
            answered.push(answer.status);
        }
        assert_eq!(answered, statuses, "{}", record.escape_debug());
        let seen = self.deployment.upstream.since(before);
        let seen: Vec<_> = seen.iter().map(|one| (one.target.as_str(), &*one.body)).collect();
        let requests: Vec<_> = requests
            .iter()
            .map(|(target, body)| (*target, body.as_bytes()))
            .collect();
        assert_eq!(seen, requests, "{}", record.escape_debug());
    }

    /// The record is one request, and the request after it is another.
    #[track_caller]
    fn passes(&self, record: &str, request: (&str, &str)) {
        self.expect(record, &[200, 200], &[request, AFTER]);
    }

    /// The record is a malformed request, and ends the connection.
    #[track_caller]
    fn ends(&self, record: &str) {
        self.expect(record, &[400], &[]);
    }
}
