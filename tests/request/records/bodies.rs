//! The framing of bodies: lengths, chunks, codings.

use super::{AFTER, Recorded};

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
