//! The trace context of a request: `traceparent` and `tracestate` (W3C Trace Context).

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};

/// The span that a request belongs to.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What tracing systems add to it.
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;

/// The id of a trace; 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(pub(crate) NonZeroU128);

/// The id of a span; 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(pub(crate) NonZeroU64);

/// A `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    pub(crate) flags: u8,
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TraceContext {
    /// The context in the headers of a request; none without exactly one well-formed `traceparent`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<TraceContext> {
        let mut lines = headers.get_all(TRACEPARENT).iter();
        let line = lines.next().filter(|_| lines.next().is_none())?;
        TraceContext::parse(line.as_bytes())
    }

    /// Reads one of version 00, and of a later version the part that every version has.
    fn parse(text: &[u8]) -> Option<TraceContext> {
        let (known, further) = text.split_at_checked(LENGTH)?;
        let is_separated = [2, 35, 52].into_iter().all(|place| known[place] == b'-');
        let version = hexadecimal(&known[..2])?;
        let is_whole = match version {
            0 => further.is_empty(),
            0xff => false,
            _ => matches!(further, [] | [b'-', ..]),
        };
        if !is_separated || !is_whole {
            return None;
        }
        Some(TraceContext {
            trace: TraceId(NonZeroU128::new(hexadecimal(&known[3..35])?)?),
            span: SpanId(NonZeroU64::new(u64::try_from(hexadecimal(&known[36..52])?).ok()?)?),
            flags: u8::try_from(hexadecimal(&known[53..])?).ok()?,
        })
    }

    /// As a header of version 00.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let TraceContext { trace, span, flags } = self;
        HeaderValue::try_from(format!("00-{trace}-{span}-{flags:02x}")).ok()
    }
}

/// Up to 32 digits in lower case.
fn hexadecimal(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number << 4 | u128::from(digit - b'0')),
        b'a'..=b'f' => Some(number << 4 | u128::from(digit - b'a' + 10)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|line| (name.clone(), HeaderValue::from_str(line).unwrap()));
        lines.collect()
    }

    #[test]
    fn a_context_is_read_and_written() {
        let context = TraceContext::of(&of(TRACEPARENT, &[VALID])).unwrap();
        assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span.to_string(), "00f067aa0ba902b7");
        assert_eq!(context.flags, 1);
        assert_eq!(context.header().unwrap(), VALID);
        for later in ["01", "cc", "fe"] {
            for further in ["", "-", "-what-comes"] {
                let text = format!("{later}{}{further}", &VALID[2..]);
                assert_eq!(TraceContext::of(&of(TRACEPARENT, &[&text])), Some(context), "{text}");
            }
        }
        let flags = TraceContext::of(&of(TRACEPARENT, &[&VALID.replace("-01", "-fe")]))
            .unwrap()
            .flags;
        assert_eq!(flags, 0xfe);
    }

    #[test]
    fn what_is_malformed_is_absent() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b77-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::of(&of(TRACEPARENT, &[text])), None, "{text}");
        }
        assert_eq!(TraceContext::of(&of(TRACEPARENT, &[VALID, VALID])), None);
        assert_eq!(TraceContext::of(&HeaderMap::new()), None);
        let foreign = HeaderValue::from_bytes(&[b'\xff'; LENGTH]).unwrap();
        assert_eq!(TraceContext::of(&HeaderMap::from_iter([(TRACEPARENT, foreign)])), None);
    }
}
