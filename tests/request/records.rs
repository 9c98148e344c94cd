//! Records of bytes on one connection, most of them malformed: the exact answers, and the exact requests that reach the upstream.

use crate::deployment::Deployment;
use crate::wire::{AnswerTo, Connection, Outcome};

/// A request line and what follows it up to `Host`.
const START_LINES: &[&str] = &[
    "GET /orders/1 HTTP/1.1",
    "\r\nGET /orders/1 HTTP/1.1",
    "\nGET /orders/1 HTTP/1.1",
    "\r\n\r\n\r\nGET /orders/1 HTTP/1.1",
    "GET /orders/1 HTTP/1.1\nX: y",
];
const MALFORMED_START_LINES: &[&str] = &[
    " GET /orders/1 HTTP/1.1",
    "\tGET /orders/1 HTTP/1.1",
    "\0GET /orders/1 HTTP/1.1",
    "\u{feff}GET /orders/1 HTTP/1.1",
    "GET  /orders/1 HTTP/1.1",
    "GET /orders/1  HTTP/1.1",
    "GET\t/orders/1 HTTP/1.1",
    "GET /orders/1\tHTTP/1.1",
    "GET /orders/1 HTTP/1.1 ",
    "GET /orders/1 HTTP/1.1\t",
    "GET /orders/1 HTTP/1.1\0",
    "GET /orders/1 HTTP/1.1 HTTP/1.1",
    "GET /orders/1",
    "GET",
    "/orders/1 HTTP/1.1",
    "GET /orders/1 HTTP/1",
    "GET /orders/1 HTTP/1.12",
    "GET /orders/1 HTTP/+1.1",
    "GET /orders/1 HTTP/1.-1",
    "GET /orders/1 HTTP/0.9",
    "GET /orders/1 http/1.1",
    "GET /orders/1 ICE/1.0",
    "GET /orders/1 RTSP/1.0",
    "G\0ET /orders/1 HTTP/1.1",
    "GET: /orders/1 HTTP/1.1",
    "GET{} /orders/1 HTTP/1.1",
    "\"GET\" /orders/1 HTTP/1.1",
    "GET /orders/1 HTTP/1.1\rX: y",
    "GET /orders/1 HTTP/1.1\r",
    "GET /orders/1 HTTP/1.1\n\rX: y",
];

/// Field lines of a GET, with their ends.
const FIELD_LINES: &[&str] = &[
    "X: y\r\n",
    "X:y\r\n",
    "X:\r\n",
    "X:  y \t\r\n",
    "X: y\n",
    "X: y\n\r\n",
    "X: \n\r\n",
    "X: a\u{85}b\r\n",
    "X: ä\r\n",
    "X: \u{2028}\r\n",
    "X!#$%&'*+-.^_`|~: y\r\n",
];
const MALFORMED_FIELD_LINES: &[&str] = &[
    "X\r\n",
    ":\r\n",
    ": y\r\n",
    "X y\r\n",
    "X : y\r\n",
    "X\t: y\r\n",
    " X: y\r\n",
    "\tX: y\r\n",
    "X: y\r\n z\r\n",
    "X: y\r\n\tz\r\n",
    "X:\r\n y\r\n",
    "X: y\r\n \r\n",
    "X: y\n z\r\n",
    "X: y\r\r\n",
    "X: y\rZ: z\r\n",
    "X\n: y\r\n",
    "X\r: y\r\n",
    "X: \0\r\n",
    "\0: y\r\n",
    "X\0: y\r\n",
    "X: a\u{1}\r\n",
    "X: a\u{7f}\r\n",
    "X: a\u{8}\r\n",
    "X: a\u{b}b\r\n",
    "X: a\u{c}b\r\n",
    "Ä: y\r\n",
    "X,Y: z\r\n",
    "X;Y: z\r\n",
    "X=Y: z\r\n",
    "X/Y: z\r\n",
    "\"X\": y\r\n",
    "X@: y\r\n",
];

