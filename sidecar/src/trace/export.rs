//! The export of spans: a bounded queue, and a task that sends what is in it.
//!
//! `BatchSpanProcessor` of the SDK has a thread without a runtime for its requests, and does not count what it drops.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, Opts};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::Url;

use super::collector::Collector;
use crate::unique_id::unique_id;

/// Where spans are sent, and how.
pub(crate) struct ExportSettings {
    pub(crate) endpoint: Url,
    pub(crate) headers: HashMap<String, String>,
    /// For a batch with its repetitions.
    pub(crate) timeout: Duration,
    /// `actgate` where none is named.
    pub(crate) service_name: Option<String>,
    /// What is known of the process.
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) limits: QueueLimits,
}

/// Headers are secrets.
impl fmt::Debug for ExportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportSettings")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How many spans wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    /// The most that wait; further ones are dropped.
    pub(crate) queue: usize,
    /// The most in one request. As many are sent at once.
    pub(crate) batch: usize,
    /// How long fewer wait.
    pub(crate) delay: Duration,
}

/// The export; clones are of the same one.
#[derive(Clone, Debug)]
pub(crate) struct SpanExport(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Scheme, host and port.
    collector: String,
    limits: QueueLimits,
    waiting: Mutex<Waiting>,
    /// The spans that are being sent.
    sending: AtomicU64,
    /// A batch is full, or the export ends.
    changed: Notify,
    exported: IntCounter,
    dropped: IntCounter,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<SpanData>,
    is_closed: bool,
}

impl SpanExport {
    /// Starts the task, in the runtime of the caller.
    ///
    /// # Errors
    /// Where the roots of the system cannot be read.
    pub(crate) fn start(settings: ExportSettings) -> Result<SpanExport, String> {
        let collector = Collector::new(&settings.endpoint, settings.timeout).map_err(|error| error.to_string())?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .with_endpoint(settings.endpoint.as_str())
            .with_headers(settings.headers)
            .with_timeout(settings.timeout);
        let mut exporter = exporter.build().map_err(|error| error.to_string())?;
        exporter.set_resource(&resource(settings.service_name, settings.attributes));
        let export = SpanExport(Arc::new(Shared {
            collector: settings.endpoint.origin().ascii_serialization(),
            limits: settings.limits,
            waiting: Mutex::default(),
            sending: AtomicU64::new(0),
            changed: Notify::new(),
            exported: counter("actgate_spans_exported_total", "Spans that the collector has taken.")?,
            dropped: counter(
                "actgate_spans_dropped_total",
                "Spans that there was no room for, or that the collector has not taken.",
            )?,
            task: Mutex::default(),
        }));
        let task = tokio::spawn(run(export.0.clone(), exporter, collector));
        *export.0.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(export)
    }

    /// Queues spans that belong together without waiting, or counts them as dropped.
    pub(crate) fn push(&self, spans: impl IntoIterator<Item = SpanData, IntoIter: ExactSizeIterator>) {
        let spans = spans.into_iter();
        let QueueLimits { queue, batch, .. } = self.0.limits;
        let mut waiting = self.0.waiting();
        let before = waiting.spans.len();
        if waiting.is_closed || before + spans.len() > queue {
            drop(waiting);
            return self.0.dropped.inc_by(spans.len() as u64);
        }
        waiting.spans.extend(spans);
        let after = waiting.spans.len();
        drop(waiting);
        if before < batch && after >= batch {
            self.0.changed.notify_one();
        }
    }

    /// What Prometheus reads of it.
    pub(crate) fn gather(&self) -> Vec<MetricFamily> {
        [self.0.exported.collect(), self.0.dropped.collect()].concat()
    }

    /// Sends waiting spans for up to `limit`, and ends. Later ones are dropped.
    pub(crate) async fn close(&self, limit: Duration) {
        self.0.waiting().is_closed = true;
        self.0.changed.notify_one();
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else {
            return;
        };
        if tokio::time::timeout(limit, &mut task).await.is_err() {
            task.abort();
            // It has ended, one way or the other.
            let _ = task.await;
            let lost = self.0.waiting().spans.len() as u64 + self.0.sending.load(Ordering::Relaxed);
            self.0.dropped.inc_by(lost);
            tracing::warn!(lost, "the collector did not take the last spans in time");
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to a batch of spans, and whether no further ones come.
    fn take(&self) -> (Vec<SpanData>, bool) {
        let mut waiting = self.waiting();
        let count = waiting.spans.len().min(self.limits.batch);
        (waiting.spans.drain(..count).collect(), waiting.is_closed)
    }

    /// Reports when spans cannot be exported, and when they can again.
    fn report(&self, error: Option<String>, rejected: u64, is_failing: &mut bool) {
        let (collector, dropped) = (&*self.collector, self.dropped.get());
        let was_failing = std::mem::replace(is_failing, error.is_some());
        match (error, was_failing) {
            (Some(error), false) => tracing::warn!(collector, error, "spans cannot be exported; they are dropped"),
            (None, true) => tracing::info!(dropped, "spans are exported again"),
            (None, false) if rejected > 0 => tracing::warn!(rejected, dropped, "the collector did not take all spans"),
            (Some(_), true) | (None, false) => {}
        }
    }
}

/// Sends spans until the export is closed and none waits.
async fn run(shared: Arc<Shared>, exporter: SpanExporter, collector: Collector) {
    let mut is_failing = false;
    loop {
        // Ends early where a batch is full.
        let _ = tokio::time::timeout(shared.limits.delay, shared.changed.notified()).await;
        loop {
            let (batch, is_closed) = shared.take();
            match batch.len() {
                0 if is_closed => return,
                0 => break,
                count => {
                    let count = count as u64;
                    shared.sending.store(count, Ordering::Relaxed);
                    let result = exporter.export(batch).await;
                    shared.sending.store(0, Ordering::Relaxed);
                    let outcome = collector.take_outcome();
                    let error = result
                        .err()
                        .map(|error| outcome.cause.unwrap_or_else(|| error.to_string()));
                    let lost = match error {
                        None => outcome.rejected.min(count),
                        Some(_) => count,
                    };
                    shared.dropped.inc_by(lost);
                    shared.exported.inc_by(count - lost);
                    shared.report(error, lost, &mut is_failing);
                }
            }
        }
    }
}

fn counter(name: &str, help: &str) -> Result<IntCounter, String> {
    IntCounter::with_opts(Opts::new(name, help)).map_err(|error| error.to_string())
}

fn resource(service_name: Option<String>, attributes: Vec<(String, String)>) -> Resource {
    let named = |wanted: &str| attributes.iter().any(|(name, _)| name == wanted);
    let mut own = vec![KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
    if !named("service.instance.id") {
        own.push(KeyValue::new("service.instance.id", unique_id().to_string()));
    }
    if service_name.is_some() || !named("service.name") {
        own.push(KeyValue::new(
            "service.name",
            service_name.unwrap_or_else(|| "actgate".to_owned()),
        ));
    }
    let attributes = attributes.into_iter().map(|(name, value)| KeyValue::new(name, value));
    Resource::builder()
        .with_attributes(attributes)
        .with_attributes(own)
        .build()
}
