use std::io;

/// Where the body of one request ends on the wire. It reads no content and judges nothing that hyper judges: of two bytes hyper accepts, it
/// only has to know whether the next head starts between them.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyScan {
    /// So many bytes are still to come.
    Length(u64),
    /// A chunked body (RFC 9112 section 7.1).
    Chunked(Chunk),
    /// The next byte is the first of the next head.
    Ended,
}

/// The place inside a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub enum Chunk {
    /// In the digits of a chunk size.
    Size(u64),
    /// Behind the digits, in the extension, up to the line feed.
    Extension(u64),
    /// So many bytes of the chunk and of the line end behind it are still to come.
    Data(u64),
    /// In the trailer section; the flag's meaning is in its name.
    Trailer(TrailerLine),
}

/// What the line being read in the trailer section has held so far.
#[derive(Debug, PartialEq, Eq)]
pub enum TrailerLine {
    /// Nothing.
    Empty,
    /// At least one character of a field.
    Field,
}

impl BodyScan {
    /// The start of a body of the length that the parsed request has; `None` is chunked.
    pub fn new(length: Option<u64>) -> BodyScan {
        match length {
            Some(0) => BodyScan::Ended,
            Some(length) => BodyScan::Length(length),
            None => BodyScan::Chunked(Chunk::Size(0)),
        }
    }

    /// Takes the next bytes and returns how many of them belong to this body.
    ///
    /// # Errors
    /// A chunk size that overflows or is no number: hyper refuses it too, and the connection ends.
    pub fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            match self {
                BodyScan::Ended => break,
                BodyScan::Length(left) => {
                    let now = (*left).min((bytes.len() - taken) as u64);
                    taken += now as usize;
                    *left -= now;
                    if *left == 0 {
                        *self = BodyScan::Ended;
                    }
                }
                BodyScan::Chunked(Chunk::Data(left)) => {
                    let now = (*left).min((bytes.len() - taken) as u64);
                    taken += now as usize;
                    *left -= now;
                    if *left == 0 {
                        *self = BodyScan::Chunked(Chunk::Size(0));
                    }
                }
                BodyScan::Chunked(chunk) => {
                    let next = chunk.step(bytes[taken])?;
                    taken += 1;
                    *self = next.map_or(BodyScan::Ended, BodyScan::Chunked);
                }
            }
        }
        Ok(taken)
    }
}

impl Chunk {
    /// One byte of a size line or of the trailer section. `None`: the body has ended.
    fn step(&self, byte: u8) -> io::Result<Option<Chunk>> {
        Ok(Some(match (self, byte) {
            (Chunk::Size(size) | Chunk::Extension(size), b'\n') => match size {
                0 => Chunk::Trailer(TrailerLine::Empty),
                // The line end behind the data is counted with it.
                size => Chunk::Data(size.checked_add(2).ok_or_else(overlong)?),
            },
            (Chunk::Size(size), digit) if digit.is_ascii_hexdigit() => {
                let digit = char::from(digit).to_digit(16).ok_or_else(overlong)?;
                Chunk::Size(
                    size.checked_mul(16)
                        .and_then(|size| size.checked_add(digit.into()))
                        .ok_or_else(overlong)?,
                )
            }
            (Chunk::Size(size) | Chunk::Extension(size), _) => Chunk::Extension(*size),
            (Chunk::Trailer(TrailerLine::Empty), b'\n') => return Ok(None),
            (Chunk::Trailer(TrailerLine::Field), b'\n') => Chunk::Trailer(TrailerLine::Empty),
            (Chunk::Trailer(TrailerLine::Empty), b'\r') => Chunk::Trailer(TrailerLine::Empty),
            (Chunk::Trailer(_), _) => Chunk::Trailer(TrailerLine::Field),
            (Chunk::Data(left), _) => Chunk::Data(*left),
        }))
    }
}

fn overlong() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "chunk size out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length_of(body: &[u8], length: Option<u64>, piece: usize) -> usize {
        let mut scan = BodyScan::new(length);
        let mut offset = 0;
        while scan != BodyScan::Ended && offset < body.len() {
            let end = (offset + piece).min(body.len());
            offset += scan.take(&body[offset..end]).unwrap();
        }
        assert_eq!(scan, BodyScan::Ended);
        offset
    }

    #[test]
    fn bodies_end_where_they_should_however_they_are_cut() {
        let next = b"GET /next HTTP/1.1\r\n";
        let bodies: [(&[u8], Option<u64>); 6] = [
            (b"", Some(0)),
            (b"hello", Some(5)),
            (b"0\r\n\r\n", None),
            (b"5;name=value\r\nhello\r\n0\r\n\r\n", None),
            (b"a \t\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", None),
            (b"1\r\nx\r\n0\r\ntrailer: 1\r\nother: 2\r\n\r\n", None),
        ];
        for (body, length) in bodies {
            let wire = [body, next].concat();
            for piece in 1..wire.len() {
                assert_eq!(length_of(&wire, length, piece), body.len(), "{body:?} cut at {piece}");
            }
        }
    }

    #[test]
    fn a_size_that_overflows_is_an_error() {
        assert!(BodyScan::new(None).take(b"10000000000000000\r\n").is_err());
        assert!(BodyScan::new(None).take(b"ffffffffffffffff\r\n").is_err());
    }
}
