//! How the requests of a connection begin and end, and what answers them.

use std::time::Duration;

use actgate::challenge::Protocol;
use http::request::Parts;
use http::{Response, StatusCode};

use super::connections::Era;
use super::head_form;
use super::running::Running;
use crate::connection::activity::Caller;
use crate::gate::connection_info::{Arrived, CallerDenied, ConnectionInfo};
use crate::proxy::Answer;
use crate::proxy::refusal::{Refusal, RequestBodyState};
use crate::proxy::request_body::ClientBody;
use crate::proxy::response_body::ResponseBody;
use crate::unique_id::unique_id;

/// What answers the requests of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// It forwards what it allows.
    Proxy,
    /// It states its decisions, which its clients enforce.
    Decisions,
}

impl Service {
    /// Answers a request by what runs when it begins, on a connection of `era`.
    pub(super) async fn answer(
        self,
        running: &Running,
        era: &Era,
        (request, connection): (&mut Parts, &ConnectionInfo),
        body: ClientBody,
    ) -> Answer {
        if era.is_over() {
            let title = "the settings that this connection began with are not in force any more; connect again";
            let refusal = Refusal::new(StatusCode::MISDIRECTED_REQUEST, "connection_outdated", title);
            let state = RequestBodyState::unread(request.version);
            return refusal
                .response(Protocol::Http, unique_id(), state)
                .map(ResponseBody::Own);
        }
        match (self, &running.proxy, &running.decisions) {
            (Service::Proxy, Some(proxy), _) => {
                let arrived = Arrived {
                    form: head_form::of(request.version),
                    request,
                    connection: Some(connection),
                };
                proxy.answer(arrived, body).await
            }
            // A request that is forwarded needs no room for it.
            (Service::Decisions, _, Some(api)) => {
                request.extensions.insert(connection.clone());
                request.extensions.insert(head_form::of(request.version));
                Box::pin(api.answer(request, body)).await
            }
            // No reload changes what listeners there are.
            (Service::Proxy, None, _) | (Service::Decisions, _, None) => {
                let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "nothing is served here");
                let state = RequestBodyState::unread(request.version);
                refusal
                    .response(Protocol::Http, unique_id(), state)
                    .map(ResponseBody::Own)
            }
        }
    }

    /// How long a call of gRPC or an event stream may be silent; `other` is that of all other bodies.
    pub(super) fn stream_idle(self, running: &Running, other: Duration) -> Duration {
        match (self, &running.proxy) {
            (Service::Proxy, Some(proxy)) => proxy.forward.streams.idle,
            _ => other,
        }
    }
}

/// The connection is closed to make room for another one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection makes room for another one")]
pub(super) struct MadeRoom;

/// What became of a request, by its response.
pub(super) fn caller_of<B>(response: &Response<B>) -> Caller {
    match response.extensions().get() {
        Some(CallerDenied) => Caller::Denied,
        None => Caller::Served,
    }
}
