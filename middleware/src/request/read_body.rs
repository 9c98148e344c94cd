//! Reads a body up to a limit, and gives it back as it was.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// Reads a body until its end, or until it has more bytes than a limit.
///
/// ```
/// use actgate::request::ReadBody;
/// use http_body_util::Full;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), std::convert::Infallible> {
/// let body: Full<bytes::Bytes> = Full::from("{}");
/// let read = ReadBody::new(body, 10).await?;
/// assert_eq!(read.bytes(), b"{}");
/// let body = read.replay(); // the same body, to be sent on
/// # drop(body);
/// # Ok(())
/// # }
/// ```
///
/// It has NO time limit: the server, or the caller, has one. After that, and where the body fails, [`replay`](Self::replay) gives it
/// back.
#[must_use = "futures do nothing unless polled"]
pub struct ReadBody<B> {
    /// [`None`] after its end.
    body: Option<B>,
    limit: usize,
    data: Data,
    trailers: Option<HeaderMap>,
}

/// Without the bytes, which are a caller's.
impl<B> fmt::Debug for ReadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ReadBody");
        shown.field("limit", &self.limit).field("read", &self.data.len());
        shown.finish_non_exhaustive()
    }
}

/// What has been read.
enum Data {
    /// A body of one frame is not copied.
    One(Bytes),
    Several(BytesMut),
}

impl<B> ReadBody<B> {
    /// Reads `body`, of which at most `limit` bytes are accepted.
    pub fn new(body: B, limit: usize) -> Self {
        ReadBody {
            body: Some(body),
            limit,
            data: Data::One(Bytes::new()),
            trailers: None,
        }
    }
}

impl Data {
    fn len(&self) -> usize {
        match self {
            Data::One(bytes) => bytes.len(),
            Data::Several(bytes) => bytes.len(),
        }
    }

    fn push(&mut self, next: Bytes) {
        match self {
            Data::One(first) if first.is_empty() => *first = next,
            Data::One(first) => {
                let mut bytes = BytesMut::with_capacity(2 * (first.len() + next.len()));
                bytes.extend_from_slice(first);
                bytes.extend_from_slice(&next);
                *self = Data::Several(bytes);
            }
            Data::Several(bytes) => bytes.extend_from_slice(&next),
        }
    }

    fn take(&mut self) -> Bytes {
        match std::mem::replace(self, Data::One(Bytes::new())) {
            Data::One(bytes) => bytes,
            Data::Several(bytes) => bytes.freeze(),
        }
    }
}

impl<B: Body + Unpin> ReadBody<B> {
    /// The body as it came, after a reading that has not ended, or has failed with `error`: what was read, and then the rest, or the
    /// error.
    pub fn replay(mut self, error: Option<B::Error>) -> ReplayBody<B> {
        let rest = match error {
            None => self.body.map(Remainder::Body),
            Some(error) => Some(Remainder::Failed(error)),
        };
        ReplayBody {
            bytes: self.data.take(),
            excess: Bytes::new(),
            rest,
            trailers: self.trailers,
        }
    }

    fn read(&mut self, excess: Bytes) -> BodyRead<B> {
        BodyRead(ReplayBody {
            bytes: self.data.take(),
            excess,
            rest: self.body.take().map(Remainder::Body),
            trailers: self.trailers.take(),
        })
    }
}

impl<B: Body + Unpin> Future for ReadBody<B> {
    type Output = Result<BodyRead<B>, B::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        while let Some(body) = &mut this.body {
            let frame = ready!(Pin::new(body).poll_frame(cx)).transpose()?;
            match frame.map(Frame::into_data) {
                None => this.body = None,
                Some(Ok(mut data)) => {
                    // One byte over the limit shows that there are too many.
                    let room = (this.limit - this.data.len()).saturating_add(1);
                    this.data.push(data.copy_to_bytes(data.remaining().min(room)));
                    if this.data.len() > this.limit {
                        return Poll::Ready(Ok(this.read(data.copy_to_bytes(data.remaining()))));
                    }
                }
                Some(Err(other)) => this.trailers = other.into_trailers().ok(),
            }
        }
        Poll::Ready(Ok(this.read(Bytes::new())))
    }
}

