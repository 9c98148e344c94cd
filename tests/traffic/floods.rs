//! 100,000 frames that cost the client nothing: the memory of the gate stays, its reaction is the one of bare hyper, and
//! other clients are served.

use crate::deployment::Deployment;
use crate::traffic::bare_hyper::BareHyper;
use crate::wire::http2_frames::Reaction::{self, GoAway, Open};
use crate::wire::http2_frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, Http2Connection, PING, PRIORITY, RST_STREAM, WINDOW_UPDATE,
    block, frame, settings,
};
use crate::wire::{self, request};

const FRAMES: u32 = 100_000;

/// More memory than before the flood.
const MAX_GROWTH: u64 = 16 * 1024 * 1024;

/// Error codes, RFC 9113 section 7.
const ENHANCE_YOUR_CALM: u32 = 11;

fn head(method: &str) -> Vec<u8> {
    block(&[
        (":method", method),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/open/page"),
    ])
}

/// The frames `0..FRAMES` after `first`, each by its number.
fn flood(first: Vec<u8>, next: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let mut bytes = first;
    for number in 0..FRAMES {
        bytes.extend(next(number));
    }
    bytes
}

fn expect(name: &str, frames: &[u8], expected: Reaction) {
    let (deployment, bare) = (Deployment::with_routes(), BareHyper::start());
    let gate = &deployment.gate;
    // The code and the pools that any connection needs.
    let _ = Http2Connection::open(gate.address).expect("a connection").reaction(1);
    let page = || wire::answer(gate.address, &request("GET", "/open/page", &[])).status;
    assert_eq!(page(), 200);
    let before = gate.process.resident().expect("/proc");
    let react = |address| {
        let mut connection = Http2Connection::open(address).expect("a connection");
        for part in frames.chunks(64 * 1024) {
            if connection.send(part).is_err() {
                break;
            }
        }
        connection.reaction(u32::MAX)
    };
    assert_eq!(react(bare.address), expected, "{name}: hyper");
    assert_eq!(react(gate.address), expected, "{name}: the gate");
    let after = gate.process.resident().expect("/proc");
    assert!(
        after < before + MAX_GROWTH,
        "{name}: {before} bytes before and {after} after"
    );
    assert_eq!(page(), 200, "{name}");
}

#[test]
fn empty_continuation_frames_end_the_connection() {
    let first = frame(HEADERS, END_STREAM, 1, head("GET"));
    let frames = flood(first, |_| frame(CONTINUATION, 0, 1, []));
    expect("CONTINUATION", &frames, GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn continuation_frames_with_fields_end_the_connection() {
    let first = frame(HEADERS, END_STREAM, 1, head("GET"));
    let field = block(&[("x", &"a".repeat(100))]);
    let frames = flood(first, |_| frame(CONTINUATION, 0, 1, &field));
    expect("CONTINUATION with fields", &frames, GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn streams_that_are_reset_at_once_end_the_connection() {
    let frames = flood(Vec::new(), |number| {
        let stream = 2 * number + 1;
        let opened = frame(HEADERS, END_STREAM | END_HEADERS, stream, head("GET"));
        [opened, frame(RST_STREAM, 0, stream, 8_u32.to_be_bytes())].concat()
    });
    expect("RST_STREAM", &frames, GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn streams_that_the_gate_has_to_reset_end_the_connection() {
    let malformed = block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        ("connection", "x"),
    ]);
    let frames = flood(Vec::new(), |number| {
        frame(HEADERS, END_STREAM | END_HEADERS, 2 * number + 1, &malformed)
    });
    expect("malformed heads", &frames, GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn empty_data_frames_end_the_connection() {
    let first = frame(HEADERS, END_HEADERS, 1, head("POST"));
    let frames = flood(first, |_| frame(DATA, 0, 1, []));
    expect("DATA", &frames, GoAway(ENHANCE_YOUR_CALM));
}

#[test]
fn pings_cost_no_memory() {
    let frames = flood(Vec::new(), |number| frame(PING, 0, 0, u64::from(number).to_be_bytes()));
    expect("PING", &frames, Open);
}

#[test]
fn settings_cost_no_memory() {
    let frames = flood(Vec::new(), |number| settings(&[(4, 65_535 - number % 2)]));
    expect("SETTINGS", &frames, Open);
}

#[test]
fn window_updates_cost_no_memory() {
    let frames = flood(Vec::new(), |_| frame(WINDOW_UPDATE, 0, 0, [0, 0, 0, 1]));
    expect("WINDOW_UPDATE", &frames, Open);
}

#[test]
fn priorities_of_streams_that_are_never_opened_cost_no_memory() {
    let frames = flood(Vec::new(), |number| frame(PRIORITY, 0, 2 * number + 1, [0; 5]));
    expect("PRIORITY", &frames, Open);
}

#[test]
fn frames_of_unknown_types_cost_no_memory() {
    let frames = flood(Vec::new(), |number| frame(0xbe, 0, number % 7, b"unknown"));
    expect("unknown", &frames, Open);
}
