//! The spans of requests: made of the same events as the decision log.
//!
//! Attributes are those of the semantic conventions of OpenTelemetry for HTTP, and `actgate.*`. None has a value that a client
//! chooses: no path, no address, no subject.

use std::borrow::Cow;
use std::num::{NonZeroU64, NonZeroU128};
use std::time::{Duration, Instant, SystemTime};

use actgate::challenge::Protocol;
use http::Version;
use http::request::Parts;
use http::uri::Scheme;
use opentelemetry::trace::{SpanContext, SpanId as OtelSpanId, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, SpanData, SpanEvents, SpanLinks};
use url::Url;

use super::event::{Effect, Event, Forwarding};
use crate::trace::context::{SpanId, TRACESTATE, TraceContext, TraceId};
use crate::trace::export::SpanExport;
use crate::trace::request_trace::{OwnSpans, RequestTrace};
use crate::trace::sampling::{SAMPLED, Sampling};
use crate::trace::state::has_valid_state;

/// The longest `tracestate` that a span has.
const MAX_STATE_BYTES: usize = 512;

/// The methods that a span names; all others are `_OTHER`.
const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
];

/// Makes the spans of requests. Clones export to the same collector.
#[derive(Clone, Debug)]
pub(crate) struct RequestSpans {
    sampling: Sampling,
    ids: RandomIdGenerator,
    scope: InstrumentationScope,
    pub(super) export: SpanExport,
}

impl RequestSpans {
    pub(crate) fn new(sampling: Sampling, export: SpanExport) -> RequestSpans {
        let scope = InstrumentationScope::builder("actgate").with_version(env!("CARGO_PKG_VERSION"));
        RequestSpans {
            sampling,
            ids: RandomIdGenerator::default(),
            scope: scope.build(),
            export,
        }
    }

    /// Begins the spans of a request: within those of its caller, or in a trace of their own.
    pub(super) fn begin(&self, caller: Option<TraceContext>, request: &Parts, scheme: &Scheme) -> RequestTrace {
        let id = caller.map_or_else(|| self.new_trace(), |caller| caller.trace);
        let is_state = caller.is_some() && has_valid_state(&request.headers);
        let flags = self.sampling.flags(id, caller.as_ref());
        RequestTrace {
            id,
            own: Some(OwnSpans {
                caller: caller.map(|caller| caller.span),
                request: self.new_span(),
                upstream: self.new_span(),
                flags,
                state: Some(request)
                    .filter(|_| is_state && flags & SAMPLED != 0)
                    .and_then(short_state),
                drops_state: !is_state,
                version: request.version,
                is_https: *scheme == Scheme::HTTPS,
                is_grpc: Protocol::of(&request.method, &request.headers) == Protocol::Grpc,
            }),
        }
    }

    fn new_trace(&self) -> TraceId {
        let id = u128::from_be_bytes(self.ids.new_trace_id().to_bytes());
        TraceId(NonZeroU128::new(id).unwrap_or(NonZeroU128::MAX))
    }

    fn new_span(&self) -> SpanId {
        let id = u64::from_be_bytes(self.ids.new_span_id().to_bytes());
        SpanId(NonZeroU64::new(id).unwrap_or(NonZeroU64::MAX))
    }

    /// Ends the spans of a request, whose head arrived at `received`, now.
    pub(super) fn end(&self, event: &Event<'_>, trace: &RequestTrace, received: Instant, now: SystemTime) {
        let Some(own) = trace.own.as_ref().filter(|own| own.flags & SAMPLED != 0) else {
            return;
        };
        let state = own
            .state
            .as_deref()
            .and_then(|state| state.parse().ok())
            .unwrap_or(TraceState::NONE);
        let span = |id: SpanId, parent: Option<SpanId>, kind, took: Duration| SpanData {
            span_context: SpanContext::new(
                trace.id.0.get().into(),
                id.0.get().into(),
                TraceFlags::new(own.flags),
                false,
                state.clone(),
            ),
            parent_span_id: parent.map_or(OtelSpanId::INVALID, |parent| parent.0.get().into()),
            parent_span_is_remote: parent.is_some() && parent == own.caller,
            span_kind: kind,
            name: Cow::Borrowed(""),
            start_time: now.checked_sub(took).unwrap_or(now),
            end_time: now,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        };
        let mut request = span(own.request, own.caller, SpanKind::Server, received.elapsed());
        describe_request(&mut request, event, own);
        let sent = event
            .forwarding
            .as_ref()
            .and_then(|forwarding| Some((forwarding, forwarding.time_us?)));
        match sent {
            None => self.export.push([request]),
            Some((forwarding, time)) => {
                let took = Duration::from_micros(time);
                let mut upstream = span(own.upstream, Some(own.request), SpanKind::Client, took);
                describe_forwarding(&mut upstream, event, forwarding);
                self.export.push([request, upstream]);
            }
        }
    }
}

