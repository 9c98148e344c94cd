//! The future of [`Authorize`](super::Authorize): the inner one, a rejection, or a wait.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::rejection_body::RejectionBody;
use crate::authorizer::{Decision, Pending};

pin_project! {
    /// Resolves to the inner response, or to the rejection. It must not be polled after it is ready.
    pub struct ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, S::Response, Box<Wait<S, R, B>>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P, W> {
        Inner { #[pin] future: F },
        Rejected { response: Option<P> },
        Waiting { wait: Option<W> },
    }
}

/// A request that waits. Boxed as a whole, so that the future of every other request is small.
struct Wait<S, R, B> {
    // The future of `Pending::resolve` has no name.
    resolved: Pin<Box<dyn Future<Output = bool> + Send>>,
    waiting: Waiting<S, R, B>,
}

/// The ready service, the request it is called with, and the decision if nothing changes.
pub(super) struct Waiting<S, R, B> {
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer<R>,
    pub(super) request: Request<B>,
    pub(super) decision: Decision,
}

impl<S: Service<Request<B>>, R, B> ResponseFuture<S, R, B> {
    pub(super) fn inner(future: S::Future) -> Self {
        ResponseFuture {
            state: State::Inner { future },
        }
    }

    pub(super) fn rejected(response: S::Response) -> Self {
        ResponseFuture {
            state: State::Rejected {
                response: Some(response),
            },
        }
    }

    pub(super) fn pending(pending: Pending, waiting: Waiting<S, R, B>) -> Self {
        let resolved = Box::pin(async move { pending.resolve().await });
        ResponseFuture {
            state: State::Waiting {
                wait: Some(Box::new(Wait { resolved, waiting })),
            },
        }
    }
}

impl<S, R, B, C> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: RejectionBody<C>,
    C: Default,
{
    type Output = Result<Response<C>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                // [`None`] only where the caller polls a future that is ready already.
                StateProj::Rejected { response } => {
                    return response
                        .take()
                        .map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
                StateProj::Waiting { wait } => {
                    let Some(waiting) = wait.as_mut() else {
                        return Poll::Pending;
                    };
                    let changed = ready!(waiting.resolved.as_mut().poll(cx));
                    let Some(waited) = wait.take() else {
                        return Poll::Pending;
                    };
                    let Waiting {
                        mut inner,
                        layer,
                        request,
                        decision,
                    } = waited.waiting;
                    let decision = if changed {
                        layer.authorize(&request).into_decision()
                    } else {
                        decision
                    };
                    match layer.enforce(&mut inner, request, decision) {
                        Ok(future) => State::Inner { future },
                        Err(response) => State::Rejected {
                            response: Some(response),
                        },
                    }
                }
            };
            this.state.set(next);
        }
    }
}
