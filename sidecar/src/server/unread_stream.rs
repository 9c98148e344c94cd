//! Ends a stream of HTTP/2 whose client does not read the response.
//!
//! The client sets how much of a response it receives (RFC 9113 section 5.2). While it accepts nothing, hyper does not
//! poll the body, and the connection may be in use by other streams: neither a time limit of the body nor one of the
//! socket applies. The task of the stream has the time limit.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, Sleep};

use super::early_end;

/// The longest part of a body that is sent at once, which is a frame of HTTP/2. A slow client makes progress with each.
const PART: usize = 16 * 1024;

tokio::task_local! {
    /// How the response of the stream is read that this task serves: hyper passes nothing else between the executor and
    /// a body.
    static READING: Arc<Reading>;
}

/// How the response of one stream is read.
#[derive(Debug, Default)]
struct Reading {
    /// The number of the part that waits for the client; 0 where none does.
    waiting: AtomicU64,
    /// None before the response.
    limit: OnceLock<Duration>,
}

/// A response was not read.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the client read nothing of a response for {}", humantime::format_duration(*.0))]
struct NotRead(Duration);

/// Runs the streams of a connection. It drops a stream, which resets it, when its client has read nothing of its
/// [`ReadBody`] for the time limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamExecutor;

impl<S> Executor<S> for StreamExecutor
where
    S: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: S) {
        tokio::spawn(run(stream));
    }
}

async fn run(stream: impl Future<Output = ()>) {
    let reading = Arc::<Reading>::default();
    let mut stream = pin!(READING.scope(reading.clone(), stream));
    let mut watch = Watch {
        reading,
        part: 0,
        due: None,
    };
    let ended = poll_fn(|cx| match stream.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending => watch.poll(cx).map(Err),
    });
    if let Err(unread) = ended.await {
        early_end::unread(&unread);
    }
}

/// The time limit of one stream.
struct Watch {
    reading: Arc<Reading>,
    /// The part that `due` is for.
    part: u64,
    /// Made when the client is waited for.
    due: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<NotRead> {
        let part = self.reading.waiting.load(Ordering::Relaxed);
        let Some(limit) = self.reading.limit.get().filter(|_| part != 0) else {
            return Poll::Pending;
        };
        let due = self.due.get_or_insert_with(|| Box::pin(tokio::time::sleep(*limit)));
        if std::mem::replace(&mut self.part, part) != part {
            due.as_mut().reset(Instant::now() + *limit);
        }
        ready!(due.as_mut().poll(cx));
        Poll::Ready(NotRead(*limit))
    }
}

/// The body of a response of a stream. Its parts are short, and recorded as they are sent.
#[derive(Debug)]
pub(super) struct ReadBody<B> {
    body: B,
    /// What is not sent of the last frame.
    rest: Bytes,
    part: u64,
    reading: Arc<Reading>,
}

impl<B> ReadBody<B> {
    /// The body of the stream that the current task serves, of which the client has to read something within `limit`.
    pub(super) fn new(body: B, limit: Duration) -> ReadBody<B> {
        let reading = READING.try_with(Arc::clone).unwrap_or_default();
        let _ = reading.limit.set(limit);
        // The client may accept nothing from the beginning on; then hyper never asks for a part.
        reading.waiting.store(1, Ordering::Relaxed);
        ReadBody {
            body,
            rest: Bytes::new(),
            part: 1,
            reading,
        }
    }
}

impl<B> Body for ReadBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            // The upstream is waited for.
            this.reading.waiting.store(0, Ordering::Relaxed);
            match ready!(Pin::new(&mut this.body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => this.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        this.part += 1;
        this.reading.waiting.store(this.part, Ordering::Relaxed);
        let part = this.rest.split_to(this.rest.len().min(PART));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.rest.is_empty() {
            true => self.body.size_hint(),
            false => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};
    use tokio::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// Sends a body as hyper does: one part for each permission of the client.
    async fn send<B>(body: B, mut permissions: mpsc::Receiver<()>)
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut body = ReadBody::new(body, LIMIT);
        while body.frame().await.is_some() {
            if permissions.recv().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_nothing_of_it_is_read() {
        let (permit, permissions) = mpsc::channel(1);
        let body = Full::new(Bytes::from(vec![0; 8 * PART]));
        let reads = async {
            for _ in 0..3 {
                tokio::time::sleep(LIMIT - Duration::from_secs(1)).await;
                permit.send(()).await.unwrap();
            }
            Instant::now()
        };
        let (start, stream) = (Instant::now(), run(send(body, permissions)));
        let (ended, last) = tokio::join!(
            async {
                stream.await;
                Instant::now()
            },
            reads
        );
        assert_eq!(last - start, 3 * (LIMIT - Duration::from_secs(1)));
        assert_eq!(ended - last, LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_client_accepts_nothing_from_the_beginning_on() {
        let start = Instant::now();
        run(async {
            let _unasked = ReadBody::new(Full::new(Bytes::from_static(b"a")), LIMIT);
            std::future::pending::<()>().await;
        })
        .await;
        assert_eq!(start.elapsed(), LIMIT);
    }

    /// A body whose one frame comes late.
    struct Late(Pin<Box<Sleep>>, Option<Bytes>);

    impl Body for Late {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            ready!(self.0.as_mut().poll(cx));
            Poll::Ready(self.1.take().map(|data| Ok(Frame::data(data))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_waits_for_the_upstream_has_time() {
        let (permit, permissions) = mpsc::channel(1);
        let late = 3 * LIMIT;
        let body = Late(Box::pin(tokio::time::sleep(late)), Some(Bytes::from_static(b"a")));
        permit.send(()).await.unwrap();
        let start = Instant::now();
        run(send(body, permissions)).await;
        assert_eq!(start.elapsed(), late);
    }

    #[tokio::test]
    async fn parts_are_short_and_complete() {
        let whole: Vec<u8> = (0..=255).cycle().take(2 * PART + 1).collect();
        let mut body = ReadBody::new(Full::new(Bytes::from(whole.clone())), LIMIT);
        assert_eq!(body.size_hint().exact(), Some(whole.len() as u64));
        let mut parts = Vec::new();
        while !body.is_end_stream() {
            parts.push(body.frame().await.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [PART, PART, 1]);
        assert_eq!(parts.concat(), whole);
    }
}
