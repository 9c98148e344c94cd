//! The decision on one request: its head is checked, it is authorized, and the decision has its line in the log.
//!
//! The gate knows neither the protocol that a request came by nor what becomes of it. What the protocol's server saw
//! travels in the extensions of the request: [`connection_info`].

mod complete;
pub(crate) mod connection_info;
pub(crate) mod cors;
mod denial_note;
pub(crate) mod form;
pub(crate) mod form_token;
pub(crate) mod head_error;
pub(crate) mod hosts;
mod missing_token;
pub(crate) mod readable_form;
pub(crate) mod request_head;
pub(crate) mod request_host;
pub(crate) mod shadow;
pub(crate) mod trusted_proxies;
mod unforwarded;
pub(crate) mod upgrade;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actgate::chain::RecordedFacts;
use actgate::challenge::Challenge;
use actgate::policy::Agent;
use actgate::request::{Presented, Target};
use actgate::{Authorizer, Decision, Error, Identity, Policy};
use http::request::Parts;
use http::uri::Scheme;
use http::{Method, Uri};
use uuid::Uuid;

use self::connection_info::{Arrived, WebSocketConnect};
use self::cors::Cors;
use self::form::{AccessTokenRule, FormRules};
use self::head_error::HeadError;
use self::request_head::{Head, HeadRules};
pub(crate) use self::unforwarded::{Denial, Unforwarded};
use crate::headers::stated_identity::StatedIdentity;
use crate::log::decision_log::{self, DecisionLog};
use crate::log::event::{Api, Effect, Event};
use crate::log::fact_recording::FactRecording;
use crate::log::rate_limit::RateLimit;
use crate::trace::context::TraceContext;
use crate::trace::request_trace::RequestTrace;
use crate::unique_id::unique_id;

/// How often a ring is reported at most.
pub(crate) const RING_WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Decides on requests, and has the log of the decisions. Shared by all connections.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) authorizer: Authorizer,
    pub(crate) head_rules: HeadRules,
    /// None: responses have no headers of CORS but those of the upstream.
    pub(crate) cors: Option<Cors>,
    pub(crate) log: DecisionLog,
    /// Whether the trace context of a caller is believed: unless it is removed.
    pub(crate) reads_trace_context: bool,
    /// Which facts of tokens the log has; none where it has none.
    pub(crate) fact_recording: Option<FactRecording>,
    pub(crate) ring_warnings: RateLimit,
}

/// A decision on one request, to be recorded.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Identifies the decision, for the caller and in the log.
    pub(crate) id: Uuid,
    decision: Option<Decision>,
    /// What headers and the log state of its identity.
    stated: Option<Arc<StatedIdentity>>,
    /// The facts of its token, where they are recorded.
    facts: Option<Box<RecordedFacts>>,
    /// Why the body was not read for rules in shadow; none where it was read, or was not necessary.
    unread_in_shadow: Option<HeadError>,
    /// What the log says about a denial beside its reason.
    note: Option<Cow<'static, str>>,
    client_address: Option<IpAddr>,
    /// The decision API that enforces it elsewhere.
    api: Option<Api>,
    received: Received,
    /// When it was made, in UTC (RFC 3339).
    time: String,
}

/// What is known of a request when its head arrives.
#[derive(Clone, Debug)]
struct Received {
    at: Instant,
    /// None where nothing names one, and the gate exports none.
    trace: Option<RequestTrace>,
}

/// A request that is not decided on yet. Dropped before [`decided`](Self::decided), it has left with its client.
struct Undecided<'u> {
    gate: &'u Gate,
    request: &'u Parts,
    id: Uuid,
    client_address: Option<IpAddr>,
    received: Received,
    is_decided: bool,
}

impl Undecided<'_> {
    fn decided(mut self, decision: Option<(Decision, Option<Box<RecordedFacts>>)>) -> Decided {
        self.is_decided = true;
        self.with(decision)
    }

    fn with(&self, decision: Option<(Decision, Option<Box<RecordedFacts>>)>) -> Decided {
        let (decision, facts) = decision.unzip();
        Decided {
            id: self.id,
            facts: facts.flatten(),
            stated: decision.as_ref().and_then(Decision::identity).map(StatedIdentity::of),
            decision,
            unread_in_shadow: None,
            note: None,
            client_address: self.client_address,
            api: self.request.extensions.get().copied(),
            received: self.received.clone(),
            time: decision_log::now(),
        }
    }
}

impl Drop for Undecided<'_> {
    fn drop(&mut self) {
        if !self.is_decided {
            let Parts { method, uri, .. } = self.request;
            let reason = "the client left before the decision";
            self.gate.record_left(method, uri, &self.with(None), reason);
        }
    }
}

impl Decided {
    /// When the request head arrived.
    pub(crate) fn received_at(&self) -> Instant {
        self.received.at
    }

    /// The time since the request head arrived.
    pub(crate) fn elapsed(&self) -> Duration {
        self.received.at.elapsed()
    }

