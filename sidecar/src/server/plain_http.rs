//! A request in plain HTTP at a port of TLS: it is answered in plain text, so that its client learns what is wrong.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// What begins a request of HTTP/1. A record of TLS begins with 22 (RFC 8446 section 5.1).
const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];

const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 49\r\n\
    connection: close\r\n\r\nthis port is for https; the request came in http\n";

/// The most that is read after the answer, and how long it is waited for: a connection that is closed before its client has
/// read the answer may lose it.
const MAX_BYTES: usize = 64 * 1024;
const TIME: Duration = Duration::from_secs(1);

/// Whether the first bytes of a connection are those of a request.
pub(super) fn is_request(first: &[u8]) -> bool {
    METHODS.iter().any(|method| first.starts_with(method))
}

/// Answers the request, and ends the connection.
pub(super) async fn refuse(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    socket.write_all(ANSWER).await?;
    socket.shutdown().await?;
    let rest = async {
        let (mut space, mut left) = ([0; 4096], MAX_BYTES);
        while let Ok(count @ 1..) = socket.read(&mut space).await {
            let Some(less) = left.checked_sub(count) else { return };
            left = less;
        }
    };
    let _ = timeout(TIME, rest).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_with_a_method() {
        for (first, is) in [
            (&b"GET / HTTP/1.1"[..], true),
            (b"POST /", true),
            (b"GET", false),
            (b"get / HTTP/1.1", false),
            (b"PRI * HTTP/2.0", false),
            (&[22, 3, 1, 2, 0], false),
            (b"", false),
        ] {
            assert_eq!(is_request(first), is, "{first:?}");
        }
    }

    #[test]
    fn the_answer_has_the_length_of_its_body() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("connection: close"), "{head}");
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
    }
}