/// Values of `Content-Length`, and further lines, of a POST with the body `hello`.
const LENGTHS: &[&str] = &[
    "5",
    "05",
    "0000000000000000000000005",
    "\t5\t",
    "5\r\nContent-Length: 5",
    "5\r\nContent-Length: 05",
    "5\r\nContent-Length: 5\r\nContent-Length: 5",
];
const MALFORMED_LENGTHS: &[&str] = &[
    "+5",
    "-5",
    "+0",
    "-0",
    "5.0",
    "5,",
    "5,5",
    "5, 5",
    "5,6",
    ",5",
    "5;",
    "5 5",
    "5x",
    "0x5",
    "5e0",
    "\"5\"",
    "٥",
    "５",
    "5\0",
    "5\u{b}",
    "\u{b}5",
    "18446744073709551616",
    "-1",
    "--5",
    "5_0",
    "''",
    "5%35",
    "5\r\ncontent-length: 6",
    "5\r\nContent-Length:",
    "5, 5\r\nContent-Length: 5",
];

/// Chunked bodies of a POST; the valid ones have the content `hello`.
const CHUNKS: &[&str] = &[
    "5\r\nhello\r\n0\r\n\r\n",
    "05\r\nhello\r\n0\r\n\r\n",
    "0000000000000000005\r\nhello\r\n0\r\n\r\n",
    "00000000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\t\r\nhello\r\n0\r\n\r\n",
    "5;\r\nhello\r\n0\r\n\r\n",
    "5;x\r\nhello\r\n0\r\n\r\n",
    "5;x=y\r\nhello\r\n0\r\n\r\n",
    "5 ; x = y\r\nhello\r\n0\r\n\r\n",
    "5;x=\"a\\\"b\"\r\nhello\r\n0\r\n\r\n",
    "5;\0\r\nhello\r\n0\r\n\r\n",
    "5;\u{7f}\r\nhello\r\n0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
    "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
];
const MALFORMED_CHUNKS: &[&str] = &[
    " 5\r\nhello\r\n0\r\n\r\n",
    "\t5\r\nhello\r\n0\r\n\r\n",
    "5;x\nhello\r\n0\r\n\r\n",
    "5;x\rhello\r\n0\r\n\r\n",
    "5;x\ny\r\nhello\r\n0\r\n\r\n",
    "5,\r\nhello\r\n0\r\n\r\n",
    "5=\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "0X5\r\nhello\r\n0\r\n\r\n",
    "5h\r\nhello\r\n0\r\n\r\n",
    "g\r\nhello\r\n0\r\n\r\n",
    "5.0\r\nhello\r\n0\r\n\r\n",
    "5_0\r\nhello\r\n0\r\n\r\n",
    "5 5\r\nhello\r\n0\r\n\r\n",
    "5,5\r\nhello\r\n0\r\n\r\n",
    "\"5\"\r\nhello\r\n0\r\n\r\n",
    "５\r\nhello\r\n0\r\n\r\n",
    "5\0\r\nhello\r\n0\r\n\r\n",
    "\x005\r\nhello\r\n0\r\n\r\n",
    "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5\r\nhello\r0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\r\n0\n\r\n",
    "5\r\nhello\r\n0\n\n",
    "5\r\nhello\r\n\r\n0\r\n\r\n",
    "\r\n5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhell\r\n0\r\n\r\n",
    "5\r\nhellos\r\n0\r\n\r\n",
    "4\r\nhello\r\n0\r\n\r\n",
    "\r\n\r\n",
    "hello\r\n\r\n",
    "{}\r\n",
    "-0\r\n\r\n",
    "0x0\r\n\r\n",
    "5\r\nhello\r\n0\r\nX\r\n\r\n",
    "5\r\nhello\r\n0\r\n: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "5\r\nhello\r\n0\r\nX: \0\r\n\r\n",
];

/// Framing fields of a POST with the chunked body `hello`.
const CODINGS: &[&str] = &[
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding:chunked",
    "Transfer-Encoding: \tchunked ",
];
const MALFORMED_CODINGS: &[&str] = &[
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: , chunked ,",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunked chunked",
    "Transfer-Encoding: chunke\u{212a}d",
    "Transfer-Encoding: chun\u{212a}ed",
    "Transfer-Encoding: \u{a0}chunked",
    "Transfer-Encoding: chunked\u{b}",
    "Transfer-Encoding: chunked\0",
    "Transfer-Encoding:",
    "Transfer-Encoding: identity",
    "Transfer-Encoding : chunked",
    " Transfer-Encoding: chunked",
    "Transfer-Encoding:\n chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
    "Content-Length: 5\r\nTransfer-Encoding: x",
];

/// Framing fields for whose body the gate knows the end although it cannot read it.
const UNKNOWN_CODINGS: &[&str] = &[
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
];

const CHUNKED: &str = "Transfer-Encoding: chunked";
const HELLO: &str = "5\r\nhello\r\n0\r\n\r\n";

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