    /// The trace that the request belongs to.
    pub(crate) fn trace(&self) -> Option<&RequestTrace> {
        self.received.trace.as_ref()
    }

    /// The identity in a verified token; none on a public route.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.decision.as_ref().and_then(Decision::identity)
    }

    /// What headers and the log state of it.
    pub(crate) fn stated(&self) -> Option<&StatedIdentity> {
        self.stated.as_deref()
    }

    /// The route that matched, as the policy writes it.
    pub(crate) fn route(&self) -> Option<&str> {
        self.decision.as_ref().and_then(Decision::route)
    }

    /// The line of the request in the decision log, that of an allowed one, after a decision that took `latency`.
    pub(crate) fn event<'e>(&'e self, method: &'e Method, uri: &'e Uri, latency: Duration) -> Event<'e> {
        let identity = self.identity();
        Event {
            time: &self.time,
            id: self.id,
            trace_id: self.trace().map(|trace| trace.id),
            span_id: self.trace().and_then(RequestTrace::span),
            traced: self.trace().map(|trace| (trace, self.received.at)),
            method: method.as_str(),
            path: uri.path(),
            api: self.api,
            route: self.route(),
            policy_hash: self.decision.as_ref().map(|decision| decision.policy().hash().as_str()),
            decision: Effect::Allow,
            status: None,
            code: None,
            rule: None,
            // The reason of a denial comes before it.
            reason: self.note.as_deref().map(str::to_owned),
            retry_after: self
                .decision
                .as_ref()
                .and_then(Decision::error)
                .and_then(Error::retry_after),
            shadow: shadow::shadow(self.decision.as_ref(), self.unread_in_shadow),
            issuer: identity.map(Identity::issuer),
            identity: self.stated.as_deref(),
            facts: self.facts.as_deref(),
            agent_owner: self.decision.as_ref().and_then(Decision::agent).and_then(Agent::owner),
            client: self.stated().and_then(StatedIdentity::client),
            token_id: self.stated().and_then(StatedIdentity::token_id),
            client_address: self.client_address,
            latency_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            forwarding: None,
            left_out: 0,
            left_out_of_others: 0,
        }
    }

    /// Where the decision depends on the body, which was not read: how many bytes of it can be accepted.
    pub(crate) fn body_limit(&self) -> Option<usize> {
        self.decision.as_ref().and_then(Decision::body_limit)
    }

    /// The same, where the request is allowed and only rules in shadow depend on the body.
    pub(crate) fn shadow_body_limit(&self) -> Option<usize> {
        self.decision.as_ref().and_then(Decision::shadow_body_limit)
    }

    /// The decision of the policy, with the facts that are recorded; none of a request that was denied before it.
    pub(crate) fn into_decision(self) -> Option<(Decision, Option<Box<RecordedFacts>>)> {
        self.decision.map(|decision| (decision, self.facts))
    }

    /// The answer to a request that is denied with `error`.
    pub(crate) fn challenge(&self, authorizer: &Authorizer, error: &Error) -> Challenge {
        let decision = self.decision.as_ref();
        let denied = decision.and_then(|decision| authorizer.challenge_to(decision));
        denied.unwrap_or_else(|| authorizer.challenge(error))
    }
}

impl Gate {
    /// Decides on a request by its head: the head of an allowed request, or why the request is denied. It is not
    /// [counted](Self::complete) yet.
    pub(crate) async fn decide(&self, arrived: Arrived<'_>) -> (Box<Decided>, Result<Box<Head>, Unforwarded>) {
        let received = Received {
            at: Instant::now(),
            trace: self.trace(arrived),
        };
        self.decide_as(arrived, (unique_id(), received), None).await
    }

    /// Decides by the body of a request as well; `by_head` is the decision without it.
    pub(crate) async fn decide_by_body(
        &self,
        arrived: Arrived<'_>,
        by_head: &Decided,
        body: &[u8],
    ) -> (Box<Decided>, Result<Box<Head>, Unforwarded>) {
        let body = by_head.decision.as_ref().map(|decision| (decision, body));
        self.decide_as(arrived, (by_head.id, by_head.received.clone()), body)
            .await
    }

    /// With a body there is a decision without it.
    async fn decide_as(
        &self,
        arrived: Arrived<'_>,
        (id, received): (Uuid, Received),
        body: Option<(&Decision, &[u8])>,
    ) -> (Box<Decided>, Result<Box<Head>, Unforwarded>) {
        let (head, request) = (self.head_rules.check(arrived), arrived.request);
        let client_address = match &head {
            Ok(head) => head.client(),
            Err(_) => arrived.connection.and_then(|connection| connection.peer),
        };
        // The client may leave while keys are fetched.
        let undecided = Undecided {
            gate: self,
            request,
            id,
            client_address,
            received,
            is_decided: false,
        };
        let (decision, outcome) = match self.authorize(request, head, body).await {
            Ok((head, decision, facts)) => {
                let outcome = decision.outcome().map_err(|error| Denial::Authorization(error.clone()));
                let checked = || upgrade::check_allowed(request, head, decision.identity()).map_err(Denial::Head);
                let outcome = outcome.and_then(|()| checked());
                (Some((decision, facts)), outcome.map_err(Unforwarded::Denied))
            }
            Err(unforwarded) => (None, Err(unforwarded)),
        };
        // It is passed on several times.
        let mut decided = Box::new(undecided.decided(decision));
        if let Err(Unforwarded::Denied(Denial::Authorization(error))) = &outcome {
            decided.note = denial_note::note(self.cors.as_ref(), &self.authorizer, request, error);
        }
        (decided, outcome)
    }