/// A body that has been read, to its end or over its limit.
pub struct BodyRead<B: Body>(ReplayBody<B>);

impl<B: Body> fmt::Debug for BodyRead<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BodyRead").field(&self.0).finish()
    }
}

impl<B: Body> BodyRead<B> {
    /// The bytes; of a body over its limit, more than the limit, and not all of them.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Whether the body has ended: it is not over its limit.
    pub fn is_whole(&self) -> bool {
        self.0.rest.is_none()
    }

    pub(crate) fn shared_bytes(&self) -> Bytes {
        self.0.bytes.clone()
    }

    /// The body as it came, with its trailers.
    pub fn replay(self) -> ReplayBody<B> {
        self.0
    }
}

/// A body that was read, to be sent on as it came: the same bytes, and the same trailers. One that was not read to its end goes on
/// with the rest.
pub struct ReplayBody<B: Body> {
    bytes: Bytes,
    /// What follows the limit in the frame that exceeds it.
    excess: Bytes,
    rest: Option<Remainder<B, B::Error>>,
    trailers: Option<HeaderMap>,
}

/// What follows the bytes that were read.
enum Remainder<B, E> {
    Body(B),
    Failed(E),
}

/// An error is only moved out.
impl<B: Body + Unpin> Unpin for ReplayBody<B> {}

