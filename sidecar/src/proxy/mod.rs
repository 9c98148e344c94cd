//! Enforcement: an allowed request is forwarded to the upstream, a denied one is answered.

pub(crate) mod body_decision;
mod causes;
pub(crate) mod credentials;
pub(crate) mod destination;
pub(crate) mod forward;
mod forwarding_record;
mod grpc;
pub(crate) mod json_rpc;
pub(crate) mod message_body;
mod outgoing;
pub(crate) mod refusal;
pub(crate) mod request_body;
pub(crate) mod response_body;
pub(crate) mod stream_end;
pub(crate) mod unforwarded_response;
pub(crate) mod upstream;
pub(crate) mod websocket;

use std::sync::Arc;

use actgate::challenge::Protocol;
use actgate::{Error, Policy};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use self::body_decision::BodyRoom;
use self::credentials::Obtained;
use self::destination::Destination;
use self::forward::{Caller, Forward};
use self::forwarding_record::{ForwardingRecord, Refused};
use self::outgoing::{BodyFailed, Outgoing};
use self::refusal::{Refusal, RequestBodyState};
use self::request_body::{BodyFault, ClientBody};
use self::response_body::ResponseBody;
use self::stream_end::TokenTime;
use crate::gate::connection_info::{Arrived, CallerDenied};
use crate::gate::cors;
use crate::gate::form::Content;
use crate::gate::head_error::HeadError;
use crate::gate::readable_form;
use crate::gate::{Decided, Denial, Gate};

/// A response to a client.
pub(crate) type Answer = Response<ResponseBody>;

/// A gate and the way to the upstream. Shared by all connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) gate: Arc<Gate>,
    pub(crate) body_room: BodyRoom,
    pub(crate) forward: Forward,
}

impl Proxy {
    /// Forwards a request or denies it.
    pub(crate) async fn answer(&self, arrived: Arrived<'_>, body: ClientBody) -> Answer {
        let grant = self
            .gate
            .cors
            .as_ref()
            .map(|pages| pages.grant(&arrived.request.headers));
        let mut response = self.decided_answer(arrived, body).await;
        let Some(grant) = grant else {
            return response;
        };
        if let ResponseBody::Upstream(_) = response.body() {
            cors::strip(response.headers_mut());
        }
        grant.apply(response.headers_mut());
        response
    }

    async fn decided_answer(&self, arrived: Arrived<'_>, body: ClientBody) -> Answer {
        let parts = arrived.request;
        let (decided, outcome, body) = body_decision::decide(&self.gate, &self.body_room, arrived, body).await;
        let outcome = outcome.and_then(|head| {
            let destinations = &self.forward.destinations;
            let of = |policy: &Policy| destinations.of(parts, head.host.as_str(), policy);
            let destination = self.gate.by_policy_of(&decided, of).map_err(Denial::Authorization)?;
            if let Some(body) = &body {
                self.check_form_head(parts, body, &decided)?;
            }
            Ok((head, destination))
        });
        let (decided, outcome) = self.gate.complete(parts, decided, outcome).await;
        let (head, destination, body) = match (outcome, body) {
            (Ok((head, destination)), Some(body)) => (head, destination, body),
            (outcome, body) => {
                // A request that is allowed has its body.
                let incomplete = || Denial::Head(HeadError::BODY_INCOMPLETE).into();
                let refused = Refused::from(outcome.err().unwrap_or_else(incomplete));
                refused.record(&self.gate, &decided, &parts.method, &parts.uri);
                return self.refuse(parts, body, &refused, &decided).await;
            }
        };
        // From here on the client may leave while something is waited for, and the request still has its line.
        let (line, version) = ((&parts.method, &parts.uri), parts.version);
        let protocol = Protocol::of(&parts.method, &parts.headers);
        let mut record = ForwardingRecord::new(&self.gate, &decided, line, protocol, self.forward.shown_address());
        let (content, credentials) = match self.complete(parts, body, destination, &decided).await {
            Ok(completed) => completed,
            Err((refused, body)) => {
                record.denied(&refused);
                return self.refuse(parts, body, &refused, &decided).await;
            }
        };
        let token = TokenTime::of(
            decided.identity(),
            &self.gate.authorizer,
            self.forward.streams.after_expiry,
        );
        let caller = Caller {
            identity: decided.stated(),
            token,
            credentials,
            protocol,
            decided_on: self
                .gate
                .by_policy_of(&decided, |policy| Arc::clone(policy.read_headers())),
        };
        let outgoing = Outgoing::new(
            &self.forward,
            (parts, content),
            &head,
            &caller,
            destination,
            decided.trace(),
        );
        let sent = match outgoing {
            Ok((outgoing, body)) => outgoing.send(body, &mut record).await,
            Err(error) => {
                record.failed("invalid_handshake", StatusCode::BAD_GATEWAY);
                return outgoing::no_tunnel(error, decided.id, None).map(ResponseBody::Own);
            }
        };
        sent.unwrap_or_else(|BodyFailed(fault)| {
            // The upstream received a part of the request at most, and no end of its body.
            let state = RequestBodyState::unread(version);
            let response = match fault {
                BodyFault::Client(error) => {
                    Refusal::new(error.status, error.code, error.reason).response(protocol, decided.id, state)
                }
                BodyFault::Expired => {
                    let challenge = self.gate.authorizer.challenge(&Error::expired());
                    refusal::challenge(&challenge, protocol, decided.id, state)
                }
            };
            record.body_failed(fault);
            response.map(ResponseBody::Own)
        })
    }

