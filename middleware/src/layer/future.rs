//! The future of [`Authorize`](super::Authorize): the inner one, a rejection, or a wait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::rejection::ResponseForRejection;
use crate::authorizer::Decision;
use crate::request::Target;

pin_project! {
    /// Resolves to the inner response, or to the rejection.
    ///
    /// # Panics
    /// When it is polled after it returned a rejection. After an inner response, the inner future is polled again.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        pub(super) state: State<S::Future, S::Response, Box<Waiting<S, R, B>>>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<F, P, W> {
        Inner { #[pin] future: F },
        Rejected { response: Option<P> },
        Waiting { waiting: Option<W> },
    }
}

/// A request that waits: the ready service, the request it is called with, and the decision if nothing changes. Boxed as
/// a whole, so that the future of every other request is small.
pub(super) struct Waiting<S, R, B> {
    /// Whether to authorize the request again. The future of `Pending::resolve` has no name.
    pub(super) resolved: Pin<Box<dyn Future<Output = bool> + Send>>,
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer<R>,
    pub(super) request: Request<B>,
    pub(super) decision: Decision,
}

impl<F, P, W> From<Result<F, P>> for State<F, P, W> {
    fn from(enforced: Result<F, P>) -> Self {
        match enforced {
            Ok(future) => State::Inner { future },
            Err(response) => State::Rejected {
                response: Some(response),
            },
        }
    }
}

impl<S, R, B, C> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: ResponseForRejection<C>,
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
                    let Waiting {
                        mut inner,
                        layer,
                        request,
                        decision,
                        ..
                    } = *wait;
                    let decision = if changed {
                        let target = Target::with_escaped_slashes(request.method(), request.uri());
                        layer.authorize(target, &request).into_decision()
                    } else {
                        decision
                    };
                    layer.enforce(&mut inner, request, decision).into()
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

impl<S: Service<Request<B>>, R, B> fmt::Debug for ResponseFuture<S, R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Inner { .. } => "ResponseFuture::Inner",
            State::Rejected { .. } => "ResponseFuture::Rejected",
            State::Waiting { .. } => "ResponseFuture::Waiting",
        })
    }
}
