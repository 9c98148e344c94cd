//! The line of a forwarded request in the decision log.

use std::time::Instant;

use actgate::Error;
use actgate::challenge::Protocol;
use http::{Method, StatusCode, Uri};
use uuid::Uuid;

use super::credentials::error::CredentialError;
use super::request_body::{BodyEnd, BodyFault, LastPart, RequestBody};
use super::upstream::client::Attempt;
use crate::gate::head_error::HeadError;
use crate::gate::{Decided, Denial, Gate, Unforwarded};
use crate::log::event::{Event, Forwarding};

/// The upstream error of a request whose client has left.
const CLIENT_GONE: &str = "client_gone";

/// The line of a request that its head allows. It is written once: when the head of the response has arrived, when the
/// attempt has failed, when the request is denied after all, or when the client has gone before, which drops this record.
#[derive(Debug)]
pub(crate) struct ForwardingRecord<'p> {
    gate: &'p Gate,
    decided: &'p Decided,
    method: &'p Method,
    uri: &'p Uri,
    protocol: Protocol,
    /// None before it is sent.
    sent: Option<Sent>,
    address: ShownAddress,
    is_written: bool,
    pub(crate) attempt: Attempt<'p>,
}

/// A request that is sent.
#[derive(Debug)]
struct Sent {
    at: Instant,
    body_end: BodyEnd,
}

/// Why a request is not forwarded.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The gate does not allow it.
    Gate(Unforwarded),
    /// It is allowed, and a credential for the upstream is missing.
    Credential(CredentialError),
}

impl From<Unforwarded> for Refused {
    fn from(unforwarded: Unforwarded) -> Refused {
        Refused::Gate(unforwarded)
    }
}

impl From<Denial> for Refused {
    fn from(denial: Denial) -> Refused {
        Refused::Gate(denial.into())
    }
}

impl Refused {
    /// Whether the caller is the cause: a failure of the gate, or of what it depends on, says nothing of the caller.
    pub(crate) fn is_of_caller(&self) -> bool {
        match self {
            Refused::Gate(Unforwarded::Denied(denial)) => denial.status().is_client_error(),
            Refused::Gate(_) => false,
            Refused::Credential(error) => error.status.is_client_error(),
        }
    }

    /// Writes the line of a request that is not forwarded.
    pub(crate) fn record(&self, gate: &Gate, decided: &Decided, method: &Method, uri: &Uri) {
        let mut event = decided.event(method, uri, decided.elapsed());
        match self {
            Refused::Gate(unforwarded) => unforwarded.describe(&mut event),
            Refused::Credential(error) => error.describe(&mut event),
        }
        gate.log.record(event);
    }
}

/// Whether the line has the address of the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownAddress {
    /// There are several.
    Shown,
    Omitted,
}

impl<'p> ForwardingRecord<'p> {
    /// The record of a request that is allowed by its head.
    pub(crate) fn new(
        gate: &'p Gate,
        decided: &'p Decided,
        (method, uri): (&'p Method, &'p Uri),
        protocol: Protocol,
        address: ShownAddress,
    ) -> ForwardingRecord<'p> {
        ForwardingRecord {
            gate,
            decided,
            method,
            uri,
            protocol,
            sent: None,
            address,
            is_written: false,
            attempt: Attempt::default(),
        }
    }

    /// The request is sent now with this body: what its decision took has passed.
    pub(crate) fn begins(&mut self, body: &RequestBody) {
        self.sent = Some(Sent {
            at: body.start().into_std(),
            body_end: body.ended_by_client(),
        });
    }

    /// Identifies the decision.
    pub(crate) fn id(&self) -> Uuid {
        self.decided.id
    }

    /// The upstream answered.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.write(Some(status), None, None);
    }

    /// The upstream did not answer, for the reason with this code; the client gets `answer`.
    pub(crate) fn failed(&mut self, code: &'static str, answer: StatusCode) {
        self.write(None, Some(code), Some(answer));
    }

    fn client_gone(&mut self) {
        self.write(None, Some(CLIENT_GONE), None);
    }

    /// The request is denied after all: its body failed before the upstream answered. A call of gRPC that its client
    /// cancels stays allowed: it has no other end where the client sends messages.
    pub(crate) fn body_failed(&mut self, fault: BodyFault) {
        let denial = match fault {
            BodyFault::Client(HeadError::BODY_INCOMPLETE) if self.protocol == Protocol::Grpc => {
                return self.client_gone();
            }
            BodyFault::Client(error) => Denial::Head(error),
            BodyFault::Expired => Denial::Authorization(Error::expired()),
        };
        self.denied(&denial.into());
    }

    /// The request is denied after all, before the upstream answered.
    pub(crate) fn denied(&mut self, refused: &Refused) {
        self.is_written = true;
        refused.record(self.gate, self.decided, self.method, self.uri);
    }

    fn write(&mut self, status: Option<StatusCode>, error: Option<&'static str>, answer: Option<StatusCode>) {
        self.is_written = true;
        let now = Instant::now();
        let sent = self.sent.as_ref().map(|sent| sent.at);
        let forwarding = Forwarding {
            address: match self.address {
                ShownAddress::Shown => self.attempt.address,
                ShownAddress::Omitted => None,
            },
            status: status.map(|status| status.as_u16()),
            url: self.attempt.url,
            answered: answer.map(|status| status.as_u16()),
            error,
            time_us: sent.map(|sent| u64::try_from((now - sent).as_micros()).unwrap_or(u64::MAX)),
        };
        let event = Event {
            forwarding: Some(forwarding),
            ..self
                .decided
                .event(self.method, self.uri, sent.unwrap_or(now) - self.decided.received_at())
        };
        self.gate.log.record(event);
    }
}

impl Drop for ForwardingRecord<'_> {
    fn drop(&mut self) {
        if self.is_written {
            return;
        }
        // A client that breaks off an upload over HTTP/2 resets its stream, which drops this record.
        match self.sent.as_ref().map(|sent| sent.body_end.last_part()) {
            Some(LastPart::Failed(fault)) => self.body_failed(fault),
            Some(LastPart::Pending) if self.protocol != Protocol::Grpc => {
                let reason = "the client left before its request was forwarded to its end";
                self.gate.record_left(self.method, self.uri, self.decided, reason);
            }
            _ => self.client_gone(),
        }
    }
}
