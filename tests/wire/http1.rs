//! A strict reader of HTTP/1.1 messages, for the raw client and for the servers behind the gate.

use std::io::{self, Read};

/// A start line and its fields, names as received.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub start: String,
    pub fields: Vec<(String, Vec<u8>)>,
    /// Ambiguous or invalid lines.
    pub faults: Vec<String>,
}

impl Head {
    /// Every value of the field `name`, compared case-insensitively.
    pub fn values(&self, name: &str) -> Vec<String> {
        let named = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// The first value of the field `name`.
    pub fn value(&self, name: &str) -> Option<String> {
        self.values(name).into_iter().next()
    }

    /// Whether there is a field `name`.
    pub fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    fn is_chunked(&self) -> bool {
        self.value("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    fn length(&self) -> Option<usize> {
        self.value("content-length")?.trim().parse().ok()
    }
}

/// The body of a message with neither a length nor chunks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unframed {
    Empty,
    UntilClose,
}

/// Reads messages one after another from a stream.
pub struct Reader<S> {
    stream: S,
    pending: Vec<u8>,
}

impl<S: Read> Reader<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            pending: Vec::new(),
        }
    }

    /// The next head; `None` when the peer closed before sending a byte of it.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        let mut lines = Vec::new();
        loop {
            match self.line()? {
                None if lines.is_empty() => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(line) if line.is_empty() && lines.is_empty() => continue,
                Some(line) if line.is_empty() => return Ok(Some(parse(&lines))),
                Some(line) => lines.push(line),
            }
        }
    }

    /// The data of the next chunk; empty for the last one, whose trailers are not read.
    pub fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).map_err(io::Error::other)?;
        let data = self.exactly(size)?;
        if size > 0 && self.exactly(2)? != b"\r\n" {
            return Err(io::Error::other("a chunk without its line end"));
        }
        Ok(data)
    }

    /// Everything until the peer ends its side.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? {}
        Ok(std::mem::take(&mut self.pending))
    }

    /// The body that belongs to `head`, and its trailers.
    pub fn body(&mut self, head: &Head, unframed: Unframed) -> io::Result<(Vec<u8>, Head)> {
        if head.is_chunked() {
            return self.chunks();
        }
        match (head.length(), unframed) {
            (Some(length), _) => Ok((self.exactly(length)?, Head::default())),
            (None, Unframed::Empty) => Ok((Vec::new(), Head::default())),
            (None, Unframed::UntilClose) => {
                while self.fill()? {}
                Ok((std::mem::take(&mut self.pending), Head::default()))
            }
        }
    }

    fn chunks(&mut self) -> io::Result<(Vec<u8>, Head)> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let text = String::from_utf8_lossy(&line).into_owned();
            let digits = text.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            if size == 0 {
                return Ok((body, self.trailers()?));
            }
            body.extend(self.exactly(size)?);
            if self.exactly(2)? != b"\r\n" {
                return Err(io::Error::other("a chunk without its line end"));
            }
        }
    }

    fn trailers(&mut self) -> io::Result<Head> {
        let mut lines = vec![b"trailers".to_vec()];
        loop {
            let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(parse(&lines));
            }
            lines.push(line);
        }
    }

    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.pending.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.pending.drain(..end + 2).take(end).collect();
                return Ok(Some(line));
            }
            if !self.fill()? {
                return match self.pending.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// The next `length` bytes.
    pub fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.pending.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.pending.drain(..length).collect())
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.pending.extend_from_slice(&buffer[..count]);
        Ok(count > 0)
    }
}

fn parse(lines: &[Vec<u8>]) -> Head {
    let mut head = Head {
        start: String::from_utf8_lossy(&lines[0]).into_owned(),
        ..Head::default()
    };
    for line in &lines[1..] {
        let colon = line.iter().position(|byte| *byte == b':');
        let Some(colon) = colon else {
            head.faults.push(format!("no colon: {}", line.escape_ascii()));
            continue;
        };
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        let value = line[colon + 1..].trim_ascii().to_vec();
        if name.is_empty() || name.contains([' ', '\t']) {
            head.faults.push(format!("field name: {}", line.escape_ascii()));
        }
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            head.faults.push(format!("field value: {}", line.escape_ascii()));
        }
        head.fields.push((name, value));
    }
    head
}
