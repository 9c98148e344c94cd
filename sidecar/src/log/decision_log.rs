//! The decision log: one JSON object a line for each request.
//!
//! Writing never delays a request: when the disk or the reader of standard output is too slow, lines are dropped and
//! counted. The log contains no token, and nothing from a token that was not verified.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actgate::Policy;
use http::request::Parts;
use http::uri::Scheme;
use prometheus::IntCounter;
use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;

use crate::log::event::{Effect, Event};
use crate::log::event_count;
use crate::log::line::line;
use crate::log::line_writer::{self, Change, LineWriter, Sink};
use crate::log::log_file::{LogFile, Rotation};
use crate::log::request_metrics::RequestMetrics;
#[cfg(feature = "otlp")]
use crate::log::request_spans::RequestSpans;
use crate::log::sampling::{Rate, Sampled, Sampling};
use crate::trace::context::TraceContext;
use crate::trace::request_trace::RequestTrace;

/// The bytes that may wait for the writer.
const CAPACITY: usize = 8 * 1024 * 1024;

/// How long the writer may take to write waiting lines when the process ends.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogTarget {
    /// Standard output.
    Stdout,
    /// A file, appended to, and opened again when it has been moved or deleted.
    File {
        path: PathBuf,
        /// None where other programs rotate it.
        rotation: Option<Rotation>,
    },
}

/// The JSON Schema of a line.
#[cfg(test)]
pub(crate) fn json_schema() -> serde_json::Value {
    actgate_yaml::json_schema_of_output::<Event<'_>>("A line of the decision log of actgate")
}

/// The current time, for a line of a log.
pub(crate) fn now() -> String {
    written(wall_clock())
}

#[expect(clippy::disallowed_methods, reason = "a timestamp, which no decision depends on")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// A time in UTC. A clock that is set before 1970 or after 9999 reads as the nearest time in between.
fn written(time: SystemTime) -> String {
    thread_local! {
        /// The second that was written last, without its end: most lines are of the same one.
        static LAST: RefCell<(u64, String)> = RefCell::default();
    }
    let since = since_1970(time);
    let mut text = String::with_capacity("1970-01-01T00:00:00.000Z".len());
    LAST.with_borrow_mut(|(second, beginning)| {
        if *second != since.as_secs() || beginning.is_empty() {
            *second = since.as_secs();
            *beginning = humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string();
            beginning.pop();
        }
        text.push_str(beginning);
    });
    // Of four digits, whose first one makes way for the point.
    let millis = 1000 + since.subsec_millis();
    text.push('.');
    text.push_str(&itoa::Buffer::new().format(millis)[1..]);
    text.push('Z');
    text
}

fn since_1970(time: SystemTime) -> Duration {
    /// The last second of the year 9999.
    const LATEST: Duration = Duration::from_secs(253_402_300_799);
    time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LATEST)
}

/// The decision log; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct DecisionLog {
    lines: LineWriter,
    /// None: each denial has a line.
    sampling: Option<Arc<Sampling>>,
    metrics: RequestMetrics,
    /// None: no spans are exported.
    #[cfg(feature = "otlp")]
    spans: Option<RequestSpans>,
}

impl DecisionLog {
    /// Opens the log and starts its writer thread.
    pub(crate) fn open(target: &LogTarget) -> io::Result<DecisionLog> {
        match target {
            LogTarget::Stdout => DecisionLog::to(line_writer::unlocked(&io::stdout())?),
            LogTarget::File { path, rotation } => DecisionLog::to(LogFile::open(path, *rotation)?),
        }
    }

    /// A log that writes whole lines to `sink`.
    pub(crate) fn to(sink: impl Sink) -> io::Result<DecisionLog> {
        Ok(DecisionLog {
            lines: LineWriter::start("decision-log", CAPACITY, sink, report)?,
            sampling: None,
            metrics: RequestMetrics::new().map_err(io::Error::other)?,
            #[cfg(feature = "otlp")]
            spans: None,
        })
    }

    /// The same log, of whose events spans are made too.
    #[cfg(feature = "otlp")]
    pub(crate) fn with_spans(self, spans: RequestSpans) -> DecisionLog {
        DecisionLog {
            spans: Some(spans),
            ..self
        }
    }

    /// The same log, in which denials beyond `rate` have no line. One with this rate already goes on counting.
    pub(crate) fn sampled(&self, rate: Option<Rate>) -> DecisionLog {
        let sampling = rate.map(|rate| match &self.sampling {
            Some(sampling) if sampling.rate() == rate => sampling.clone(),
            _ => Arc::new(Sampling::new(rate, Instant::now())),
        });
        DecisionLog {
            sampling,
            ..self.clone()
        }
    }

    /// Has counters for the routes of a policy that is in force from now on.
    pub(crate) fn add_routes(&self, policy: &Policy) {
        self.metrics.add_routes(policy.routes());
    }