    fn trace(
        &self,
        Arrived {
            request, connection, ..
        }: Arrived<'_>,
    ) -> Option<RequestTrace> {
        let caller = TraceContext::of(&request.headers).filter(|_| self.reads_trace_context);
        let scheme = connection.map(|connection| &connection.scheme);
        self.log.trace(caller, request, scheme.unwrap_or(&Scheme::HTTP))
    }

    /// What `ask` finds in the policy that a request is decided by.
    pub(crate) fn by_policy_of<T>(&self, decided: &Decided, ask: impl FnOnce(&Policy) -> T) -> T {
        match &decided.decision {
            Some(decision) => ask(decision.policy()),
            None => ask(&self.authorizer.policy()),
        }
    }

    /// What the body of an allowed request must not contain; none where no server reads parameters in it.
    pub(crate) fn form_rules(&self, request: &Parts, decided: &Decided) -> Option<FormRules> {
        let encoding = form::encoding(&request.headers)?;
        let target = Target::with_escaped_slashes(&request.method, &request.uri).ok()?;
        let rules = FormRules {
            encoding,
            access_token: match decided.identity() {
                Some(_) => AccessTokenRule::Denied,
                None => AccessTokenRule::Ignored,
            },
            methods: self.by_policy_of(decided, |policy| policy.denied_methods(&target)),
        };
        Some(rules).filter(|rules| !rules.permit_all())
    }

    async fn authorize(
        &self,
        request: &Parts,
        head: Result<Box<Head>, HeadError>,
        body: Option<(&Decision, &[u8])>,
    ) -> Result<(Box<Head>, Decision, Option<Box<RecordedFacts>>), Unforwarded> {
        let head = head.map_err(|error| {
            self.report_ring(error);
            Denial::Head(error)
        })?;
        let target = Target::with_escaped_slashes(&request.method, &request.uri).map_err(Denial::Authorization)?;
        let target = target.with_origin(head.scheme.as_str(), head.host.as_str());
        // A document in answer to it would begin a tunnel: there is none at this path.
        let is_connect = request.extensions.get::<WebSocketConnect>().is_some();
        let metadata = self.authorizer.metadata(&target, &request.headers);
        if let Some(metadata) = metadata.filter(|_| !is_connect) {
            return Err(Unforwarded::Metadata(metadata));
        }
        let preflight = self
            .cors
            .as_ref()
            .and_then(|cors| cors.preflight(request, &self.authorizer).ok());
        if let Some(preflight) = preflight {
            return Err(Unforwarded::Preflight(preflight));
        }
        let certificate = head.connection.client_certificate.as_ref();
        let presented = Presented::headers(&target, &request.headers).client_certificate(certificate);
        let presented = body.map_or(presented, |(_, body)| presented.body(body));
        let decision = match body {
            None => self.authorizer.decide_uncounted(&presented).await,
            Some((by_head, _)) => self.authorizer.decide_uncounted_again(by_head, &presented).await,
        };
        let recording = self.fact_recording.as_ref();
        let facts = recording.and_then(|recording| recording.facts(&self.authorizer, &decision, &presented));
        Ok((head, decision, facts))
    }

    /// Warns of a ring, seldom: each of its requests has a line in the decision log.
    ///
    /// Only the own pseudonym shows one. A client can send any number of other entries.
    fn report_ring(&self, error: HeadError) {
        if error == HeadError::RETURNED && self.ring_warnings.permits(Instant::now()) {
            let help = "`upstream` must lead to the API, not back to this gate";
            tracing::warn!(reason = error.reason, help, "requests go around in a ring");
        }
    }

    /// Writes the line of a request whose decision is enforced by another server.
    pub(crate) fn record(&self, request: &Parts, decided: &Decided, outcome: Result<(), &Unforwarded>) {
        let mut event = decided.event(&request.method, &request.uri, decided.elapsed());
        if let Err(unforwarded) = outcome {
            unforwarded.describe(&mut event);
        }
        self.log.record(event);
    }

    /// Writes the line of a request without a response, of which the upstream received no complete request: the client left,
    /// as `reason` states.
    pub(crate) fn record_left(&self, method: &Method, uri: &Uri, decided: &Decided, reason: &'static str) {
        let mut event = decided.event(method, uri, decided.elapsed());
        event.deny();
        (event.code, event.reason) = (Some("client_gone"), Some(reason.to_owned()));
        self.log.record(event);
    }
}
