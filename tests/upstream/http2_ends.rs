//! Streams and connections of HTTP/2 that an upstream ends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::{gate, send};
use crate::wire::http2::Http2;
use crate::wire::http2_frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PREFACE, RST_STREAM, block, frame, read, settings,
};
use crate::wire::{self, AnswerTo, Connection, Outcome};

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// What a server sends in answer to a request, and what becomes of the connection.
#[derive(Clone, Debug)]
struct Reply {
    frames: Vec<u8>,
    after: After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Open,
    Closed,
}

/// A server that answers by the number of the request on its connection, from 0, and its stream. Returns its address, and
/// the number on its connection of each request that it received.
fn server(reply: impl Fn(usize, u32) -> Reply + Clone + Send + 'static) -> (SocketAddr, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let received = Arc::new(Mutex::new(Vec::new()));
    let all = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (reply, all) = (reply.clone(), all.clone());
            // A connection that the gate ends is no failure.
            std::thread::spawn(move || serve(stream, &reply, &all));
        }
    });
    (address, received)
}

fn serve(mut stream: TcpStream, reply: &impl Fn(usize, u32) -> Reply, all: &Mutex<Vec<usize>>) -> std::io::Result<()> {
    stream.read_exact(&mut [0; PREFACE.len()])?;
    stream.write_all(&settings(&[]))?;
    let mut number = 0;
    loop {
        let request = read(&mut stream)?;
        if request.kind != HEADERS {
            continue;
        }
        all.lock().expect("the requests").push(number);
        let Reply { frames, after } = reply(number, request.stream);
        stream.write_all(&frames)?;
        if after == After::Closed {
            stream.shutdown(Shutdown::Write)?;
            stream.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        number += 1;
    }
}

fn head(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    let fields = [&[(":status", "200")], fields].concat();
    frame(HEADERS, END_HEADERS, stream, block(&fields))
}

fn answer(stream: u32) -> Vec<u8> {
    [head(stream, &[]), frame(DATA, END_STREAM, stream, "ok")].concat()
}

fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, code.to_be_bytes())
}

/// The last stream that was processed, and why the connection ends.
fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, [last.to_be_bytes(), code.to_be_bytes()].concat())
}

#[test]
fn a_response_that_breaks_off_has_no_clean_end() {
    for (what, end, after) in [
        ("the end of the connection", vec![], After::Closed),
        ("RST_STREAM", reset(1, INTERNAL_ERROR), After::Open),
        ("RST_STREAM with CANCEL", reset(1, CANCEL), After::Open),
        ("RST_STREAM with NO_ERROR", reset(1, NO_ERROR), After::Open),
        ("GOAWAY", goaway(1, INTERNAL_ERROR), After::Closed),
        ("GOAWAY with NO_ERROR", goaway(1, NO_ERROR), After::Closed),
    ] {
        for fields in [&[][..], &[("content-length", "10")]] {
            let end = end.clone();
            let fields = fields.to_vec();
            let (address, _) = server(move |_, stream| Reply {
                frames: [head(stream, &fields), frame(DATA, 0, stream, "half"), end.clone()].concat(),
                after,
            });
            let gate = gate(&format!("upstream: h2c://{address}"));
            let mut client = Connection::open(gate.address).expect("a connection");
            client.send(&wire::request("GET", "/x", &[])).expect("a request");
            let outcome = client.answer(AnswerTo::AnyMethod);
            assert!(matches!(outcome, Outcome::Closed), "{what} over HTTP/1.1: {outcome:?}");
        }
    }
}

#[test]
fn a_client_of_http2_reads_that_a_response_broke_off() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for (what, end, after) in [
        ("the end of the connection", vec![], After::Closed),
        ("RST_STREAM with NO_ERROR", reset(1, NO_ERROR), After::Open),
        ("GOAWAY with NO_ERROR", goaway(1, NO_ERROR), After::Closed),
    ] {
        let (address, _) = server(move |_, stream| Reply {
            frames: [head(stream, &[]), frame(DATA, 0, stream, "half"), end.clone()].concat(),
            after,
        });
        let gate = gate(&format!("upstream: h2c://{address}"));
        let error = runtime.block_on(async {
            let client = Http2::open(gate.address).await;
            client.send(client.request("GET", "/x", &[])).await
        });
        let error = error.expect_err(what);
        assert!(error.is_reset(), "{what}: {error}");
    }
}

#[test]
fn a_response_that_is_complete_before_its_stream_is_reset_is_passed_on() {
    let (address, _) = server(|_, stream| Reply {
        frames: [answer(stream), reset(stream, NO_ERROR)].concat(),
        after: After::Open,
    });
    let gate = gate(&format!("upstream: h2c://{address}"));
    for body in ["", "body"] {
        let answer = send(&gate, "POST", "/x", &[], body);
        assert_eq!((answer.status, answer.text()), (200, "ok".to_owned()));
    }
}

