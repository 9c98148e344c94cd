//! The future of [`Authorize`](super::Authorize): the inner one, a refusal, or a wait for one fetch of keys.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::refusal_body::RefusalBody;

use crate::authorizer::{Decision, Missed};

pin_project! {
    /// Resolves to the inner response, or to the refusal.
    pub struct ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, S::Response, Box<Refetch<S, R, B>>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, P, W> {
        Inner { #[pin] future: F },
        Refused { response: Option<P> },
        Refetching { wait: Option<W> },
    }
}

/// A request that waits for the keys of its issuer. Boxed as a whole, so that every other request's future stays small.
struct Refetch<S, R, B> {
    // The future of a refetch has no name.
    fetched: Pin<Box<dyn Future<Output = bool> + Send>>,
    held: Held<S, R, B>,
    decision: Decision,
}

/// The ready service and the request it is to be called with.
pub(super) struct Held<S, R, B> {
    pub(super) inner: S,
    pub(super) layer: AuthorizeLayer<R>,
    pub(super) request: Request<B>,
}

impl<S: Service<Request<B>>, R, B> ResponseFuture<S, R, B> {
    pub(super) fn inner(future: S::Future) -> Self {
        ResponseFuture {
            state: State::Inner { future },
        }
    }

    pub(super) fn refused(response: S::Response) -> Self {
        ResponseFuture {
            state: State::Refused {
                response: Some(response),
            },
        }
    }

    pub(super) fn refetching(missed: Missed, held: Held<S, R, B>, decision: Decision) -> Self {
        let fetched = Box::pin(async move { missed.refetch().await });
        ResponseFuture {
            state: State::Refetching {
                wait: Some(Box::new(Refetch {
                    fetched,
                    held,
                    decision,
                })),
            },
        }
    }
}

impl<S, R, B, C> Future for ResponseFuture<S, R, B>
where
    S: Service<Request<B>, Response = Response<C>>,
    R: RefusalBody<C>,
    C: Default,
{
    type Output = Result<Response<C>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Inner { future } => return future.poll(cx),
                // Polled again after it was ready, which no caller may do: there is nothing more to come.
                StateProj::Refused { response } => {
                    return response
                        .take()
                        .map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
                StateProj::Refetching { wait } => {
                    let Some(waiting) = wait.as_mut() else {
                        return Poll::Pending;
                    };
                    let fetched = ready!(waiting.fetched.as_mut().poll(cx));
                    let Some(waited) = wait.take() else {
                        return Poll::Pending;
                    };
                    let Refetch { held, decision, .. } = *waited;
                    let Held {
                        mut inner,
                        layer,
                        request,
                    } = held;
                    let decision = if fetched {
                        layer.judge(&request).decision
                    } else {
                        decision
                    };
                    match layer.enforce(&mut inner, request, decision) {
                        Ok(future) => State::Inner { future },
                        Err(response) => State::Refused {
                            response: Some(response),
                        },
                    }
                }
            };
            this.state.set(next);
        }
    }
}
