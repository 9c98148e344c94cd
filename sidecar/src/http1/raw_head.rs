/// The longest head there may be: request line and header fields together.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// What a request head said on the wire that the parsed request no longer tells.
///
/// The `http` types drop a fragment from the request target, and hyper drops `Content-Length` where `Transfer-Encoding` stands beside it; both
/// are a second reading of the request (RFC 9112 section 3.2 and 6.3), so the front check must still see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawHead {
    /// The request line holds a `#`.
    pub fragment: bool,
    /// `Content-Length` and `Transfer-Encoding` stand in the same head.
    pub two_framings: bool,
}

impl RawHead {
    /// Reads a complete head, from its request line to the empty line. Judges nothing else: hyper parses the head and refuses what is malformed.
    pub fn read(head: &[u8]) -> RawHead {
        let mut lines = head.split(|byte| *byte == b'\n');
        let request_line = lines.next().unwrap_or_default();
        let (mut length, mut coding) = (false, false);
        for line in lines {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            length |= name.eq_ignore_ascii_case(b"content-length");
            coding |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        RawHead {
            fragment: request_line.contains(&b'#'),
            two_framings: length && coding,
        }
    }
}

/// Collects the bytes of one head until its empty line, wherever the reads happen to cut it.
#[derive(Debug, Default)]
pub struct HeadScan {
    head: Vec<u8>,
    line: Line,
}

/// What the line being read has held so far.
#[derive(Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Empty,
    Text,
}

impl HeadScan {
    /// True once the first byte of the request line has been seen (the empty lines that may stand before it do not count).
    pub fn started(&self) -> bool {
        !self.head.is_empty()
    }

    /// Takes the next bytes. Returns how many of them belong to this head and, when they end it, what it said; the scan is then ready for the
    /// next one. `None` in the second place: all of them belong to it and more is to come.
    pub fn take(&mut self, bytes: &[u8]) -> (usize, Option<RawHead>) {
        let mut taken = 0;
        while taken < bytes.len() {
            // hyper skips empty lines before the request line, and so must this.
            if !self.started() && matches!(bytes[taken], b'\r' | b'\n') {
                taken += 1;
                continue;
            }
            let rest = &bytes[taken..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let piece = &rest[..end.unwrap_or(rest.len())];
            // A carriage return is either the first half of a line end or makes hyper refuse the head.
            if piece.iter().any(|byte| *byte != b'\r') {
                self.line = Line::Text;
            }
            self.keep(piece);
            taken += piece.len();
            if end.is_some() {
                taken += 1;
                self.keep(b"\n");
                if std::mem::take(&mut self.line) == Line::Empty {
                    let raw = RawHead::read(&self.head);
                    self.head.clear();
                    return (taken, Some(raw));
                }
            }
        }
        (taken, None)
    }

    /// Past the limit hyper refuses the head with 431, so what follows need not be kept.
    fn keep(&mut self, piece: &[u8]) {
        let room = MAX_HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_in_pieces(wire: &[u8], piece: usize) -> Vec<(usize, RawHead)> {
        let mut scan = HeadScan::default();
        let (mut found, mut offset) = (Vec::new(), 0);
        while offset < wire.len() {
            let end = (offset + piece).min(wire.len());
            let (taken, head) = scan.take(&wire[offset..end]);
            offset += taken;
            if let Some(head) = head {
                found.push((offset, head));
            }
        }
        found
    }

    #[test]
    fn heads_end_at_the_empty_line_however_they_are_cut() {
        let wire = b"\r\n\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b#c HTTP/1.1\nHost: x\n\n";
        for piece in 1..wire.len() {
            let heads = scan_in_pieces(wire, piece);
            assert_eq!(heads.len(), 2, "cut at {piece}");
            assert_eq!(heads[0].1, RawHead::default());
            assert_eq!(
                heads[1],
                (
                    wire.len(),
                    RawHead {
                        fragment: true,
                        two_framings: false
                    }
                )
            );
        }
    }

    #[test]
    fn a_hash_elsewhere_is_no_fragment() {
        assert_eq!(RawHead::read(b"GET / HTTP/1.1\r\nx: #\r\n"), RawHead::default());
    }

    #[test]
    fn two_framings_are_seen_in_any_case_and_order() {
        for head in [
            &b"POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\nTransfer-Encoding: chunked\r\n"[..],
            b"POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nContent-Length:3\r\n",
        ] {
            assert!(RawHead::read(head).two_framings);
        }
        assert!(!RawHead::read(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n").two_framings);
    }

    #[test]
    fn an_endless_head_is_not_kept() {
        let mut scan = HeadScan::default();
        scan.take(b"GET / HTTP/1.1\r\n");
        for _ in 0..1024 {
            scan.take(&[b'a'; 1024]);
        }
        assert!(scan.head.len() <= MAX_HEAD_BYTES);
    }
}
