//! Reads a body up to a limit, and gives it back as it was.

use std::convert::Infallible;
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
/// assert!(read.replay().is_some()); // the same body, to be sent on
/// # Ok(())
/// # }
/// ```
///
/// It has NO time limit: the server, or the caller, has one.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ReadBody<B> {
    body: B,
    limit: usize,
    data: Data,
    trailers: Option<HeaderMap>,
}

/// What has been read.
#[derive(Debug)]
enum Data {
    /// A body of one frame is not copied.
    One(Bytes),
    Several(BytesMut),
}

impl<B> ReadBody<B> {
    /// Reads `body`, of which at most `limit` bytes are accepted.
    pub fn new(body: B, limit: usize) -> Self {
        ReadBody {
            body,
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

impl<B: Body + Unpin> Future for ReadBody<B> {
    type Output = Result<BodyRead, B::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let frame = ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()?;
            let is_complete = match frame.map(Frame::into_data) {
                None => true,
                Some(Ok(mut data)) => {
                    // One byte over the limit shows that there are too many.
                    let room = (this.limit - this.data.len()).saturating_add(1);
                    this.data.push(data.copy_to_bytes(data.remaining().min(room)));
                    if this.data.len() <= this.limit {
                        continue;
                    }
                    false
                }
                Some(Err(other)) => {
                    this.trailers = other.into_trailers().ok();
                    continue;
                }
            };
            return Poll::Ready(Ok(BodyRead {
                bytes: this.data.take(),
                trailers: this.trailers.take(),
                is_complete,
            }));
        }
    }
}

/// A body that has been read.
#[derive(Clone, Debug)]
pub struct BodyRead {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
    is_complete: bool,
}

impl BodyRead {
    /// The bytes; of a body over its limit, more than the limit, and not all of them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_parts(self) -> (Bytes, Option<ReplayBody>) {
        (self.bytes.clone(), self.replay())
    }

    /// The same body, with its trailers. [`None`] of a body over its limit.
    pub fn replay(self) -> Option<ReplayBody> {
        self.is_complete.then_some(ReplayBody {
            bytes: self.bytes,
            trailers: self.trailers,
        })
    }
}

/// A body that was read, to be sent on: the same bytes, and the same trailers.
#[derive(Clone, Debug, Default)]
pub struct ReplayBody {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

impl Body for ReplayBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let frame = match this.bytes.is_empty() {
            false => Some(Frame::data(std::mem::take(&mut this.bytes))),
            true => this.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.len() as u64;
        match &self.trailers {
            None => SizeHint::with_exact(length),
            // Over HTTP/1.1 a body with a length has no trailers.
            Some(_) => {
                let mut hint = SizeHint::new();
                hint.set_lower(length);
                hint
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
            let again = read.replay().unwrap().collect().await.unwrap();
            assert_eq!(again.trailers(), Some(&trailers));
            assert_eq!(again.to_bytes(), "{\"a\":1}");
        }
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_not_read_to_its_end() {
        for parts in [&["abcd", "efgh"][..], &["abcdefgh"]] {
            let read = ReadBody::new(body(parts, None), 6).await.unwrap();
            assert_eq!(read.bytes(), b"abcdefg");
            assert!(read.replay().is_none());
        }
    }
}
