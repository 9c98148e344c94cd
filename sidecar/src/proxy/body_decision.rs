//! The decision on a request whose policy has a rule on the body: the body is read first, and nothing is sent to the upstream before.

use std::sync::Arc;
use std::time::Duration;

use actgate::chain::RecordedFacts;
use actgate::request::{BodyRead, ReadBody, ReplayBody};
use http::request::Parts;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;

use super::request_body::{BodyError, ClientBody};
use crate::gate::connection_info::Arrived;
use crate::gate::form::body_error;
use crate::gate::head_error::HeadError;
use crate::gate::request_head::Head;
use crate::gate::shadow::ReadInShadow;
use crate::gate::{Decided, Denial, Gate, Unforwarded};

/// How long the body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The KiB that all bodies may take that a rule of the policy reads.
const ROOM_KIB: usize = 64 * 1024;

/// The KiB that all bodies may take that only rules in shadow read.
const SHADOW_ROOM_KIB: usize = 16 * 1024;

/// The room for bodies that rules of the policy read, from before they are read until they are forwarded. Rules in shadow take
/// none of what others need.
#[derive(Clone, Debug)]
pub(crate) struct BodyRoom {
    enforced: Arc<Semaphore>,
    shadow: Arc<Semaphore>,
}

impl Default for BodyRoom {
    fn default() -> BodyRoom {
        BodyRoom {
            enforced: Arc::new(Semaphore::new(ROOM_KIB)),
            shadow: Arc::new(Semaphore::new(SHADOW_ROOM_KIB)),
        }
    }
}

/// Room for what may be read of a body, if there is some.
fn take(room: &Arc<Semaphore>, body: &ClientBody, limit: usize) -> Option<OwnedSemaphorePermit> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let most = body.size_hint().upper().map_or(limit, |length| length.min(limit));
    let kib = u32::try_from(most.div_ceil(1024)).ok()?;
    Arc::clone(room).try_acquire_many_owned(kib).ok()
}

/// A decision, what becomes of the request, and its body unless that was read in part.
pub(super) type DecidedRequest = (Box<Decided>, Result<Box<Head>, Unforwarded>, Option<ClientBody>);

/// Decides on a request by its head, and by its body where the decision depends on it.
pub(super) async fn decide(gate: &Gate, room: &BodyRoom, arrived: Arrived<'_>, body: ClientBody) -> DecidedRequest {
    let (mut decided, outcome) = gate.decide(arrived).await;
    if let Some(limit) = decided.body_limit() {
        return match take(&room.enforced, &body, limit) {
            // Few requests need it, and all would have room for it.
            Some(taken) => Box::pin(decide_by_body(gate, arrived, (body, taken), limit, (decided, outcome))).await,
            None => (decided, Err(denied(HeadError::NO_ROOM)), Some(body)),
        };
    }
    let body = match decided.shadow_body_limit() {
        Some(limit) if outcome.is_ok() => {
            let (read, facts, body) = Box::pin(read_in_shadow(gate, room, arrived, body, limit, &decided)).await;
            decided.read_in_shadow(read, facts);
            body
        }
        _ => body,
    };
    (decided, outcome, Some(body))
}

async fn decide_by_body(
    gate: &Gate,
    arrived: Arrived<'_>,
    (body, taken): (ClientBody, OwnedSemaphorePermit),
    limit: usize,
    (decided, outcome): (Box<Decided>, Result<Box<Head>, Unforwarded>),
) -> DecidedRequest {
    let read = match read(gate, arrived.request, &decided, &mut ReadBody::new(body, limit)).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return (decided, Err(denied(body_error(&*error))), None),
        Err(_) => return (decided, Err(denied(HeadError::BODY_LATE)), None),
    };
    let (by_body, outcome_by_body) = gate.decide_by_body(arrived, &decided, read.bytes()).await;
    match read.is_whole() {
        true => (by_body, outcome_by_body, Some(holding(read.replay(), taken))),
        false if outcome_by_body.is_err() => (by_body, outcome_by_body, None),
        // There is no body to send on.
        false => (decided, outcome, None),
    }
}

/// Reads a body for rules in shadow alone, and returns it as it came, whatever happens.
async fn read_in_shadow(
    gate: &Gate,
    room: &BodyRoom,
    arrived: Arrived<'_>,
    body: ClientBody,
    limit: usize,
    decided: &Decided,
) -> (ReadInShadow, Option<Box<RecordedFacts>>, ClientBody) {
    let Some(taken) = take(&room.shadow, &body, limit) else {
        return (ReadInShadow::Unread(HeadError::NO_ROOM), None, body);
    };
    let mut reading = ReadBody::new(body, limit);
    match read(gate, arrived.request, decided, &mut reading).await {
        Ok(Ok(read)) => {
            let (by_body, outcome) = gate.decide_by_body(arrived, decided, read.bytes()).await;
            let (in_shadow, facts) = match (outcome, by_body.into_decision()) {
                (_, Some((decision, facts))) => (ReadInShadow::Read(decision), facts),
                (Err(Unforwarded::Denied(Denial::Head(error))), None) => (ReadInShadow::Unread(error), None),
                // The head of the request was accepted before.
                (_, None) => (ReadInShadow::Unread(HeadError::BODY_INCOMPLETE), None),
            };
            (in_shadow, facts, holding(read.replay(), taken))
        }
        Ok(Err(error)) => {
            let unread = ReadInShadow::Unread(body_error(&*error));
            (unread, None, holding(reading.replay(Some(error)), taken))
        }
        Err(_) => {
            let unread = ReadInShadow::Unread(HeadError::BODY_LATE);
            (unread, None, holding(reading.replay(None), taken))
        }
    }
}

/// Reads a body within its time.
async fn read(
    gate: &Gate,
    request: &Parts,
    decided: &Decided,
    reading: &mut ReadBody<ClientBody>,
) -> Result<Result<BodyRead<ClientBody>, BodyError>, Elapsed> {
    let mut undecided = Undecided {
        gate,
        request,
        decided,
        is_read: false,
    };
    let read = tokio::time::timeout(BODY_TIME, reading).await;
    undecided.is_read = true;
    read
}

/// The body keeps its room as long as it is there.
fn holding(body: ReplayBody<ClientBody>, taken: OwnedSemaphorePermit) -> ClientBody {
    let body = body.map_err(move |error| {
        let _ = &taken;
        error
    });
    body.boxed_unsync()
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
