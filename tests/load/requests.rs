//! Single requests over HTTP/1.1, where a load would be too much.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Failure;

/// The longest wait for a part of a response.
const DEADLINE: Duration = Duration::from_secs(10);

/// A connection that is kept between requests.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// The status and the body of a response.
pub struct Response {
    pub status: u16,
    pub body: String,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let received = Vec::new();
        Ok(Self { stream, received })
    }

    /// Asks for the path of the load with this token, and returns the status.
    pub fn ask(&mut self, token: &str) -> Result<u16, Failure> {
        let request = format!("GET /orders/42 HTTP/1.1\r\nhost: load\r\nauthorization: Bearer {token}\r\n\r\n");
        Ok(self.send(&request)?.status)
    }

    /// Sends a whole request and reads its response, whose body has a stated length.
    pub fn send(&mut self, request: &str) -> Result<Response, Failure> {
        self.stream.write_all(request.as_bytes())?;
        self.received.clear();
        let head_end = loop {
            if let Some(at) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8_lossy(&self.received[..head_end]).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        while self.received.len() < head_end + length {
            self.receive()?;
        }
        Ok(Response {
            status: status.ok_or("a response without a status")?,
            body: String::from_utf8_lossy(&self.received[head_end..]).into_owned(),
        })
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes)? {
            0 => Err("the connection ends before the response".into()),
            count => {
                self.received.extend(&bytes[..count]);
                Ok(())
            }
        }
    }
}

/// Whether the program at `address` lets the token through, and not the same one with another signature.
pub fn check(address: SocketAddr, token: &str) -> Result<(), Failure> {
    // A character within the signature: the last one can have bits that mean nothing.
    let (signed, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
    let (first, rest) = signature.split_at(1);
    let forged = format!("{signed}.{}{rest}", if first == "A" { "B" } else { "A" });
    for (token, allowed) in [(token, true), (&forged, false)] {
        let status = Connection::open(address)?.ask(token)?;
        if (status == 200) != allowed {
            let kind = if allowed { "a valid token" } else { "a forged token" };
            return Err(format!("it answers {status} to {kind}").into());
        }
    }
    Ok(())
}
