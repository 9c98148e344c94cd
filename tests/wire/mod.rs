//! A raw HTTP/1.1 client: it sends exact bytes and reads parsed answers, with a deadline.

pub mod challenge;
pub mod http1;
pub mod http2;
pub mod http2_frames;
pub mod tls;

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::wire::http1::{Head, Reader, Unframed};

/// Longer than any time-out of the gate: reaching it fails the test.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// An answer of the gate.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the field `name`.
    pub fn field(&self, name: &str) -> Option<String> {
        self.head.value(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The whole answer: status line, fields and body.
    pub fn everything(&self) -> String {
        let mut all = self.head.start.clone();
        for (name, value) in &self.head.fields {
            all.push_str(&format!("\n{name}: {}", String::from_utf8_lossy(value)));
        }
        all + "\n\n" + &self.text()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}: {}", self.text()))
    }
}

/// The result of one connection.
#[derive(Debug)]
pub enum Outcome {
    Answered(Answer),
    Closed,
    TimedOut,
}

/// An open connection: to the gate, or from it.
pub struct Connection {
    stream: TcpStream,
    reader: Reader<TcpStream>,
}

impl Connection {
    /// Connects, with [`DEADLINE`] on connecting, reading and writing.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect_timeout(&address, DEADLINE)?)
    }

    /// An open connection, with the same deadline.
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let reader = Reader::new(stream.try_clone()?);
        Ok(Self { stream, reader })
    }

    /// Writes `bytes`. The peer may answer and close before it has read them all.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Closes the sending side.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.stream.set_nonblocking(true).expect("the mode");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let _context = runtime.enter();
        let stream = tokio::net::TcpStream::from_std(self.stream).expect("the stream");
        stream.set_zero_linger().expect("a reset at the close");
    }

    /// What the peer sends, with the head of an interim answer as any other.
    pub fn reader(&mut self) -> &mut Reader<TcpStream> {
        &mut self.reader
    }

    /// The next final answer; interim answers are skipped.
    pub fn answer(&mut self, to_head: AnswerTo) -> Outcome {
        loop {
            match self.one(to_head) {
                Ok(Some(answer)) if (102..200).contains(&answer.status) => continue,
                Ok(Some(answer)) if answer.status == 100 => continue,
                Ok(Some(answer)) => return Outcome::Answered(answer),
                Ok(None) => return Outcome::Closed,
                Err(error) if is_timeout(&error) => return Outcome::TimedOut,
                Err(_) => return Outcome::Closed,
            }
        }
    }

    /// Whether the peer closes the connection, or sends anything, within this time.
    pub fn ends_within(&self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).expect("a time limit");
        let found = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
        !matches!(found, Err(error) if is_timeout(&error))
    }

    /// Every answer until the peer closes.
    pub fn answers(&mut self) -> Vec<Answer> {
        let mut all = Vec::new();
        while let Outcome::Answered(answer) = self.answer(AnswerTo::AnyMethod) {
            all.push(answer);
        }
        all
    }

    fn one(&mut self, to: AnswerTo) -> io::Result<Option<Answer>> {
        let Some(head) = self.reader.head()? else {
            return Ok(None);
        };
        let status = head.start.split(' ').nth(1).unwrap_or_default();
        let status = status.parse().map_err(io::Error::other)?;
        let bodiless = matches!(status, 100..200 | 204 | 304) || to == AnswerTo::Head;
        let body = match bodiless {
            true => Vec::new(),
            false => self.reader.body(&head, Unframed::UntilClose)?.0,
        };
        Ok(Some(Answer { status, head, body }))
    }
}

/// Whether the peer has closed the connection, at this moment.
pub fn has_ended(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("the mode");
    let found = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("the mode");
    match found {
        Ok(count) => count == 0,
        Err(error) => !is_timeout(&error),
    }
}

/// An answer to HEAD has a length and no body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AnswerTo {
    Head,
    AnyMethod,
}

/// Sends exactly `request` on a new connection and reads the first answer.
pub fn exchange(address: SocketAddr, request: &[u8]) -> Outcome {
    let Ok(mut connection) = Connection::open(address) else {
        return Outcome::Closed;
    };
    let _ = connection.send(request);
    let to = match request.starts_with(b"HEAD ") {
        true => AnswerTo::Head,
        false => AnswerTo::AnyMethod,
    };
    connection.answer(to)
}

/// As [`exchange`], for requests that must be answered.
pub fn answer(address: SocketAddr, request: &[u8]) -> Answer {
    match exchange(address, request) {
        Outcome::Answered(answer) => answer,
        other => panic!("{other:?} to {}", request.escape_ascii()),
    }
}

/// Sends `request` and reads every answer until the gate closes the connection.
pub fn conversation(address: SocketAddr, request: &[u8]) -> Vec<Answer> {
    let mut connection = Connection::open(address).expect("the gate accepts connections");
    let _ = connection.send(request);
    connection.answers()
}

/// A request without a body, for orders.example.com unless `fields` have another host. They are whole lines without their ends.
pub fn request(method: &str, target: &str, fields: &[&str]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    if !fields.iter().any(|field| field.starts_with("Host:")) {
        text.push_str("Host: orders.example.com\r\n");
    }
    for field in fields {
        text.push_str(field);
        text.push_str("\r\n");
    }
    (text + "Connection: close\r\n\r\n").into_bytes()
}

/// The `Authorization` line with `token`.
pub fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// GET `target` with `token`.
pub fn get(address: SocketAddr, target: &str, token: &str) -> Answer {
    answer(address, &request("GET", target, &[&bearer(token)]))
}

/// A form posted to `target`, with further `fields`.
pub fn post_form(address: SocketAddr, target: &str, fields: &[&str], form: &[(&str, &str)]) -> Answer {
    answer(address, &form_request(target, fields, form))
}

/// The request of [`post_form`].
pub fn form_request(target: &str, fields: &[&str], form: &[(&str, &str)]) -> Vec<u8> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let length = format!("Content-Length: {}", body.len());
    let mut all = vec!["Content-Type: application/x-www-form-urlencoded", &length];
    all.extend(fields);
    let mut bytes = request("POST", target, &all);
    bytes.extend(body.as_bytes());
    bytes
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
