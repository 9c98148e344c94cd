//! Writes of several pieces to a socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// So many bytes are copied in less time than the kernel takes for a list of pieces.
const JOINED_BYTES: usize = 2048;

/// Writes `pieces` to `socket`, few bytes as one piece: most heads, and the bodies that follow them, are short.
pub(crate) fn poll_write_pieces<S: AsyncWrite>(
    socket: Pin<&mut S>,
    cx: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    if let [piece] = pieces {
        return socket.poll_write(cx, piece);
    }
    let mut joined = [0; JOINED_BYTES];
    let mut length = 0;
    for piece in pieces {
        let Some(space) = joined.get_mut(length..length + piece.len()) else {
            return socket.poll_write_vectored(cx, pieces);
        };
        space.copy_from_slice(piece);
        length += piece.len();
    }
    socket.poll_write(cx, &joined[..length])
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn pieces_are_written_in_their_order() {
        for lengths in [
            &[][..],
            &[5],
            &[0, 3, 0],
            &[1000, 1048],
            &[1000, 1049],
            &[5000],
            &[10, 5000],
        ] {
            let (mut socket, mut other) = UnixStream::pair().unwrap();
            let bytes: Vec<u8> = (0..=250).cycle().take(lengths.iter().sum()).collect();
            let mut rest = &bytes[..];
            let pieces: Vec<IoSlice<'_>> = lengths
                .iter()
                .map(|length| {
                    let (piece, after) = rest.split_at(*length);
                    rest = after;
                    IoSlice::new(piece)
                })
                .collect();
            let written = poll_fn(|cx| poll_write_pieces(Pin::new(&mut socket), cx, &pieces)).await;
            assert_eq!(written.unwrap(), bytes.len());
            drop(socket);
            let mut read = Vec::new();
            other.read_to_end(&mut read).await.unwrap();
            assert!(read == bytes, "{lengths:?}");
        }
    }
}
