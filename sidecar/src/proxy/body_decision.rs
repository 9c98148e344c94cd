//! The decision on a request whose policy has a rule on the body: the body is read first, and nothing is sent to the upstream before.

use std::sync::Arc;
use std::time::Duration;

use actgate::request::ReadBody;
use http::request::Parts;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::request_body::ClientBody;
use crate::gate::form::FormError;
use crate::gate::head_error::HeadError;
use crate::gate::request_head::Head;
use crate::gate::{Decided, Denial, Gate, Unforwarded};

/// How long the body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The KiB that all bodies may take that a rule of the policy reads.
const ROOM_KIB: usize = 64 * 1024;

/// The room for bodies that a rule of the policy reads, from before they are read until they are forwarded.
#[derive(Clone, Debug)]
pub(crate) struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> BodyRoom {
        BodyRoom(Arc::new(Semaphore::new(ROOM_KIB)))
    }
}

impl BodyRoom {
    /// Room for what may be read of a body, if there is some.
    fn take(&self, body: &ClientBody, limit: usize) -> Option<OwnedSemaphorePermit> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let most = body.size_hint().upper().map_or(limit, |length| length.min(limit));
        let kib = u32::try_from(most.div_ceil(1024)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(kib).ok()
    }
}

/// A decision, what becomes of the request, and its body unless that was read in part.
pub(super) type DecidedRequest = (Decided, Result<Head, Unforwarded>, Option<ClientBody>);

/// Decides on a request by its head, and by its body where the decision depends on it.
pub(super) async fn decide(gate: &Gate, room: &BodyRoom, request: &Parts, body: ClientBody) -> DecidedRequest {
    let (decided, outcome) = gate.decide(request).await;
    let Some(limit) = decided.body_limit() else {
        return (decided, outcome, Some(body));
    };
    match room.take(&body, limit) {
        Some(taken) => decide_by_body(gate, request, (body, taken), limit, (decided, outcome)).await,
        None => (decided, Err(denied(HeadError::NO_ROOM)), Some(body)),
    }
}

async fn decide_by_body(
    gate: &Gate,
    request: &Parts,
    (body, taken): (ClientBody, OwnedSemaphorePermit),
    limit: usize,
    (decided, outcome): (Decided, Result<Head, Unforwarded>),
) -> DecidedRequest {
    let read = {
        let mut undecided = Undecided {
            gate,
            request,
            decided: &decided,
            is_read: false,
        };
        let read = tokio::time::timeout(BODY_TIME, ReadBody::new(body, limit)).await;
        undecided.is_read = true;
        read
    };
    let read = match read {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return (decided, Err(denied(FormError::Client(error).head_error())), None),
        Err(_) => return (decided, Err(denied(HeadError::BODY_LATE)), None),
    };
    let (by_body, outcome_by_body) = gate.decide_by_body(request, &decided, read.bytes()).await;
    match read.replay() {
        Some(body) => {
            // The body keeps its room as long as it is there.
            let body = body.map_err(move |never| {
                let _ = &taken;
                match never {}
            });
            let body = body.boxed_unsync();
            (by_body, outcome_by_body, Some(body))
        }
        None if outcome_by_body.is_err() => (by_body, outcome_by_body, None),
        // There is no body to send on.
        None => (decided, outcome, None),
    }
}

fn denied(error: HeadError) -> Unforwarded {
    Unforwarded::Denied(Denial::Head(error))
}

/// A request whose body is being read. It has its line in the decision log if its client leaves, which drops this.
struct Undecided<'d> {
    gate: &'d Gate,
    request: &'d Parts,
    decided: &'d Decided,
    is_read: bool,
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if !self.is_read {
            let Parts { method, uri, .. } = self.request;
            let reason = "the client left before its body was read";
            self.gate.record_left(method, uri, self.decided, reason);
        }
    }
}
