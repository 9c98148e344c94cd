//! Request lines and field lines.

use super::{AFTER, Recorded};

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

const GET: &str = "GET /orders/1 HTTP/1.1";

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