#[test]
fn no_get_is_lost_when_the_upstream_announces_the_end_of_the_connection() {
    let (address, received) = server(|_, stream| Reply {
        frames: [answer(stream), goaway(stream, NO_ERROR)].concat(),
        after: After::Open,
    });
    let gate = gate(&format!("upstream: h2c://{address}"));
    for _ in 0..50 {
        assert_eq!(send(&gate, "GET", "/x", &[], "").status, 200);
    }
    // No request was sent after the announcement was read.
    assert!(received.lock().unwrap().iter().all(|number| *number <= 1));
}

type Refuse = fn(u32) -> (Vec<u8>, After);

const GOAWAY_BEFORE: (&str, Refuse) = ("GOAWAY", |stream| {
    (goaway(stream.saturating_sub(2), NO_ERROR), After::Closed)
});
const GOAWAY_OPEN: (&str, Refuse) = ("GOAWAY", |stream| {
    (goaway(stream.saturating_sub(2), NO_ERROR), After::Open)
});
const REFUSED: (&str, Refuse) = ("RST_STREAM", |stream| (reset(stream, REFUSED_STREAM), After::Open));
const END: (&str, Refuse) = ("the end of the connection", |_| (vec![], After::Closed));
const GOAWAY_AFTER: (&str, Refuse) = ("GOAWAY after it", |stream| (goaway(stream, NO_ERROR), After::Closed));

/// The second request on a connection is refused. With GOAWAY hyper does not report whether the request was processed.
#[test]
fn a_refused_request_is_sent_again_if_it_was_not_processed_or_may_be_twice() {
    for ((what, refuse), method, body, status) in [
        (GOAWAY_BEFORE, "GET", "", 200),
        (GOAWAY_BEFORE, "POST", "", 502),
        (GOAWAY_BEFORE, "POST", "body", 502),
        (GOAWAY_OPEN, "PUT", "", 200),
        (GOAWAY_OPEN, "PATCH", "", 502),
        (REFUSED, "DELETE", "", 200),
        (REFUSED, "POST", "", 200),
        (REFUSED, "POST", "body", 502),
        (END, "GET", "", 200),
        (END, "POST", "", 502),
        (END, "PUT", "body", 502),
        (GOAWAY_AFTER, "GET", "", 200),
        (GOAWAY_AFTER, "POST", "", 502),
    ] {
        let (address, received) = server(move |number, stream| {
            let (frames, after) = match number {
                0 => (answer(stream), After::Open),
                _ => refuse(stream),
            };
            Reply { frames, after }
        });
        let gate = gate(&format!("upstream: h2c://{address}"));
        assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
        let second = send(&gate, method, "/second", &[], body);
        let lines = gate.process.stderr().join("\n");
        assert_eq!(second.status, status, "{what}: {method} {body}: {lines}");
        let received = received.lock().unwrap().len();
        assert_eq!(received, if status == 200 { 3 } else { 2 }, "{what}: {method} {body}");
    }
}

/// Each connection refuses its first request: one that was not processed, or may be processed twice, is sent twice, and no
/// more.
#[test]
fn the_first_request_of_a_connection_is_sent_again_only_if_it_was_not_processed() {
    for ((what, refuse), method, body, times) in [
        (GOAWAY_BEFORE, "GET", "", 2),
        (GOAWAY_BEFORE, "POST", "", 1),
        (REFUSED, "GET", "", 2),
        (REFUSED, "POST", "", 2),
        (REFUSED, "POST", "body", 1),
        (END, "GET", "", 1),
        (GOAWAY_AFTER, "POST", "", 1),
    ] {
        let (address, received) = server(move |_, stream| {
            let (frames, after) = refuse(stream);
            Reply { frames, after }
        });
        let gate = gate(&format!("upstream: h2c://{address}"));
        assert_eq!(
            send(&gate, method, "/x", &[], body).status,
            502,
            "{what}: {method} {body}"
        );
        assert_eq!(received.lock().unwrap().len(), times, "{what}: {method} {body}");
    }
}

/// A stream belongs to one request: a 408 on it is the answer, on a connection that was used before too.
#[test]
fn a_408_is_an_answer() {
    let (address, all) = server(|number, stream| match number {
        0 => Reply {
            frames: answer(stream),
            after: After::Open,
        },
        _ => Reply {
            frames: frame(HEADERS, END_HEADERS | END_STREAM, stream, block(&[(":status", "408")])),
            after: After::Open,
        },
    });
    let gate = gate(&format!("upstream: h2c://{address}"));
    assert_eq!(send(&gate, "GET", "/first", &[], "").status, 200);
    for (method, body) in [("GET", ""), ("POST", ""), ("POST", "body")] {
        assert_eq!(send(&gate, method, "/x", &[], body).status, 408, "{method} {body}");
    }
    assert_eq!(*all.lock().unwrap(), [0, 1, 2, 3]);
}
