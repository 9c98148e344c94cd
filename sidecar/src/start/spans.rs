//! The export of spans, where the environment asks for one.

use crate::log::decision_log::DecisionLog;

/// The same log, of whose events spans are made where the environment names a collector.
///
/// # Errors
/// A sentence that names the variable which cannot be used.
#[cfg(feature = "otlp")]
pub(crate) fn with_spans(log: DecisionLog) -> Result<DecisionLog, String> {
    use crate::log::request_spans::RequestSpans;
    use crate::trace::environment::export_settings;
    use crate::trace::export::SpanExport;

    match export_settings()? {
        None => Ok(log),
        Some((settings, sampling)) => {
            let export = SpanExport::start(settings)?;
            Ok(log.with_spans(RequestSpans::new(sampling, export)))
        }
    }
}

/// The log as it is: this program exports no spans.
///
/// # Errors
/// Where the environment names a collector, and does not turn the export off.
#[cfg(not(feature = "otlp"))]
pub(crate) fn with_spans(log: DecisionLog) -> Result<DecisionLog, String> {
    use std::env;

    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
    let is_off = is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none");
    let named = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let named = named
        .into_iter()
        .find(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    match named.filter(|_| !is_off) {
        None => Ok(log),
        Some(name) => Err(format!(
            "{name}: this program is built without the feature `otlp`; with OTEL_SDK_DISABLED=true it starts"
        )),
    }
}
