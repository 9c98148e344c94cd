//! Which traces are exported.

use opentelemetry::trace::{SpanKind, TraceId as OtelTraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

use super::context::{TraceContext, TraceId};

/// The flag of a trace that is recorded.
pub(crate) const SAMPLED: u8 = 1;

/// The flag of a trace whose id is random (level 2).
const RANDOM: u8 = 2;

/// Which traces are exported.
#[derive(Clone, Debug)]
pub(crate) struct Sampling {
    /// Decides on the traces that no caller has decided on.
    pub(crate) root: Sampler,
    /// Whether a caller with a trace context decides.
    pub(crate) follows_caller: bool,
}

impl Sampling {
    /// The flags of the trace of a request.
    pub(crate) fn flags(&self, trace: TraceId, caller: Option<&TraceContext>) -> u8 {
        let is_sampled = match caller {
            Some(caller) if self.follows_caller => caller.flags & SAMPLED != 0,
            _ => {
                let trace = OtelTraceId::from(trace.0.get());
                let sampled = self.root.should_sample(None, trace, "", &SpanKind::Server, &[], &[]);
                sampled.decision == SamplingDecision::RecordAndSample
            }
        };
        let random = caller.map_or(RANDOM, |caller| caller.flags & RANDOM);
        random | u8::from(is_sampled)
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU64, NonZeroU128};

    use super::*;
    use crate::trace::context::SpanId;

    #[test]
    fn a_caller_decides_where_it_is_followed() {
        let trace = TraceId(NonZeroU128::MAX);
        let caller = |flags| TraceContext {
            trace,
            span: SpanId(NonZeroU64::MIN),
            flags,
        };
        for (root, follows_caller, flags, expected) in [
            (Sampler::AlwaysOn, true, None, SAMPLED | RANDOM),
            (Sampler::AlwaysOff, true, None, RANDOM),
            (Sampler::AlwaysOn, true, Some(0), 0),
            (Sampler::AlwaysOn, false, Some(0), SAMPLED),
            (Sampler::AlwaysOff, true, Some(SAMPLED), SAMPLED),
            (Sampler::AlwaysOff, false, Some(SAMPLED), 0),
            (Sampler::AlwaysOff, true, Some(0xff), SAMPLED | RANDOM),
            (Sampler::TraceIdRatioBased(0.0), true, None, RANDOM),
            (Sampler::TraceIdRatioBased(1.0), true, None, SAMPLED | RANDOM),
        ] {
            let sampling = Sampling { root, follows_caller };
            let caller = flags.map(caller);
            assert_eq!(
                sampling.flags(trace, caller.as_ref()),
                expected,
                "{sampling:?} {flags:?}"
            );
        }
    }
}
