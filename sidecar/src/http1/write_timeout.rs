//! The time limit of an answer that the client does not read.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

/// Counts from the moment that the socket takes no more until it takes a byte again. Without it a client that sends requests and reads no answer
/// holds its connection for ever.
#[derive(Debug)]
pub struct Unread {
    limit: Duration,
    due: Option<Pin<Box<Sleep>>>,
}

impl Unread {
    /// Nothing is waiting to be read yet.
    pub fn new(limit: Duration) -> Unread {
        Unread { limit, due: None }
    }

    /// The outcome of a write, which is an error once the limit is reached.
    pub fn limit(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.due = None;
            return written;
        }
        self.due
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.limit)))
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "answer is not read")))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::Wire;
    use super::*;

    const HEAD: Duration = Duration::from_secs(5);
    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_ends_the_connection() {
        let (client, server) = tokio::io::duplex(16);
        let (mut wire, _slot) = Wire::new(server, HEAD, LIMIT);
        let started = tokio::time::Instant::now();
        let late = wire.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), LIMIT.as_secs());
        drop(client);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_waited_for_as_long_as_it_reads() {
        let (mut client, server) = tokio::io::duplex(16);
        let (mut wire, _slot) = Wire::new(server, HEAD, LIMIT);
        let reader = async {
            for _ in 0..8 {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                client.read_exact(&mut [0; 8]).await.unwrap();
            }
        };
        let started = tokio::time::Instant::now();
        let ((), written) = tokio::join!(reader, wire.write_all(&[0; 64]));
        written.unwrap();
        assert!(started.elapsed() > 4 * LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_written_all_is_not_limited() {
        let (mut client, server) = tokio::io::duplex(16);
        let (mut wire, _slot) = Wire::new(server, HEAD, LIMIT);
        wire.write_all(&[0; 16]).await.unwrap();
        tokio::time::sleep(4 * LIMIT).await;
        client.read_exact(&mut [0; 16]).await.unwrap();
        wire.write_all(&[0; 16]).await.unwrap();
    }
}
