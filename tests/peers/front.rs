//! The public address of an API: it is known before the gate behind it starts, as that of a load balancer is.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Forwards each connection to the gate. Its threads end with the process.
pub struct Front {
    pub address: SocketAddr,
    gate: Arc<Mutex<Option<SocketAddr>>>,
}

impl Front {
    /// Listens on a free port of the loopback.
    pub fn open() -> Self {
        Self::of(None)
    }

    /// Adds `token` to each request, for clients that have none.
    pub fn with_token(token: &str) -> Self {
        Self::of(Some(format!("Authorization: Bearer {token}\r\n")))
    }

    fn of(field: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let gate = Arc::new(Mutex::new(None));
        let known = Arc::clone(&gate);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let gate: Option<SocketAddr> = *known.lock().expect("the gate");
                if let Some(Ok(onward)) = gate.map(TcpStream::connect) {
                    copy(&onward, &stream, None);
                    copy(&stream, &onward, field.clone());
                }
            }
        });
        Self { address, gate }
    }

    /// The URL of `path` here.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Forwards new connections to `gate` from now on.
    pub fn forward_to(&self, gate: SocketAddr) {
        *self.gate.lock().expect("the gate") = Some(gate);
    }
}

/// Copies until `from` ends, then ends `to`. Adds `field` to each request.
fn copy(from: &TcpStream, to: &TcpStream, field: Option<String>) {
    let (mut from, mut to) = (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"));
    std::thread::spawn(move || {
        let _ = match field {
            Some(field) => copy_requests(&mut BufReader::new(from), &mut to, &field),
            None => io::copy(&mut from, &mut to).map(drop),
        };
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Copies requests whose bodies have a `Content-Length`, byte for byte but for the added field.
fn copy_requests(from: &mut impl BufRead, to: &mut impl Write, field: &str) -> io::Result<()> {
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let start = head.len();
            if from.read_until(b'\n', &mut head)? == 0 {
                return Ok(());
            }
            if start == 0 {
                head.extend(field.as_bytes());
                continue;
            }
            let line = String::from_utf8_lossy(&head[start..]).to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().map_err(io::Error::other)?,
                Some(_) => {}
                None => break,
            }
        }
        to.write_all(&head)?;
        io::copy(&mut from.take(length), to)?;
    }
}
