//! The limits of client connections.

use std::time::Duration;

/// Limits of client connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    /// The time for a complete request head.
    pub(crate) header: Duration,
    /// How long a connection may be idle between two requests.
    pub(crate) keep_alive: Duration,
    /// How long a body may make no progress: a request that the client does not send on, or a response that it does not
    /// read.
    pub(crate) body: Duration,
    /// How long the gate accepts connections after it is asked to end and is no longer ready.
    pub(crate) drain_delay: Duration,
    /// How long requests in flight may take after that.
    pub(crate) drain: Duration,
    /// The longest request head in bytes: request line and header fields together.
    pub(crate) max_head: u32,
    /// The number of connections at a time; further ones wait in the kernel's queue.
    pub(crate) connections: u32,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            header: Duration::from_secs(5),
            keep_alive: Duration::from_secs(60),
            body: Duration::from_secs(60),
            drain_delay: Duration::ZERO,
            drain: Duration::from_secs(30),
            max_head: 32 * 1024,
            connections: 10_000,
        }
    }
}

impl ConnectionLimits {
    /// How long connections without a request stay open once draining has begun. Their next request may be on the way,
    /// and a client that does not see the end of a connection would lose it.
    pub(super) fn idle_drain(&self) -> Duration {
        (self.drain / 2).min(Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_take_half_of_the_drain_at_most() {
        let with = |seconds| ConnectionLimits {
            drain: Duration::from_secs(seconds),
            ..ConnectionLimits::default()
        };
        assert_eq!(with(30).idle_drain(), Duration::from_secs(5));
        assert_eq!(with(4).idle_drain(), Duration::from_secs(2));
        assert_eq!(with(0).idle_drain(), Duration::ZERO);
    }
}
