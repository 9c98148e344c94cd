//! The decision log: one JSON object a line for each request.
//!
//! A request hands its line to a writer thread and goes on; when the disk or the reader of standard output cannot follow, lines are dropped and
//! counted, and requests are not held up. Nothing in it comes from a token that was not verified, and the token itself never does.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::SystemTime,
};

use serde::Serialize;

use crate::identity_headers::Chain;

/// Lines waiting for the writer, at most.
const WAITING: usize = 8192;

/// Where the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

/// One decision, as it is written.
#[derive(Serialize)]
pub struct Event<'a> {
    /// When, in UTC (RFC 3339).
    pub time: String,
    /// The id that the caller was given, too.
    pub id: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The request's path as sent, without its query.
    pub path: &'a str,
    /// The route that was matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<&'a str>,
    /// Allowed or refused.
    pub verdict: Verdict,
    /// The status that the caller got from the gate; absent when the request went on to the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The stable code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// The rule that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// Why, in words; never a value of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The issuer of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<&'a str>,
    /// The chain of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain<'a>>,
    /// The client of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    /// Microseconds from the request's head to the decision.
    pub latency_us: u64,
}

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It goes on to the upstream.
    Allow,
    /// It does not.
    Refuse,
}

/// The time of an event.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the clock, for stamping and not for judging"
)]
pub fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// The log's end that requests hold.
#[derive(Clone, Debug)]
pub struct DecisionLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    writer: SyncSender<Message>,
    dropped: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    End,
}

impl DecisionLog {
    /// Opens the log and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not started.
    pub fn open(target: &LogTarget) -> io::Result<DecisionLog> {
        match target {
            LogTarget::Stdout => DecisionLog::to(io::stdout()),
            LogTarget::File(path) => DecisionLog::to(OpenOptions::new().append(true).create(true).open(path)?),
        }
    }

    /// A log that is written to `sink`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(sink: impl Write + Send + 'static) -> io::Result<DecisionLog> {
        let (writer, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("decision-log".into())
            .spawn(move || write(&waiting, sink))?;
        Ok(DecisionLog(Arc::new(Shared {
            writer,
            dropped: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
        })))
    }

    /// Hands one event to the writer, or counts it as dropped.
    pub fn record(&self, event: &Event<'_>) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        if self.0.writer.try_send(Message::Line(line)).is_err() {
            let dropped = self.0.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            // Once per power of two, so that a dead reader does not flood the other log.
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "decision log cannot follow; events are dropped");
            }
        }
    }

    /// Writes what is waiting and ends. Later events count as dropped.
    pub fn close(&self) {
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A writer that has ended no longer receives; then there is nothing to wait for either.
        if let Some(thread) = thread
            && self.0.writer.send(Message::End).is_ok()
            && thread.join().is_err()
        {
            tracing::error!("decision log ended early");
        }
    }
}

fn write(waiting: &Receiver<Message>, sink: impl Write) {
    let mut sink = BufWriter::new(sink);
    while let Ok(first) = waiting.recv() {
        // Everything that waits is written before the sink is flushed once.
        for message in std::iter::once(first).chain(waiting.try_iter()) {
            let result = match message {
                Message::Line(line) => sink.write_all(&line),
                Message::End => return flush(&mut sink),
            };
            if let Err(error) = result {
                tracing::error!(%error, "decision log cannot be written");
                return;
            }
        }
        flush(&mut sink);
    }
}

fn flush(sink: &mut impl Write) {
    if let Err(error) = sink.flush() {
        tracing::error!(%error, "decision log cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn event<'a>(path: &'a str) -> Event<'a> {
        Event {
            time: now(),
            id: "1",
            method: "GET",
            path,
            route: None,
            verdict: Verdict::Refuse,
            status: Some(401),
            code: Some("missing_token"),
            rule: None,
            reason: None,
            issuer: None,
            chain: None,
            client: None,
            latency_us: 7,
        }
    }

    #[test]
    fn one_line_an_event_whatever_it_holds() {
        let sink = Sink::default();
        let log = DecisionLog::to(sink.clone()).unwrap();
        log.record(&event("/a\r\nb\u{1b}\"c"));
        log.record(&event("/b"));
        log.close();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["path"], "/a\r\nb\u{1b}\"c");
        assert_eq!(lines[1]["verdict"], "refuse");
        assert!(lines[1].get("route").is_none());
    }

    #[test]
    fn a_stuck_writer_costs_events_and_never_a_wait() {
        let (release, stuck) = sync_channel::<()>(0);
        struct Stuck(Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = DecisionLog::to(Stuck(stuck)).unwrap();
        // More than the channel and the writer's buffer can hold together.
        for _ in 0..3 * WAITING {
            log.record(&event("/"));
        }
        assert!(log.0.dropped.load(Ordering::Relaxed) > 0);
        drop(release);
        log.close();
    }
}