const GET: &str = "GET /orders/1 HTTP/1.1";
const AFTER: (&str, &str) = ("/orders/after", "");

#[test]
fn start_lines() {
    let recorded = Recorded::start();
    for start in START_LINES {
        recorded.passes(&recorded.get(start, ""), ("/orders/1", ""));
    }
    for start in MALFORMED_START_LINES {
        recorded.ends(&recorded.get(start, ""));
    }
    let old = recorded.get("GET /orders/1 HTTP/1.0", "");
    recorded.expect(&old, &[200], &[("/orders/1", "")]);
}

#[test]
fn field_lines() {
    let recorded = Recorded::start();
    for lines in FIELD_LINES {
        recorded.passes(&recorded.get(GET, lines), ("/orders/1", ""));
    }
    for lines in MALFORMED_FIELD_LINES {
        recorded.ends(&recorded.get(GET, lines));
    }
    // A well-formed message that the gate does not serve does not end the connection.
    for lines in ["Host: a.example\r\n", "Host:\r\n", "host: a.example\r\n"] {
        recorded.expect(&recorded.get(GET, lines), &[400, 200], &[AFTER]);
    }
}

#[test]
fn lengths() {
    let recorded = Recorded::start();
    for length in LENGTHS {
        let record = recorded.post(&format!("Content-Length: {length}"), "hello");
        recorded.passes(&record, ("/orders", "hello"));
    }
    for length in MALFORMED_LENGTHS {
        recorded.ends(&recorded.post(&format!("Content-Length: {length}"), "hello"));
    }
    for line in ["Content-Length", "Content-Length 5"] {
        recorded.ends(&recorded.post(line, "hello"));
    }
    let underscore = recorded.post("Content_Length: 4\r\nContent-Length: 5", "hello");
    recorded.passes(&underscore, ("/orders", "hello"));
    for none in ["X: y", "Content-Length: 0"] {
        recorded.passes(&recorded.post(none, ""), ("/orders", ""));
    }
    // What follows the body is the method of the next request.
    let shorter = recorded.post("Content-Length: 4", "HELLO");
    recorded.expect(&shorter, &[200, 403], &[("/orders", "HELL")]);
    let empty = recorded.post("Content-Length: 0", "HELLO");
    recorded.expect(&empty, &[200, 403], &[("/orders", "")]);
    // hyper keeps the largest numbers for bodies without a length.
    let largest = recorded.post("Content-Length: 18446744073709551615", "hello");
    recorded.expect(&largest, &[431], &[]);
}

#[test]
fn chunks() {
    let recorded = Recorded::start();
    for body in CHUNKS {
        recorded.passes(&recorded.post(CHUNKED, body), ("/orders", "hello"));
    }
    for body in MALFORMED_CHUNKS {
        recorded.ends(&recorded.post(CHUNKED, body));
    }
    for (body, content) in [
        ("a\r\nhellohello\r\n0\r\n\r\n", "hellohello"),
        ("A\r\nhellohello\r\n0\r\n\r\n", "hellohello"),
        ("00\r\n\r\n", ""),
        ("0;x\r\n\r\n", ""),
        ("0 \r\n\r\n", ""),
    ] {
        recorded.passes(&recorded.post(CHUNKED, body), ("/orders", content));
    }
}

#[test]
fn codings() {
    let recorded = Recorded::start();
    for framing in CODINGS {
        recorded.passes(&recorded.post(framing, HELLO), ("/orders", "hello"));
    }
    for framing in MALFORMED_CODINGS {
        recorded.ends(&recorded.post(framing, HELLO));
    }
    for framing in UNKNOWN_CODINGS {
        recorded.expect(&recorded.post(framing, HELLO), &[400, 200], &[AFTER]);
    }
    // A length beside chunked is dropped, and the connection closed (RFC 9112 section 6.1).
    for framing in [
        "Transfer-Encoding: chunked\r\nContent-Length: -1",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6",
        "Content-Length: 6\r\nX: y\nTransfer-Encoding: chunked",
    ] {
        let record = recorded.post(framing, HELLO);
        recorded.expect(&record, &[200], &[("/orders", "hello")]);
    }
    let underscore = recorded.post("Content-Length: 6\r\nTransfer_Encoding: chunked", HELLO);
    recorded.expect(&underscore, &[200, 400], &[("/orders", "5\r\nhel")]);
}
