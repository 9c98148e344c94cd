//! When a body or a tunnel is ended here: its token has expired, or nothing moves in it.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actgate::clock::Clock;
use actgate::{Authorizer, Identity};
use tokio::time::{Instant, Sleep};

/// The time that a body or a tunnel has at least, however soon its token expires: an ordinary response is complete by then.
const LEAST_TIME: u64 = 2;

/// How often the wall clock is read at least: it may be set, and it advances while the machine sleeps.
const CLOCK_INTERVAL: Duration = Duration::from_secs(60);

/// Limits of bodies and tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamLimits {
    /// How long a tunnel may make no progress.
    pub(crate) idle: Duration,
    pub(crate) after_expiry: AfterExpiry,
}

impl Default for StreamLimits {
    fn default() -> Self {
        StreamLimits {
            idle: Duration::from_secs(60 * 60),
            after_expiry: AfterExpiry::End,
        }
    }
}

/// What happens to a body or a tunnel whose token expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AfterExpiry {
    /// It ends.
    #[default]
    End,
    /// It goes on.
    Continue,
}

/// Until when a token is accepted.
#[derive(Clone, Debug)]
pub(crate) struct TokenTime {
    until: u64,
    clock: Clock,
}

impl TokenTime {
    /// Until `seconds` since 1970 by `clock`.
    pub(crate) fn until(seconds: u64, clock: Clock) -> TokenTime {
        TokenTime { until: seconds, clock }
    }

    /// The time of the token of an allowed request; none where it has no identity, or where a stream may outlive it.
    pub(crate) fn of(identity: Option<&Identity>, authorizer: &Authorizer, after: AfterExpiry) -> Option<TokenTime> {
        let identity = identity.filter(|_| after == AfterExpiry::End)?;
        let until = authorizer.accepted_until(identity);
        Some(TokenTime::until(until, authorizer.clock().clone()))
    }

    pub(crate) fn has_expired(&self) -> bool {
        self.clock.now() >= self.until
    }

    fn left(&self) -> Duration {
        Duration::from_secs(self.until.saturating_sub(self.clock.now()))
    }
}

/// Why a body or a tunnel is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Expired,
    Idle,
}

/// Waits for the end of a body or a tunnel. It has no timer before something is waited for.
#[derive(Debug)]
pub(crate) struct StreamEnd {
    token: Option<TokenTime>,
    idle: Duration,
    waiting_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    has_begun: bool,
}

impl StreamEnd {
    /// The end of a stream that `token` authorizes, or that makes no progress for `idle`.
    pub(crate) fn new(token: Option<TokenTime>, idle: Duration) -> StreamEnd {
        StreamEnd {
            token,
            idle,
            waiting_since: None,
            timer: None,
            has_begun: false,
        }
    }

    /// Something has moved.
    pub(crate) fn progress(&mut self) {
        self.waiting_since = None;
    }

    /// Whether the token has expired, for a stream that never waits.
    pub(crate) fn has_expired(&mut self) -> bool {
        self.begin();
        self.token.as_ref().is_some_and(TokenTime::has_expired)
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.has_begun, true)
            && let Some(token) = &mut self.token
        {
            token.until = token.until.max(token.clock.now().saturating_add(LEAST_TIME));
        }
    }

    /// Resolves at the end. For a stream that waits since the last [`StreamEnd::progress`].
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let waiting_since = *self.waiting_since.get_or_insert_with(Instant::now);
        self.begin();
        loop {
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(cx));
            }
            let now = Instant::now();
            let mut due = waiting_since + self.idle;
            if self.token.as_ref().is_some_and(TokenTime::has_expired) {
                return Poll::Ready(Ended::Expired);
            }
            if due <= now {
                return Poll::Ready(Ended::Idle);
            }
            if let Some(token) = &self.token {
                due = due.min(now + token.left().min(CLOCK_INTERVAL));
            }
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(due),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(due))),
            }
        }
    }

    /// Resolves at the end of a stream whose progress is read from `since`, the time of the last one.
    pub(crate) async fn ended(mut self, since: impl Fn() -> Instant) -> Ended {
        poll_fn(|cx| {
            loop {
                self.waiting_since = Some(since());
                // The timer was set for an earlier moment where something has moved since.
                match ready!(self.poll(cx)) {
                    Ended::Idle if Some(since()) != self.waiting_since => {}
                    ended => return Poll::Ready(ended),
                }
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use actgate::clock::FixedClock;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    async fn end(end: &mut StreamEnd) -> Ended {
        poll_fn(|cx| end.poll(cx)).await
    }

    /// A clock that keeps pace with the time of the runtime.
    fn clock(start: Instant, fixed: &FixedClock) {
        fixed.set(1_000 + start.elapsed().as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_token() {
        let (start, fixed) = (Instant::now(), FixedClock::at(1_000));
        let token = TokenTime::until(1_300, fixed.clone().into());
        let mut stream = StreamEnd::new(Some(token), HOUR);
        let ended = loop {
            tokio::select! {
                ended = end(&mut stream) => break ended,
                () = tokio::time::sleep(Duration::from_secs(1)) => clock(start, &fixed),
            }
            stream.progress();
        };
        assert_eq!(ended, Ended::Expired);
        assert!(matches!(start.elapsed().as_secs(), 300..=301));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_counts_within_a_minute() {
        let (start, fixed) = (Instant::now(), FixedClock::at(1_000));
        let token = TokenTime::until(1_300, fixed.clone().into());
        let mut stream = StreamEnd::new(Some(token), HOUR);
        let set = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            fixed.set(2_000);
            std::future::pending::<()>().await
        };
        tokio::select! {
            ended = end(&mut stream) => assert_eq!(ended, Ended::Expired),
            () = set => {}
        }
        assert!(start.elapsed() <= CLOCK_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_stream_without_progress_is_idle() {
        let start = Instant::now();
        let mut stream = StreamEnd::new(None, HOUR);
        for _ in 0..3 {
            let waited = tokio::time::timeout(HOUR - Duration::from_secs(1), end(&mut stream)).await;
            assert!(waited.is_err(), "still streaming");
            stream.progress();
        }
        assert_eq!(end(&mut stream).await, Ended::Idle);
        assert_eq!(start.elapsed(), 4 * HOUR - Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_after_the_expiry_has_time_to_arrive() {
        let (start, fixed) = (Instant::now(), FixedClock::at(1_000));
        let token = TokenTime::until(900, fixed.clone().into());
        let mut stream = StreamEnd::new(Some(token), HOUR);
        let ended = poll_fn(|cx| {
            clock(start, &fixed);
            stream.poll(cx)
        });
        let ended = ended.await;
        assert_eq!((ended, start.elapsed().as_secs()), (Ended::Expired, LEAST_TIME));
    }

    #[tokio::test(start_paused = true)]
    async fn progress_that_is_recorded_elsewhere_counts() {
        let start = Instant::now();
        let last = std::cell::Cell::new(start);
        let moves = async {
            for _ in 0..3 {
                tokio::time::sleep(HOUR - Duration::from_secs(1)).await;
                last.set(Instant::now());
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            ended = StreamEnd::new(None, HOUR).ended(|| last.get()) => assert_eq!(ended, Ended::Idle),
            () = moves => {}
        }
        assert_eq!(start.elapsed(), 4 * HOUR - Duration::from_secs(3));
    }
}
