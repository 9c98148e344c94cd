//! Heads of HTTP/2 requests with a valid token that are malformed or ambiguous: what hyper refuses the gate refuses in the
//! same way, what hyper accepts and is ambiguous is 400, and nothing of either reaches the upstream.

use crate::deployment::Deployment;
use crate::traffic::bare_hyper::BareHyper;
use crate::wire::http2_frames::Reaction::{self, GoAway, Reset, Status};
use crate::wire::http2_frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2Connection, block, frame};

/// Error codes, RFC 9113 section 7.
const PROTOCOL_ERROR: u32 = 1;

const GET: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "a.example"),
    (":path", "/orders/1"),
];
const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "a.example"),
    (":path", "/orders"),
];

/// What the head is, its fields without the token, the body, and the reactions of hyper and of the gate.
struct Row {
    name: &'static str,
    fields: Vec<(&'static str, String)>,
    body: Option<&'static str>,
    hyper: Reaction,
    gate: Reaction,
}

/// A head that cannot be decoded, which ends the connection.
const INVALID: Reaction = GoAway(PROTOCOL_ERROR);
/// A malformed request (RFC 9113 section 8.1.1), which ends its stream.
const REFUSED: Reaction = Reset(PROTOCOL_ERROR);
const OK: Reaction = Status(200);
const AMBIGUOUS: Reaction = Status(400);

fn row(name: &'static str, fields: &[(&'static str, &str)], hyper: Reaction, gate: Reaction) -> Row {
    Row {
        name,
        fields: fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: None,
        hyper,
        gate,
    }
}

/// GET with a further field.
fn with(name: &'static str, field: (&'static str, &str), hyper: Reaction, gate: Reaction) -> Row {
    row(name, &[GET, &[field]].concat(), hyper, gate)
}

/// GET with another value of a pseudo-header.
fn replaced(name: &'static str, field: (&'static str, &str), hyper: Reaction, gate: Reaction) -> Row {
    let fields: Vec<_> = GET
        .iter()
        .map(|known| if known.0 == field.0 { field } else { *known })
        .collect();
    row(name, &fields, hyper, gate)
}

/// GET without a pseudo-header.
fn without(name: &'static str, field: &str, hyper: Reaction, gate: Reaction) -> Row {
    let fields: Vec<_> = GET.iter().filter(|known| known.0 != field).copied().collect();
    row(name, &fields, hyper, gate)
}

/// POST with a field and a body.
fn post(name: &'static str, field: (&'static str, &str), body: &'static str, hyper: Reaction, gate: Reaction) -> Row {
    Row {
        body: Some(body),
        ..row(name, &[POST, &[field]].concat(), hyper, gate)
    }
}

