//! The trace of one request, and the spans that the gate adds to it.

use http::HeaderMap;

use super::context::{SpanId, TRACEPARENT, TRACESTATE, TraceContext, TraceId};

/// The trace that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct RequestTrace {
    pub(crate) id: TraceId,
    /// The spans of the gate; none where it exports none.
    pub(crate) own: Option<OwnSpans>,
}

/// The spans that the gate adds to a trace.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "what is read is exported"))]
pub(crate) struct OwnSpans {
    /// The span of the caller that they belong to; none in a trace that begins here.
    pub(crate) caller: Option<SpanId>,
    /// Of the request.
    pub(crate) request: SpanId,
    /// Of the request to the upstream, within it.
    pub(crate) upstream: SpanId,
    /// The flags of `traceparent`.
    pub(crate) flags: u8,
    /// The `tracestate` of the caller, where it is short and well-formed.
    pub(crate) state: Option<Box<str>>,
    /// Whether an invalid `tracestate` is removed.
    pub(crate) drops_state: bool,
    pub(crate) version: http::Version,
    pub(crate) is_https: bool,
    pub(crate) is_grpc: bool,
}

impl RequestTrace {
    /// The trace of a caller, to which the gate adds nothing.
    pub(crate) fn of(caller: TraceContext) -> RequestTrace {
        RequestTrace {
            id: caller.trace,
            own: None,
        }
    }

    /// The span of the request.
    pub(crate) fn span(&self) -> Option<SpanId> {
        self.own.as_ref().map(|own| own.request)
    }

    /// Makes the request to the upstream a part of the span of the gate. Without one its headers stay as they are.
    pub(crate) fn set(&self, headers: &mut HeaderMap) {
        let Some(own) = &self.own else {
            return;
        };
        let context = TraceContext {
            trace: self.id,
            span: own.upstream,
            flags: own.flags,
        };
        if let Some(header) = context.header() {
            headers.insert(TRACEPARENT, header);
        }
        if own.drops_state {
            headers.remove(TRACESTATE);
        }
    }
}
