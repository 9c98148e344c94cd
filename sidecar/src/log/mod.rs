//! The decision log and the process log.

pub(crate) mod decision_log;
pub(crate) mod event;
pub(crate) mod event_count;
pub(crate) mod fact_recording;
mod line;
pub(crate) mod line_writer;
pub(crate) mod log_file;
pub(crate) mod process_log;
pub(crate) mod rate_limit;
pub(crate) mod redact;
pub(crate) mod request_metrics;
#[cfg(feature = "otlp")]
pub(crate) mod request_spans;
pub(crate) mod sampling;
