//! The trace that a request belongs to (W3C Trace Context), and the export of its spans (OTLP).

#[cfg(feature = "otlp")]
mod collector;
pub(crate) mod context;
#[cfg(feature = "otlp")]
pub(crate) mod environment;
#[cfg(feature = "otlp")]
pub(crate) mod export;
pub(crate) mod request_trace;
#[cfg(feature = "otlp")]
pub(crate) mod sampling;
#[cfg(feature = "otlp")]
pub(crate) mod state;