fn rows() -> Vec<Row> {
    let before_pseudo = [&[("x", "1")], GET].concat();
    let long = "a".repeat(40 * 1024);
    vec![
        row("valid", GET, OK, OK),
        with("a name in capitals", ("X-Capital", "1"), INVALID, INVALID),
        with("a blank in a name", ("x y", "1"), INVALID, INVALID),
        with("a colon in a name", ("x:y", "1"), INVALID, INVALID),
        with("no name", ("", "1"), INVALID, INVALID),
        with("CR LF in a name", ("x\r\ny", "1"), INVALID, INVALID),
        with(
            "CR LF in a value",
            ("x", "1\r\nx-auth-subject: admin"),
            INVALID,
            INVALID,
        ),
        with("LF in a value", ("x", "1\n2"), INVALID, INVALID),
        with("NUL in a value", ("x", "1\x002"), INVALID, INVALID),
        with("connection", ("connection", "x"), REFUSED, REFUSED),
        with("keep-alive", ("keep-alive", "timeout=5"), REFUSED, REFUSED),
        with("proxy-connection", ("proxy-connection", "close"), REFUSED, REFUSED),
        with("transfer-encoding", ("transfer-encoding", "chunked"), REFUSED, REFUSED),
        with("upgrade", ("upgrade", "websocket"), REFUSED, REFUSED),
        with("te of gzip", ("te", "gzip"), REFUSED, REFUSED),
        with("te of trailers", ("te", "trailers"), OK, OK),
        with("two methods", (":method", "GET"), REFUSED, REFUSED),
        with("two paths", (":path", "/open/page"), REFUSED, REFUSED),
        with("two schemes", (":scheme", "https"), REFUSED, REFUSED),
        with("two authorities", (":authority", "b.example"), REFUSED, REFUSED),
        with("a status", (":status", "200"), REFUSED, REFUSED),
        with("an unknown pseudo-header", (":user", "alice"), INVALID, INVALID),
        with(
            "a protocol without CONNECT",
            (":protocol", "websocket"),
            REFUSED,
            REFUSED,
        ),
        row("a pseudo-header after a field", &before_pseudo, REFUSED, REFUSED),
        without("no method", ":method", REFUSED, REFUSED),
        without("no scheme", ":scheme", REFUSED, REFUSED),
        without("no path", ":path", REFUSED, REFUSED),
        without("no authority and no Host", ":authority", OK, AMBIGUOUS),
        replaced("CR LF in the path", (":path", "/orders/1\r\nx: y"), REFUSED, REFUSED),
        replaced("a blank in the path", (":path", "/orders/1 2"), REFUSED, REFUSED),
        replaced("an empty path", (":path", ""), REFUSED, REFUSED),
        replaced("a path without a slash", (":path", "orders/1"), REFUSED, REFUSED),
        replaced(
            "a whole URI as path",
            (":path", "http://b.example/orders/1"),
            REFUSED,
            REFUSED,
        ),
        replaced(
            "dot segments in the path",
            (":path", "/open/../orders/1"),
            OK,
            AMBIGUOUS,
        ),
        replaced("CR LF in the method", (":method", "GET\r\n"), INVALID, INVALID),
        replaced("a blank in the method", (":method", "G ET"), INVALID, INVALID),
        replaced(
            "an authority with userinfo",
            (":authority", "u@a.example"),
            OK,
            AMBIGUOUS,
        ),
        replaced(
            "an authority with a path",
            (":authority", "a.example/x"),
            REFUSED,
            REFUSED,
        ),
        replaced("an unknown scheme", (":scheme", "gopher"), OK, AMBIGUOUS),
        replaced("CONNECT with a path", (":method", "CONNECT"), REFUSED, REFUSED),
        with("Host that equals the authority", ("host", "a.example"), OK, OK),
        with(
            "Host that differs from the authority",
            ("host", "b.example"),
            OK,
            AMBIGUOUS,
        ),
        with("a second token", ("authorization", "Bearer second"), OK, AMBIGUOUS),
        with(
            "a length of a request without a body",
            ("content-length", "5"),
            REFUSED,
            REFUSED,
        ),
        with("a length with a sign", ("content-length", "+0"), REFUSED, REFUSED),
        with("a head longer than the limit", ("x", &long), Status(431), Status(431)),
        post("a body as long as its length", ("content-length", "4"), "body", OK, OK),
        post(
            "a body shorter than its length",
            ("content-length", "5"),
            "body",
            REFUSED,
            REFUSED,
        ),
        post(
            "a body longer than its length",
            ("content-length", "3"),
            "body",
            REFUSED,
            REFUSED,
        ),
        post("two lengths", ("content-length", "4, 4"), "body", REFUSED, REFUSED),
    ]
}

/// The frames of the row: one HEADERS, CONTINUATION where the block is longer than a frame, and DATA.
fn frames(row: &Row, token: &str) -> Vec<u8> {
    let mut fields: Vec<_> = row.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("authorization", token));
    let block = block(&fields);
    let end = if row.body.is_some() { 0 } else { END_STREAM };
    let mut parts = block.chunks(16 * 1024).peekable();
    let mut bytes = Vec::new();
    while let Some(part) = parts.next() {
        let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
        match bytes.is_empty() {
            true => bytes.extend(frame(HEADERS, end | last, 1, part)),
            false => bytes.extend(frame(CONTINUATION, last, 1, part)),
        }
    }
    if let Some(body) = row.body {
        bytes.extend(frame(DATA, END_STREAM, 1, body));
    }
    bytes
}

#[test]
fn malformed_heads_are_refused_as_by_bare_hyper_and_ambiguous_ones_are_400() {
    let (deployment, bare) = (Deployment::with_routes(), BareHyper::start());
    let line = deployment.writer();
    let (_, token) = line.split_once(": ").expect("a field line");
    let mut wrong = Vec::new();
    for row in rows() {
        let frames = frames(&row, token);
        let react = |address| {
            let mut connection = Http2Connection::open(address).expect("a connection");
            let _ = connection.send(&frames);
            connection.response(1)
        };
        let before = deployment.upstream.count();
        let (of_hyper, of_gate) = (react(bare.address), react(deployment.gate.address));
        let reached = deployment.upstream.count() - before;
        let allowed = usize::from(row.gate == OK);
        if of_hyper != row.hyper || of_gate != row.gate || reached != allowed {
            wrong.push(format!(
                "{}: expected {:?} and {:?}, hyper {of_hyper:?}, the gate {of_gate:?}, {reached} requests upstream",
                row.name, row.hyper, row.gate
            ));
        }
    }
    assert_eq!(deployment.upstream.broken(), [""; 0]);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