impl<B: Body> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody")
            .field("read", &(self.bytes.len() + self.excess.len()))
            .finish_non_exhaustive()
    }
}
impl<B: Body + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        for bytes in [&mut this.bytes, &mut this.excess] {
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes)))));
            }
        }
        if let Some(Remainder::Body(body)) = &mut this.rest {
            let as_bytes = |mut data: B::Data| data.copy_to_bytes(data.remaining());
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => return Poll::Ready(Some(frame.map(|frame| frame.map_data(as_bytes)))),
                None => this.rest = None,
            }
        }
        if let Some(Remainder::Failed(error)) = this.rest.take() {
            return Poll::Ready(Some(Err(error)));
        }
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        let has_ended = match &self.rest {
            None => true,
            Some(Remainder::Body(body)) => body.is_end_stream(),
            Some(Remainder::Failed(_)) => false,
        };
        has_ended && self.bytes.is_empty() && self.excess.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = (self.bytes.len() + self.excess.len()) as u64;
        let mut hint = match &self.rest {
            // Over HTTP/1.1 a body with a length has no trailers.
            None if self.trailers.is_none() => SizeHint::with_exact(0),
            Some(Remainder::Body(body)) => body.size_hint(),
            _ => SizeHint::new(),
        };
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(length));
        }
        hint.set_lower(hint.lower().saturating_add(length));
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::HeaderValue;
    use http_body_util::BodyExt as _;

    use super::*;

    /// A body of these frames.
    struct Frames(Vec<Frame<Bytes>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop().map(Ok))
        }
    }

    fn body(parts: &[&'static str], trailers: Option<HeaderMap>) -> Frames {
        let data = parts.iter().map(|part| Frame::data(Bytes::from(*part)));
        let mut frames: Vec<_> = data.chain(trailers.map(Frame::trailers)).collect();
        frames.reverse();
        Frames(frames)
    }

    #[tokio::test]
    async fn a_body_is_given_back_with_its_trailers() {
        let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))]);
        for parts in [&["{\"a\":", "1", "}"][..], &["{\"a\":1}"], &["", "{\"a\":1}", ""]] {
            let read = ReadBody::new(body(parts, Some(trailers.clone())), 7).await.unwrap();
            assert_eq!(read.bytes(), b"{\"a\":1}");
            assert!(read.is_whole());
            let again = read.replay().collect().await.unwrap();
            assert_eq!(again.trailers(), Some(&trailers));
            assert_eq!(again.to_bytes(), "{\"a\":1}");
        }
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_not_read_to_its_end() {
        for parts in [&["abcd", "efgh"][..], &["abcdefgh"]] {
            let read = ReadBody::new(body(parts, None), 6).await.unwrap();
            assert_eq!(read.bytes(), b"abcdefg");
            assert!(!read.is_whole());
            let again = read.replay();
            assert!(!again.is_end_stream());
            assert_eq!(again.collect().await.unwrap().to_bytes(), "abcdefgh");
        }
    }

    /// A body that delivers three bytes, and then stalls once or fails.
    #[derive(Clone, Copy)]
    enum Halting {
        Begins { fails: bool },
        Halts { fails: bool },
        Continues,
        Ended,
    }

    impl Body for Halting {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            let (next, frame) = match *self {
                Halting::Begins { fails } => (Halting::Halts { fails }, Poll::Ready(Some(Ok("abc")))),
                Halting::Halts { fails: false } => (Halting::Continues, Poll::Pending),
                Halting::Halts { fails: true } => (Halting::Ended, Poll::Ready(Some(Err("cut")))),
                Halting::Continues => (Halting::Ended, Poll::Ready(Some(Ok("de")))),
                Halting::Ended => (Halting::Ended, Poll::Ready(None)),
            };
            *self = next;
            frame.map(|frame| frame.map(|data| data.map(|data| Frame::data(Bytes::from(data)))))
        }
    }

    #[tokio::test]
    async fn a_body_that_stalls_or_fails_is_given_back_as_it_came() {
        let mut reading = ReadBody::new(Halting::Begins { fails: false }, 6);
        let polled = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut reading).poll(cx))).await;
        assert!(polled.is_pending());
        assert_eq!(reading.replay(None).collect().await.unwrap().to_bytes(), "abcde");

        let mut reading = ReadBody::new(Halting::Begins { fails: true }, 6);
        let error = (&mut reading).await.unwrap_err();
        let mut failed = reading.replay(Some(error));
        assert_eq!((failed.size_hint().lower(), failed.size_hint().exact()), (3, None));
        assert_eq!(failed.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
        assert!(!failed.is_end_stream());
        assert_eq!(failed.frame().await.unwrap().unwrap_err(), "cut");
        assert!(failed.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_body_of_one_frame_is_not_copied() {
        let data = Bytes::from(vec![b'a'; 64]);
        let read = ReadBody::new(http_body_util::Full::new(data.clone()), 64)
            .await
            .unwrap();
        assert_eq!(read.bytes().as_ptr(), data.as_ptr());
        assert_eq!(read.shared_bytes(), data);
    }

    #[tokio::test]
    async fn the_length_of_a_body_is_kept() {
        let full = |text: &'static str| http_body_util::Full::new(Bytes::from(text));
        let whole = ReadBody::new(full("abc"), 6).await.unwrap().replay();
        assert_eq!(whole.size_hint().exact(), Some(3));
        let longer = ReadBody::new(full("abcdefghij"), 6).await.unwrap().replay();
        assert_eq!(longer.size_hint().exact(), Some(10));
        let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))]);
        let read = ReadBody::new(body(&["abc"], Some(trailers)), 6).await.unwrap();
        let hint = read.replay().size_hint();
        assert_eq!((hint.lower(), hint.exact()), (3, None));
        let empty = ReadBody::new(full(""), 6).await.unwrap().replay();
        assert!(empty.is_end_stream());
    }

    #[tokio::test]
    async fn debug_output_shows_how_much_is_read_and_no_bytes() {
        let reading = ReadBody::new(body(&["hidden"], None), 3);
        assert_eq!(format!("{reading:?}"), "ReadBody { limit: 3, read: 0, .. }");
        let read = reading.await.unwrap();
        assert_eq!(format!("{read:?}"), "BodyRead(ReplayBody { read: 6, .. })");
    }
}
