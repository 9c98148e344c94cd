//! Malformed HTTP/2 frames: the reaction of the gate is exactly the one of bare hyper, and nothing reaches the upstream.

use crate::deployment::Deployment;
use crate::traffic::bare_hyper::BareHyper;
use crate::wire::http2_frames::Reaction::{self, Closed, GoAway, Reset, Status};
use crate::wire::http2_frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2Connection, PADDED, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, settings,
};

/// Error codes, RFC 9113 section 7. hyper sends the first one for most errors of a connection.
const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const FRAME_SIZE_ERROR: u32 = 6;

/// What is wrong, the frames after the preface, and the reaction on stream 1.
type Row = (&'static str, Vec<u8>, Reaction);

/// A valid request for a public route on `stream`.
fn request(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, head())
}

/// The same without its end.
fn unfinished(stream: u32) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/open/page"),
    ];
    frame(HEADERS, END_HEADERS, stream, block(&fields))
}

fn connect_with_length() -> Vec<u8> {
    block(&[
        (":method", "CONNECT"),
        (":authority", "a.example:443"),
        ("content-length", "5"),
    ])
}

fn head() -> Vec<u8> {
    block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/open/page"),
    ])
}

fn rows() -> Vec<Row> {
    let whole = END_STREAM | END_HEADERS;
    let long = vec![0; 16 * 1024 + 1];
    vec![
        ("nothing", request(1), Status(200)),
        (
            "a frame of an unknown type",
            [frame(0xbe, 0xff, 1, b"?"), request(1)].concat(),
            Status(200),
        ),
        ("DATA on stream 0", frame(DATA, 0, 0, b"x"), GoAway(PROTOCOL_ERROR)),
        (
            "DATA on an idle stream",
            frame(DATA, 0, 1, b"x"),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "DATA longer than a frame can be",
            [unfinished(1), frame(DATA, 0, 1, &long)].concat(),
            GoAway(FRAME_SIZE_ERROR),
        ),
        (
            "padding as long as DATA",
            [unfinished(1), frame(DATA, PADDED, 1, [1])].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        // hyper ends the whole connection.
        (
            "CONNECT with a content-length",
            frame(HEADERS, END_HEADERS, 1, connect_with_length()),
            Closed,
        ),
        (
            "HEADERS on stream 0",
            frame(HEADERS, whole, 0, head()),
            GoAway(PROTOCOL_ERROR),
        ),
        ("HEADERS on a stream of the server", request(2), GoAway(PROTOCOL_ERROR)),
        (
            "HEADERS on an earlier stream",
            [request(5), request(3)].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS longer than a frame can be",
            frame(HEADERS, whole, 1, &long),
            GoAway(FRAME_SIZE_ERROR),
        ),
        (
            "HEADERS that depend on themselves",
            frame(HEADERS, whole | 0x20, 1, [&[0, 0, 0, 1, 0], &head()[..]].concat()),
            Reset(PROTOCOL_ERROR),
        ),
        (
            "HEADERS and then DATA before their end",
            [frame(HEADERS, END_STREAM, 1, head()), frame(DATA, 0, 1, b"x")].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "HEADERS and then HEADERS before their end",
            [frame(HEADERS, END_STREAM, 1, head()), request(3)].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "CONTINUATION without HEADERS",
            frame(CONTINUATION, END_HEADERS, 1, head()),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "CONTINUATION of another stream",
            [
                frame(HEADERS, END_STREAM, 1, head()),
                frame(CONTINUATION, END_HEADERS, 3, b""),
            ]
            .concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a field of index 0",
            frame(HEADERS, whole, 1, [0x80]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a field beyond the tables",
            frame(HEADERS, whole, 1, [0xff, 0xff, 0x7f]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a dynamic table above the limit",
            frame(HEADERS, whole, 1, [0x3f, 0xff, 0xff, 0x7f]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a field that is cut",
            frame(HEADERS, whole, 1, [0x00, 0x05, b'a']),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "PRIORITY of another length",
            frame(PRIORITY, 0, 1, [0; 4]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "PRIORITY on stream 0",
            frame(PRIORITY, 0, 0, [0; 5]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "RST_STREAM on stream 0",
            frame(RST_STREAM, 0, 0, [0; 4]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "RST_STREAM on an idle stream",
            frame(RST_STREAM, 0, 1, [0; 4]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "RST_STREAM of another length",
            [unfinished(1), frame(RST_STREAM, 0, 1, [0; 5])].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "SETTINGS of another length",
            frame(SETTINGS, 0, 0, [0; 5]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "SETTINGS on a stream",
            frame(SETTINGS, 0, 1, []),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "SETTINGS acknowledged with a payload",
            frame(SETTINGS, ACK, 0, [0; 6]),
            GoAway(PROTOCOL_ERROR),
        ),
        ("SETTINGS_ENABLE_PUSH of 2", settings(&[(2, 2)]), GoAway(PROTOCOL_ERROR)),
        (
            "SETTINGS_INITIAL_WINDOW_SIZE above the limit",
            settings(&[(4, 1 << 31)]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "SETTINGS_MAX_FRAME_SIZE below the limit",
            settings(&[(5, 16_383)]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "an unknown setting",
            [settings(&[(0xfe, 1)]), request(1)].concat(),
            Status(200),
        ),
        (
            "PUSH_PROMISE of a client",
            [
                unfinished(1),
                frame(PUSH_PROMISE, END_HEADERS, 1, [&[0, 0, 0, 2], &head()[..]].concat()),
            ]
            .concat(),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "PING of another length",
            frame(PING, 0, 0, [0; 7]),
            GoAway(PROTOCOL_ERROR),
        ),
        ("PING on a stream", frame(PING, 0, 1, [0; 8]), GoAway(PROTOCOL_ERROR)),
        (
            "GOAWAY on a stream",
            frame(GOAWAY, 0, 1, [0; 8]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "WINDOW_UPDATE of 0 for the connection",
            frame(WINDOW_UPDATE, 0, 0, [0; 4]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "WINDOW_UPDATE of another length",
            frame(WINDOW_UPDATE, 0, 0, [0; 3]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "WINDOW_UPDATE on an idle stream",
            frame(WINDOW_UPDATE, 0, 1, [0, 0, 0, 1]),
            GoAway(PROTOCOL_ERROR),
        ),
        (
            "a window of the connection above the limit",
            frame(WINDOW_UPDATE, 0, 0, [0x7f, 0xff, 0xff, 0xff]),
            GoAway(FLOW_CONTROL_ERROR),
        ),
        (
            "a window of a stream above the limit",
            [unfinished(1), frame(WINDOW_UPDATE, 0, 1, [0x7f, 0xff, 0xff, 0xff])].concat(),
            Reset(FLOW_CONTROL_ERROR),
        ),
        (
            "DATA after the end of the request",
            [request(1), frame(DATA, 0, 1, b"x")].concat(),
            GoAway(PROTOCOL_ERROR),
        ),
    ]
}

#[test]
fn malformed_frames_have_the_reaction_of_bare_hyper() {
    let (deployment, bare) = (Deployment::with_routes(), BareHyper::start());
    let mut wrong = Vec::new();
    for (name, frames, expected) in rows() {
        let react = |address| {
            let mut connection = Http2Connection::open(address).expect("a connection");
            let _ = connection.send(&frames);
            connection.response(1)
        };
        let (of_hyper, of_gate) = (react(bare.address), react(deployment.gate.address));
        if of_hyper != expected || of_gate != expected {
            wrong.push(format!(
                "{name}: expected {expected:?}, hyper {of_hyper:?}, the gate {of_gate:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
