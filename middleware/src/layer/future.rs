//! The future of [`Authorize`](super::Authorize): the inner one, a rejection, or a wait.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::rejection_body::RejectionBody;
use crate::authorizer::Decision;

pin_project! {
    /// Resolves to the inner response, or to the rejection. It must not be polled after it is ready.
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
                StateProj::Waiting { waiting } => {
                    let Some(mut wait) = waiting.take() else {
                        return Poll::Pending;
                    };
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
                        layer.authorize(&request).into_decision()
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