    /// What Prometheus reads of what is recorded.
    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        let families = self.metrics.gather().into_iter().chain(lost_lines(self.lines.lost()));
        #[cfg(feature = "otlp")]
        let families = families.chain(self.spans.iter().flat_map(|spans| spans.export.gather()));
        families.collect()
    }

    /// The trace of a request: that of its `caller`, or one that begins here where spans are exported.
    pub(crate) fn trace(&self, caller: Option<TraceContext>, request: &Parts, scheme: &Scheme) -> Option<RequestTrace> {
        #[cfg(feature = "otlp")]
        if let Some(spans) = &self.spans {
            return Some(spans.begin(caller, request, scheme));
        }
        let _ = (request, scheme);
        caller.map(RequestTrace::of)
    }

    /// Counts one event, makes its spans, and queues its line for the writer, or counts it as dropped.
    pub(crate) fn record(&self, mut event: Event<'_>) {
        self.metrics.count(&event);
        #[cfg(feature = "otlp")]
        if let (Some(spans), Some((trace, received))) = (&self.spans, event.traced) {
            spans.end(&event, trace, received, wall_clock());
        }
        if let (Effect::Deny, Some(sampling)) = (event.decision, &self.sampling) {
            match sampling.count(event.code.unwrap_or_default(), event.client_address, Instant::now()) {
                Sampled::LeftOut => return,
                Sampled::Written { left_out, of_others } => {
                    (event.left_out, event.left_out_of_others) = (left_out, of_others);
                }
            }
        }
        let Ok(line) = line(&event) else {
            return;
        };
        if let Err(dropped) = self.lines.send(&line)
            && event_count::is_due(dropped)
        {
            tracing::warn!(dropped, "the decision log is too slow; events are dropped");
        }
    }

    /// Opens a file again, between two lines: on SIGUSR1, after it was moved.
    pub(crate) fn reopen(&self) {
        self.lines.reopen();
    }

    /// Exports waiting spans for up to two seconds, and ends. Later ones count as dropped.
    pub(crate) async fn close_spans(&self) {
        #[cfg(feature = "otlp")]
        if let Some(spans) = &self.spans {
            spans.export.close(CLOSE_TIME).await;
        }
    }

    /// Writes waiting events for up to two seconds, and ends. It blocks. Later events count as dropped.
    pub(crate) fn close(&self) {
        let left_out = self.sampling.as_ref().map_or(0, |sampling| sampling.pending());
        if left_out > 0 {
            tracing::info!(
                left_out,
                "denials since the last lines of their clients are not in the decision log"
            );
        }
        if !self.lines.close(CLOSE_TIME) {
            tracing::warn!("the decision log could not be written in time; waiting events are lost");
        }
    }
}

/// The counter of lost lines, which the writer keeps.
fn lost_lines(count: u64) -> Vec<MetricFamily> {
    let name = "actgate_decision_log_lost_lines_total";
    let help = "Lines of the decision log that were lost: it had no room for them, or they could not be written.";
    let Ok(counter) = IntCounter::new(name, help) else {
        return Vec::new();
    };
    counter.inc_by(count);
    counter.collect()
}

fn report(change: Change<'_>) {
    match change {
        Change::Failed(error) => tracing::error!(%error, "the decision log cannot be written; events are dropped"),
        Change::Recovered { lost } => tracing::info!(dropped = lost, "the decision log is written again"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;
    use crate::log::event::MAX_TEXT_BYTES;
    use crate::log::event::tests::event;

    #[derive(Clone, Default)]
    struct Taken(Arc<Mutex<Vec<u8>>>);

    impl Sink for Taken {}

    impl Write for Taken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_time_can_be_written() {
        let day = Duration::from_secs(86_400);
        assert_eq!(written(UNIX_EPOCH - day), "1970-01-01T00:00:00.000Z");
        assert_eq!(written(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            written(UNIX_EPOCH + day + Duration::from_millis(7)),
            "1970-01-02T00:00:00.007Z"
        );
        assert_eq!(written(UNIX_EPOCH + day * 365 * 9000), "9999-12-31T23:59:59.000Z");
        for millis in [0, 1, 99, 999, 1000, 1001, 1_700_000_000_010, 1_700_000_000_999] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            assert_eq!(written(time), humantime::format_rfc3339_millis(time).to_string());
        }
    }

    /// A sink that takes nothing.
    struct Full;

    impl Sink for Full {}

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_a_failed_write_loses_are_counted() {
        let log = DecisionLog::to(Full).unwrap();
        let lost = || {
            let families = log.gather();
            let mut lost = families
                .iter()
                .filter(|family| family.name() == "actgate_decision_log_lost_lines_total");
            lost.next().unwrap().get_metric()[0].get_counter().get_value()
        };
        assert_eq!(lost(), 0.0);
        log.record(event("/a"));
        log.record(event("/b"));
        log.close();
        assert_eq!(lost(), 2.0);
        log.record(event("/c"));
        assert_eq!(lost(), 3.0);
    }

    #[test]
    fn one_line_for_each_event() {
        let sink = Taken::default();
        let log = DecisionLog::to(sink.clone()).unwrap();
        log.record(event("/a\r\nb\u{1b}\"c"));
        log.record(event("/b"));
        log.close();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["path"], "/a\r\nb\u{1b}\"c");
        assert_eq!(lines[1]["decision"], "deny");
        assert!(lines[1].get("route").is_none());
    }

    #[test]
    fn a_long_path_is_truncated_between_characters() {
        let sink = Taken::default();
        let log = DecisionLog::to(sink.clone()).unwrap();
        log.record(event(&format!("/{}", "é".repeat(5000))));
        log.record(event(&"a".repeat(MAX_TEXT_BYTES)));
        log.close();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let paths: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|event| event["path"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(paths[0], format!("/{}…", "é".repeat(1023)));
        assert_eq!(paths[1], "a".repeat(MAX_TEXT_BYTES));
    }
}
