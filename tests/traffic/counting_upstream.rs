//! An upstream that keeps nothing: it counts the bytes of a request body and answers with as many as the path names.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

const BUFFER: usize = 64 * 1024;

/// A running server. Its threads end with the process.
pub struct CountingUpstream {
    pub address: SocketAddr,
}

impl CountingUpstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The gate ends a connection whose client ended its own.
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address }
    }
}

/// Writes `count` bytes.
pub fn fill(stream: &mut TcpStream, mut count: u64) -> io::Result<()> {
    let part = [b'x'; BUFFER];
    while count > 0 {
        let next = count.min(BUFFER as u64);
        stream.write_all(&part[..next as usize])?;
        count -= next;
    }
    Ok(())
}

/// Reads to the end and returns the number of bytes.
pub fn drain(stream: &mut impl Read) -> io::Result<u64> {
    let (mut part, mut all) = (vec![0; BUFFER], 0);
    loop {
        match stream.read(&mut part)? {
            0 => return Ok(all),
            count => all += count as u64,
        }
    }
}

/// `GET /orders/N` has N bytes. Any other request is answered with the number of bytes of its body.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(BUFFER, stream.try_clone()?);
    let start = line(&mut reader)?;
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let text = line(&mut reader)?;
        match text.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
            Some(("transfer-encoding", _)) => is_chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    let count = match is_chunked {
        true => chunks(&mut reader)?,
        false => skip(&mut reader, length)?,
    };
    let close = "connection: close";
    match start.strip_prefix("get /orders/") {
        Some(path) => {
            let size = path.split(' ').next().unwrap_or_default();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n{close}\r\n\r\n")?;
            fill(&mut stream, size.parse().map_err(io::Error::other)?)
        }
        None => {
            let (answer, length) = (count.to_string(), count.to_string().len());
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{close}\r\n\r\n{answer}"
            )
        }
    }
}

/// Reads chunks to the last one and returns how many bytes they have.
fn chunks(body: &mut impl BufRead) -> io::Result<u64> {
    let mut all = 0;
    loop {
        let size = u64::from_str_radix(&line(body)?, 16).map_err(io::Error::other)?;
        skip(body, size)?;
        line(body)?;
        if size == 0 {
            return Ok(all);
        }
        all += size;
    }
}

/// A line in lower case, without its end.
fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    stream.read_line(&mut text)?;
    match text.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_lowercase()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn skip(body: &mut impl Read, count: u64) -> io::Result<u64> {
    match drain(&mut body.take(count))? {
        read if read == count => Ok(count),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