/// The `tracestate` of a request as one list, unless it is long.
fn short_state(request: &Parts) -> Option<Box<str>> {
    let lines: Option<Vec<&str>> = request
        .headers
        .get_all(TRACESTATE)
        .iter()
        .map(|line| line.to_str().ok())
        .collect();
    let list = lines?.join(",");
    (1..=MAX_STATE_BYTES).contains(&list.len()).then(|| list.into())
}

fn describe_request(span: &mut SpanData, event: &Event<'_>, own: &OwnSpans) {
    let method = method(event);
    let path = event.route.and_then(path_of);
    let attributes = &mut span.attributes;
    let mut add = |name: &'static str, value: opentelemetry::Value| attributes.push(KeyValue::new(name, value));
    let name = match event.api {
        // The request arrived elsewhere: the one that arrived here asks about it.
        Some(api) => {
            add("actgate.api", api.name().into());
            api.name()
        }
        None => {
            add("http.request.method", method.into());
            add("url.scheme", if own.is_https { "https" } else { "http" }.into());
            add("network.protocol.version", version(own.version).into());
            if method == "_OTHER" { "HTTP" } else { method }
        }
    };
    span.name = match path {
        Some(path) => format!("{name} {path}").into(),
        None => name.into(),
    };
    if let Some(path) = path {
        add(
            if event.api.is_some() {
                "actgate.route"
            } else {
                "http.route"
            },
            path.to_owned().into(),
        );
    }
    add("actgate.decision", event.decision.name().into());
    add("actgate.decision.id", event.id.to_string().into());
    if let Some(code) = event.code {
        add("actgate.code", code.to_owned().into());
    }
    if let Some(identity) = event.identity {
        add(
            "actgate.chain.depth",
            i64::try_from(identity.depth).unwrap_or(i64::MAX).into(),
        );
        add("actgate.initiator.kind", identity.kind.to_string().into());
    }
    let forwarding = event.forwarding.as_ref();
    let status = event
        .status
        .or_else(|| forwarding.and_then(|forwarding| forwarding.status.or(forwarding.answered)));
    let failure = forwarding.and_then(|forwarding| forwarding.error);
    // A decision for another server is an answer, whatever it is.
    if let Some(status) = status.filter(|_| event.api.is_none()) {
        let is_own = forwarding.is_none_or(|forwarding| forwarding.status.is_none());
        let sent = if is_own && own.is_grpc { 200 } else { status };
        add("http.response.status_code", i64::from(sent).into());
    }
    let error = match status {
        Some(500..) => Some(
            failure
                .or(event.code)
                .map_or_else(|| Cow::Owned(status_text(status)), Cow::Borrowed),
        ),
        Some(_) => None,
        None => failure
            .or(event.code.filter(|_| event.decision == Effect::Deny))
            .map(Cow::Borrowed),
    };
    if let Some(error) = error {
        add("error.type", error.into_owned().into());
        span.status = Status::error("");
    }
}

fn describe_forwarding(span: &mut SpanData, event: &Event<'_>, forwarding: &Forwarding<'_>) {
    let method = method(event);
    span.name = if method == "_OTHER" { "HTTP" } else { method }.into();
    let mut add = |name: &'static str, value: opentelemetry::Value| span.attributes.push(KeyValue::new(name, value));
    add("http.request.method", method.into());
    let url = forwarding.url.unwrap_or_default();
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            add("server.address", url.host_str().unwrap_or_default().to_owned().into());
            if let Some(port) = url.port_or_known_default() {
                add("server.port", i64::from(port).into());
            }
            add("url.scheme", url.scheme().to_owned().into());
        }
        // A unix socket.
        _ => add("server.address", url.to_owned().into()),
    }
    if let Some(status) = forwarding.status {
        add("http.response.status_code", i64::from(status).into());
    }
    let error = match forwarding.status {
        Some(400..) => Some(status_text(forwarding.status)),
        Some(_) => None,
        None => forwarding.error.map(str::to_owned),
    };
    if let Some(error) = error {
        add("error.type", error.into());
        span.status = Status::error("");
    }
}

fn status_text(status: Option<u16>) -> String {
    status.map_or_else(String::new, |status| status.to_string())
}

fn method(event: &Event<'_>) -> &'static str {
    let known = METHODS.into_iter().find(|known| *known == event.method);
    known.unwrap_or("_OTHER")
}

/// The path of a route, which its methods come before.
fn path_of(route: &str) -> Option<&str> {
    route.split_whitespace().find(|word| word.starts_with('/'))
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