    /// Checks that a form is not encoded in a way that hides what it contains.
    fn check_form_head(&self, request: &Parts, body: &ClientBody, decided: &Decided) -> Result<(), Denial> {
        let is_opaque = body.is_end_stream() || readable_form::is_readable(&request.headers);
        match is_opaque || self.gate.form_rules(request, decided).is_none() {
            true => Ok(()),
            false => Err(Denial::Head(HeadError::FORM_ENCODING)),
        }
    }

    /// Reads what has to be known of a body before it is forwarded, and obtains the credentials for the upstream. Fails
    /// with the body, unless it has been read in part.
    async fn complete(
        &self,
        request: &Parts,
        body: ClientBody,
        destination: &Destination,
        decided: &Decided,
    ) -> Result<(Content<ClientBody>, Obtained), (Refused, Option<ClientBody>)> {
        let rules = match body.is_end_stream() {
            true => None,
            false => self.gate.form_rules(request, decided),
        };
        let content = match rules {
            None => Content::opaque(body),
            Some(rules) => Content::form(body, rules)
                .await
                .map_err(|error| (Denial::from(error).into(), None))?,
        };
        let clock = self.gate.authorizer.clock();
        match self.forward.obtain(request, destination, decided, clock).await {
            Ok(credentials) => Ok((content, credentials)),
            Err(error) => {
                let unread = content.map_err(Into::into).boxed_unsync();
                Err((Refused::Credential(error), Some(unread)))
            }
        }
    }

    /// `body` is the request body, unless it has been read in part.
    async fn refuse(&self, request: &Parts, body: Option<ClientBody>, refused: &Refused, decided: &Decided) -> Answer {
        let id = decided.id;
        let state = match body {
            Some(body) => refusal::discard_body(request, body).await,
            None => RequestBodyState::unread(request.version),
        };
        let protocol = Protocol::of(&request.method, &request.headers);
        let mut response = match refused {
            Refused::Gate(unforwarded) => {
                unforwarded_response::response(&self.gate, decided, request, unforwarded, (protocol, state))
            }
            Refused::Credential(error) => {
                let mut response = Refusal::new(error.status, error.code, error.title).response(protocol, id, state);
                if let Some(seconds) = error.retry_after {
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                response
            }
        };
        if refused.is_of_caller() {
            response.extensions_mut().insert(CallerDenied);
        }
        response.map(ResponseBody::Own)
    }
}
