//! A raw HTTP/2 client: it sends exact frames, valid or not, and reads what comes back, with a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Instant;

use crate::wire::DEADLINE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames, RFC 9113 section 6.
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const ACK: u8 = 0x1;
pub const END_STREAM: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;

/// The bytes of a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block with exactly these fields in this order: literals without indexing (RFC 7541 section 6.2.2), names as
/// they are.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(&mut bytes, text.len());
            bytes.extend(text.bytes());
        }
    }
    bytes
}

/// A frame SETTINGS with these identifiers and values.
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let values = values.iter().flat_map(|(identifier, value)| {
        let (identifier, value) = (identifier.to_be_bytes(), value.to_be_bytes());
        identifier.into_iter().chain(value)
    });
    frame(SETTINGS, 0, 0, values.collect::<Vec<u8>>())
}

/// An integer with a prefix of seven bits, RFC 7541 section 5.1.
fn length(bytes: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(0x7f) else {
        bytes.push(value as u8);
        return;
    };
    bytes.push(0x7f);
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// A frame as received.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// How the peer reacts to what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// A response on the stream.
    Status(u16),
    /// RST_STREAM on the stream, with its error code.
    Reset(u32),
    /// GOAWAY with an error code.
    GoAway(u32),
    /// The end of the connection without a word.
    Closed,
    /// The connection works on and the stream has no response.
    Open,
}

/// An open connection. What the peer sends is read at all times, so that it never waits for the test.
pub struct Http2Connection {
    stream: TcpStream,
    frames: Receiver<Frame>,
}

impl Http2Connection {
    /// Connects and sends the preface, and settings without which the responses could not be read.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let mut connection = Self::connect(address)?;
        // SETTINGS_HEADER_TABLE_SIZE: responses have no dynamic table.
        connection.send(&[PREFACE, &settings(&[(1, 0)])].concat())?;
        Ok(connection)
    }

    /// Connects and sends nothing.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(DEADLINE))?;
        let mut reader = stream.try_clone()?;
        let (sender, frames) = mpsc::channel();
        std::thread::spawn(move || {
            while let Ok(frame) = read(&mut reader) {
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        Ok(Self { stream, frames })
    }

    /// Writes `bytes`. The peer may close before it has read them all.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next frame; `None` at the end of the connection.
    pub fn next(&self) -> Option<Frame> {
        match self.frames.recv_timeout(DEADLINE) {
            Ok(frame) => Some(frame),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("neither a frame nor the end of the connection"),
        }
    }

    /// Sends a PING and returns the first reaction before its acknowledgement, on `stream` or on the connection.
    pub fn reaction(&mut self, stream: u32) -> Reaction {
        const MARK: &[u8; 8] = b"reaction";
        let _ = self.send(&frame(PING, 0, 0, MARK));
        while let Some(frame) = self.next() {
            match frame.kind {
                HEADERS if frame.stream == stream => return Reaction::Status(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => return Reaction::Reset(number(&frame.payload)),
                GOAWAY if number(&frame.payload[4..]) != 0 => return Reaction::GoAway(number(&frame.payload[4..])),
                PING if frame.flags & ACK != 0 && frame.payload == MARK => return Reaction::Open,
                _ => {}
            }
        }
        Reaction::Closed
    }

    /// The reaction to a request on `stream`, which is never none.
    pub fn response(&mut self, stream: u32) -> Reaction {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.reaction(stream) {
                Reaction::Open => assert!(Instant::now() < deadline, "no response on stream {stream}"),
                reaction => return reaction,
            }
        }
    }
}

/// The next frame that `stream` contains.
pub fn read(stream: &mut impl Read) -> io::Result<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let mut payload = vec![0; number(&[&[0], &head[..3]].concat()) as usize];
    stream.read_exact(&mut payload)?;
    Ok(Frame {
        kind: head[3],
        flags: head[4],
        stream: number(&head[5..]),
        payload,
    })
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The value of `:status`, the first field of a response, without a dynamic table.
fn status(block: &[u8]) -> u16 {
    // A change of the size of the dynamic table precedes the fields.
    let fields = match block {
        [0x20..=0x3f, rest @ ..] => rest,
        all => all,
    };
    match *fields {
        // Fields 8 to 14 of the static table.
        [field @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(field - 0x88)],
        // Huffman code of three digits, which has 15 to 18 bits.
        [0x08 | 0x18 | 0x48, length @ 0x82..=0x83, ..] => huffman_digits(&fields[2..2 + usize::from(length & 0x7f)]),
        [0x08 | 0x18 | 0x48, 3, a, b, c, ..] => [a, b, c]
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')),
        _ => panic!("no status: {fields:02x?}"),
    }
}

/// Three digits in the Huffman code of RFC 7541, appendix B: 0 to 2 have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> u16 {
    let all = bytes.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
    let mut left = bytes.len() * 8;
    let mut number = 0;
    for _ in 0..3 {
        let of_five = all >> (left - 5) & 0x1f;
        let digit = if of_five <= 2 {
            left -= 5;
            of_five
        } else {
            left -= 6;
            (all >> left & 0x3f) - 0x19 + 3
        };
        number = number * 10 + digit as u16;
    }
    number
}

#[test]
fn every_form_of_a_status_is_read() {
    assert_eq!(status(&[0x20, 0x88]), 200);
    assert_eq!(status(&[0x8c, 0x00]), 400);
    assert_eq!(status(&[0x48, 3, b'4', b'0', b'3']), 403);
    // "403" and "502" as h2 writes them.
    assert_eq!(status(&[0x48, 0x83, 0x68, 0x0c, 0xff]), 403);
    assert_eq!(status(&[0x48, 0x82, 0x6c, 0x02]), 502);
}
