//! How long a connection waits for a request, and for the rest of a request head.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::connection::activity::Activity;

/// The time limits of a connection that waits. They have one timer, which is moved when it is due or would be late, and not with
/// each request.
#[derive(Debug)]
pub(super) struct HeadLimits {
    activity: Activity,
    /// From the first byte of a head to its end. That of the first head begins with the connection.
    head: Duration,
    /// From the end of an exchange to the first byte of the next head. A part of a head that came together with the request
    /// before is not seen here, so that this includes the time for a head.
    idle: Duration,
    /// The number of the request head that is limited, and since when; none before its next part is waited for.
    limited: (u64, Option<Instant>),
    /// The number of the last request head of which a part has arrived.
    begun: Option<u64>,
    timer: Pin<Box<Sleep>>,
}

/// What has not arrived in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// The rest of a request head, or the first one.
    Head,
    /// A further request.
    Request,
}

impl HeadLimits {
    /// The limits of a connection that begins now.
    pub(super) fn new(activity: Activity, head: Duration, idle: Duration) -> HeadLimits {
        let timer = Box::pin(tokio::time::sleep(head));
        HeadLimits {
            activity,
            head,
            idle,
            limited: (0, Some(Instant::now())),
            begun: None,
            timer,
        }
    }

    /// Bytes have arrived.
    pub(super) fn arrived(&mut self) {
        let Some(next) = self.activity.next_head() else {
            return;
        };
        self.begun = Some(next);
        if self.limited.0 != next {
            self.limited = (next, None);
        }
    }

    /// No more bytes have arrived. Resolves when a limit has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let Some(next) = self.activity.poll_next_head(cx) else {
            return Poll::Pending;
        };
        match self.begun == Some(next) {
            true => self.activity.reads(),
            false => self.activity.waits(),
        }
        let (due, late) = if next == self.limited.0 {
            let since = self.limited.1.get_or_insert_with(Instant::now);
            (*since + self.head, Late::Head)
        } else if let Some((_, since)) = self.activity.idle() {
            (since + self.idle, Late::Request)
        } else {
            return Poll::Pending;
        };
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= due {
                return Poll::Ready(late);
            }
            self.timer.as_mut().reset(due);
        }
    }
}
