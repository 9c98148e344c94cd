//! The decision log: one JSON object a line for each request.
//!
//! A request hands its line to a [`LineWriter`] and goes on; when the disk or the reader of standard output cannot follow, lines are dropped and
//! counted, and requests are not held up. Nothing in it comes from a token that was not verified, and the token itself never does.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::headers::identity::Chain;
use crate::log::line_writer::{self, Change, Closed, LineWriter};

/// Bytes waiting for the writer, at most.
const ROOM: usize = 8 * 1024 * 1024;

/// Bytes of a path or method that are written.
const LONGEST_TEXT: usize = 2048;

/// Time for the writer to write what waits when the process ends.
const GRACE: Duration = Duration::from_secs(2);

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
    /// The request's method, cut like the path.
    #[serde(serialize_with = "cut")]
    pub method: &'a str,
    /// The request's path as sent, without its query; when it is longer than 2048 bytes, its beginning and an ellipsis.
    #[serde(serialize_with = "cut")]
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

/// A long path is the caller's to choose, and must not crowd out the events of others.
fn cut<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = if text.len() > LONGEST_TEXT {
        let whole = (0..=LONGEST_TEXT).rev().find(|end| text.is_char_boundary(*end));
        Cow::Owned(format!("{}…", &text[..whole.unwrap_or_default()]))
    } else {
        Cow::Borrowed(text)
    };
    serializer.serialize_str(&shown)
}

/// The log's end that requests hold.
#[derive(Clone, Debug)]
pub struct DecisionLog(LineWriter);

impl DecisionLog {
    /// Opens the log and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not started.
    pub fn open(target: &LogTarget) -> io::Result<DecisionLog> {
        match target {
            LogTarget::Stdout => DecisionLog::to(line_writer::unlocked(&io::stdout())?),
            LogTarget::File(path) => DecisionLog::to(OpenOptions::new().append(true).create(true).open(path)?),
        }
    }

    /// A log that is written to `sink`, whole lines at a time.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn to(sink: impl Write + Send + 'static) -> io::Result<DecisionLog> {
        LineWriter::start("decision-log", ROOM, sink, tell).map(DecisionLog)
    }

    /// Hands one event to the writer, or counts it as dropped.
    pub fn record(&self, event: &Event<'_>) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        if let Err(dropped) = self.0.hand(&line) {
            // Once per power of two, so that a dead reader does not flood the other log.
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "decision log cannot follow; events are dropped");
            }
        }
    }

    /// Writes what is waiting, for two seconds at most, and ends. It blocks. Later events count as dropped.
    pub fn close(&self) {
        if self.0.close(GRACE) == Closed::CutShort {
            tracing::warn!("decision log is not read; what was waiting is lost");
        }
    }
}

fn tell(change: Change<'_>) {
    match change {
        Change::Failed(error) => tracing::error!(%error, "decision log cannot be written; events are dropped"),
        Change::Recovered { lost } => tracing::info!(dropped = lost, "decision log is written again"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

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
    fn a_long_path_is_cut_between_characters() {
        let sink = Sink::default();
        let log = DecisionLog::to(sink.clone()).unwrap();
        log.record(&event(&format!("/{}", "é".repeat(5000))));
        log.record(&event(&"a".repeat(LONGEST_TEXT)));
        log.close();
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        let paths: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|event| event["path"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(paths[0], format!("/{}…", "é".repeat(1023)));
        assert_eq!(paths[1], "a".repeat(LONGEST_TEXT));
    }
}
