//! The future of [`Authorize`](super::Authorize): the inner one, a rejection, or a wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::bodies::{Content, NoBodies, ReadBodies};
use super::metadata::NoMetadata;
use super::rejection::ResponseForRejection;
use crate::authorizer::{Authorization, Counting, Decision, Waits};

pin_project! {
    /// Resolves to the inner response, or to the rejection.
    ///
    /// # Panics
    /// When it is polled after it returned a rejection. After an inner response, the inner future is polled again.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R, B, P = NoBodies>
    where
        S: Service<Request<B>>,
        P: ReadBodies<B>,
    {
        #[pin]
        pub(super) state: StateOf<S, R, B, P, S::Response>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<F, P, W, D, C> {
        Inner { #[pin] future: F },
        Rejected { response: Option<P> },
        Waiting { waiting: Option<W> },
        Reading { reading: Option<D> },
        Counting { counting: Option<C> },
    }
}

/// The state of a request to `S`, which answers with `A`. What few requests come to is boxed, so that the future of every other one is
/// small.
type StateOf<S, R, B, P, A> = State<
    <S as Service<Request<B>>>::Future,
    A,
    Box<Waiting<S, R, B, P>>,
    Box<ReadingBody<S, R, B, P>>,
    Box<CountedRequest<S, R, B, P>>,
>;

/// A request that waits: the ready service, the request it is called with, and the decision if nothing changes. Boxed as
/// a whole, so that the future of every other request is small.
pub(super) struct Waiting<S, R, B, P> {
    /// Whether to authorize the request again. The future of `Pending::resolve` has no name.
    pub(super) resolved: Pin<Box<dyn Future<Output = bool> + Send>>,
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer<R, NoMetadata, P>,
    pub(super) request: Request<B>,
    pub(super) decision: Decision,
    pub(super) waits: Waits,
}

/// A request whose body is being read, and the decision without it. Boxed as a whole.
pub(super) struct ReadingBody<S, R, B, P: ReadBodies<B>> {
    reading: P::Reading,
    inner: S,
    layer: AuthorizeLayer<R, NoMetadata, P>,
    head: Parts,
    decision: Decision,
}

/// A request that is being counted. Boxed as a whole.
pub(super) struct CountedRequest<S, R, B, P> {
    counted: Pin<Box<dyn Future<Output = Decision> + Send>>,
    inner: S,
    layer: AuthorizeLayer<R, NoMetadata, P>,
    request: Request<B>,
}

impl<S, R, B, P, C> StateOf<S, R, B, P, Response<C>>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: ResponseForRejection<C>,
    P: ReadBodies<B>,
{
    /// Enforces a decision: `inner`, which must be ready, is called, or the request is rejected. Before that its body is read, and it is
    /// counted, where the decision depends on it.
    pub(super) fn enforced(
        inner: S,
        layer: AuthorizeLayer<R, NoMetadata, P>,
        request: Request<B>,
        decision: Decision,
    ) -> Self {
        let Some(limit) = decision.limit_of_body() else {
            return State::counted(inner, layer, request, decision);
        };
        let (head, body) = request.into_parts();
        let reading = match layer.bodies.read(body, limit) {
            Ok(reading) => reading,
            Err(body) => return State::counted(inner, layer, Request::from_parts(head, body), decision),
        };
        State::Reading {
            reading: Some(Box::new(ReadingBody {
                reading,
                inner,
                layer,
                head,
                decision,
            })),
        }
    }

    /// Counts a request whose body has been read, where that was necessary, and enforces the decision.
    fn counted(mut inner: S, layer: AuthorizeLayer<R, NoMetadata, P>, request: Request<B>, decision: Decision) -> Self {
        match layer.count(decision) {
            Counting::Done(decision) => State::from(layer.enforce(&mut inner, request, decision)),
            Counting::Asked(counted) => State::Counting {
                counting: Some(Box::new(CountedRequest {
                    counted,
                    inner,
                    layer,
                    request,
                })),
            },
        }
    }
}

impl<F, P, W, D, C> State<F, P, W, D, C> {
    pub(super) fn rejected(response: P) -> Self {
        State::Rejected {
            response: Some(response),
        }
    }
}

impl<F, P, W, D, C> From<Result<F, P>> for State<F, P, W, D, C> {
    fn from(enforced: Result<F, P>) -> Self {
        match enforced {
            Ok(future) => State::Inner { future },
            Err(response) => State::rejected(response),
        }
    }
}

impl<S, R, B, P, C> ReadingBody<S, R, B, P>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: ResponseForRejection<C>,
    P: ReadBodies<B>,
{
    /// Decides by the body.
    fn decide(self, read: Content<B>) -> StateOf<S, R, B, P, Response<C>> {
        let ReadingBody {
            inner,
            layer,
            head,
            decision,
            ..
        } = self;
        let Content { bytes, is_whole, body } = read;
        let by_body = bytes.map(|bytes| layer.authorize_body(&decision, &head, &bytes));
        let decision = match by_body {
            // The rules on the body are in shadow: the request is sent on in any case.
            Ok(by_body) if decision.outcome().is_ok() => decision.with_shadow_of(by_body),
            Err(error) if decision.outcome().is_ok() => decision.with_shadow(error),
            Err(error) => Decision::without_route(decision.in_force(), error),
            Ok(by_body) if is_whole || by_body.outcome().is_err() => by_body,
            // Nothing has evaluated the rest of the body.
            Ok(_) => decision,
        };
        State::counted(inner, layer, Request::from_parts(head, body), decision)
    }
}

impl<S, R, B, P, C> Future for ResponseFuture<S, R, B, P>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: ResponseForRejection<C>,
    P: ReadBodies<B>,
{
    type Output = Result<Response<C>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                StateProj::Rejected { response } => {
                    return Poll::Ready(Ok(response.take().unwrap_or_else(polled_after_completion)));
                }
                StateProj::Waiting { waiting } => {
                    let mut wait = waiting.take().unwrap_or_else(polled_after_completion);
                    let Poll::Ready(changed) = wait.resolved.as_mut().poll(cx) else {
                        *waiting = Some(wait);
                        return Poll::Pending;
                    };
                    if changed {
                        match wait.layer.authorize_again(&wait.decision, &wait.request) {
                            Authorization::Pending(pending, decision) if wait.waits.begin(&pending) => {
                                wait.resolved = Box::pin(async move { pending.resolve().await });
                                wait.decision = decision;
                                *waiting = Some(wait);
                                continue;
                            }
                            authorization => wait.decision = authorization.into_decision(),
                        }
                    }
                    let Waiting {
                        inner,
                        layer,
                        request,
                        decision,
                        ..
                    } = *wait;
                    State::enforced(inner, layer, request, decision)
                }
                StateProj::Reading { reading } => {
                    let mut body = reading.take().unwrap_or_else(polled_after_completion);
                    let Poll::Ready(read) = Pin::new(&mut body.reading).poll(cx) else {
                        *reading = Some(body);
                        return Poll::Pending;
                    };
                    body.decide(read)
                }
                StateProj::Counting { counting } => {
                    let mut counted = counting.take().unwrap_or_else(polled_after_completion);
                    let Poll::Ready(decision) = counted.counted.as_mut().poll(cx) else {
                        *counting = Some(counted);
                        return Poll::Pending;
                    };
                    let CountedRequest {
                        mut inner,
                        layer,
                        request,
                        ..
                    } = *counted;
                    State::from(layer.enforce(&mut inner, request, decision))
                }
            };
            this.state.set(next);
        }
    }
}

/// Only a caller that breaks the contract of [`Future`] comes here. A panic shows it where a hang would not.
#[cold]
#[expect(clippy::panic, reason = "a future of the standard library panics here too")]
fn polled_after_completion<T>() -> T {
    panic!("`ResponseFuture` is polled after completion")
}

impl<S: Service<Request<B>>, R, B, P: ReadBodies<B>> fmt::Debug for ResponseFuture<S, R, B, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Inner { .. } => "ResponseFuture::Inner",
            State::Rejected { .. } => "ResponseFuture::Rejected",
            State::Waiting { .. } => "ResponseFuture::Waiting",
            State::Reading { .. } => "ResponseFuture::Reading",
            State::Counting { .. } => "ResponseFuture::Counting",
        })
    }
}
