//! The service behind the gate: a plain HTTP/1.1 server that records every request it receives.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::wire::http1::{Head, Reader, Unframed};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Head,
}

impl Received {
    /// Whether the request has the field `name`.
    pub fn has(&self, name: &str) -> bool {
        self.head.has(name)
    }
}

/// What the service does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conduct {
    Answer,
    /// Waits for [`Upstream::release`], then answers.
    Hold,
    DieBeforeTheAnswer,
    DieInTheBody,
    /// Answers in HTTP/1.0; the end of the connection ends the body.
    AnswerInHttp10,
    /// Answers with these bytes and closes.
    AnswerWith(&'static str),
    /// Sends one event, waits for [`Upstream::release`], and sends another.
    Trickle,
    /// Answers 200 to an upgrade request and records what follows as a request.
    IgnoreUpgrade,
}

/// A running service. Its threads end with the process.
#[derive(Clone)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    received: Vec<Received>,
    bytes: Vec<u8>,
    broken: Vec<String>,
    conduct: Conduct,
}

impl Default for State {
    fn default() -> Self {
        Self {
            received: Vec::new(),
            bytes: Vec::new(),
            broken: Vec::new(),
            conduct: Conduct::Answer,
        }
    }
}

impl Upstream {
    /// Starts on a free port of the loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn conduct(&self, conduct: Conduct) {
        self.shared.state.lock().expect("the state").conduct = conduct;
        self.shared.changed.notify_all();
    }

    /// Answers held requests.
    pub fn release(&self) {
        self.conduct(Conduct::Answer);
    }

    /// The number of requests so far.
    pub fn count(&self) -> usize {
        self.shared.state.lock().expect("the state").received.len()
    }

    /// The requests that arrived after the first `count`.
    pub fn since(&self, count: usize) -> Vec<Received> {
        self.shared.state.lock().expect("the state").received[count..].to_vec()
    }

    /// The errors of input that is not a valid request.
    pub fn broken(&self) -> Vec<String> {
        self.shared.state.lock().expect("the state").broken.clone()
    }

    /// Every byte received.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.state.lock().expect("the state").bytes.clone()
    }

    /// Waits until `count` requests have arrived in all.
    pub fn wait_for(&self, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut state = self.shared.state.lock().expect("the state");
        while state.received.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the upstream did not receive request {count}");
            state = self.shared.changed.wait_timeout(state, left).expect("the state").0;
        }
    }
}

/// Keeps a copy of all bytes read.
struct Tap<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = (&mut &*self.stream).read(buffer)?;
        let mut state = self.shared.state.lock().expect("the state");
        state.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = Reader::new(Tap { stream, shared });
    loop {
        let head = match reader.head() {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(error) => return broken(shared, &error),
        };
        let mut words = head.start.split(' ').map(str::to_owned);
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let (body, trailers) = match reader.body(&head, Unframed::Empty) {
            Ok(body) => body,
            Err(error) => return broken(shared, &error),
        };
        let received = Received {
            method,
            target,
            head,
            body,
            trailers,
        };
        let is_head = received.method == "HEAD";
        let goes_on = match record(shared, received) {
            Conduct::Trickle => trickle(stream, shared),
            conduct => respond(stream, is_head, &conduct),
        };
        if !goes_on {
            return;
        }
    }
}

/// Records the request and returns what to do with it, unless it is to be held.
fn record(shared: &Shared, received: Received) -> Conduct {
    let mut state = shared.state.lock().expect("the state");
    state.received.push(received);
    shared.changed.notify_all();
    drop(state);
    while_conduct_is(shared, &Conduct::Hold)
}

/// Waits until the conduct is another one, and returns it.
fn while_conduct_is(shared: &Shared, conduct: &Conduct) -> Conduct {
    let mut state = shared.state.lock().expect("the state");
    while state.conduct == *conduct {
        state = shared.changed.wait(state).expect("the state");
    }
    state.conduct.clone()
}

fn trickle(mut stream: &TcpStream, shared: &Shared) -> bool {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let begun = stream.write_all(head).is_ok() && stream.write_all(b"5\r\nfirst\r\n").is_ok();
    while_conduct_is(shared, &Conduct::Trickle);
    begun && stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").is_ok()
}

/// Answers; returns whether the connection stays open.
fn respond(mut stream: &TcpStream, is_head: bool, conduct: &Conduct) -> bool {
    let answer: &[u8] = match (conduct, is_head) {
        (Conduct::DieBeforeTheAnswer, _) => b"",
        (Conduct::DieInTheBody, _) => b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf",
        (Conduct::AnswerInHttp10, _) => b"HTTP/1.0 200 OK\r\n\r\nok",
        (Conduct::AnswerWith(bytes), _) => bytes.as_bytes(),
        (_, true) => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
        (_, false) => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    };
    let sent = stream.write_all(answer).is_ok();
    let ends = matches!(
        conduct,
        Conduct::DieBeforeTheAnswer | Conduct::DieInTheBody | Conduct::AnswerInHttp10 | Conduct::AnswerWith(_)
    );
    if ends {
        let _ = stream.shutdown(Shutdown::Both);
        return false;
    }
    sent
}

fn broken(shared: &Shared, error: &std::io::Error) {
    let mut state = shared.state.lock().expect("the state");
    state.broken.push(error.to_string());
}
