//! The decision log: one JSON object a line for each request.
//!
//! Writing never delays a request: when the disk or the reader of standard output is too slow, lines are dropped and
//! counted. The log contains no token, and nothing from a token that was not verified.

use std::borrow::Cow;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actgate::chain::RecordedFacts;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::headers::chain_json::Chain;
use crate::log::event_count;
use crate::log::line_writer::{self, Change, LineWriter, Sink};
use crate::log::log_file::{LogFile, Rotation};
use crate::log::redact;
use crate::log::sampling::{Rate, Sampled, Sampling};

/// The bytes that may wait for the writer.
const CAPACITY: usize = 8 * 1024 * 1024;

/// The longest path or method that is written.
const MAX_TEXT_BYTES: usize = 2048;

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

/// One line of the decision log: the decision on one request. A later version may have further members.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Event<'a> {
    /// When the decision was made, in UTC (RFC 3339).
    /// Example: `'2026-01-02T03:04:05.678Z'`
    #[cfg_attr(
        test,
        schemars(regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"))
    )]
    pub(crate) time: &'a str,
    /// The id, which the response of a denied request contains, too.
    #[cfg_attr(
        test,
        schemars(with = "String", regex(pattern = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))
    )]
    pub(crate) id: Uuid,
    /// The method of the request, written like the path.
    #[serde(serialize_with = "bounded")]
    pub(crate) method: &'a str,
    /// The path of the request without its query, with `[token]` in place of a token; truncated to 2048 bytes and an
    /// ellipsis.
    #[serde(serialize_with = "bounded")]
    pub(crate) path: &'a str,
    /// The decision API that the request was decided by; none of a request to the gate itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<Api>,
    /// The matched route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<&'a str>,
    /// The hash of the policy that the request is decided by (`actgate check` shows it); none if its head is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy_hash: Option<&'a str>,
    /// Whether the request is forwarded.
    pub(crate) decision: Effect,
    /// The status of the response to a denied request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The stable code of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'a str>,
    /// The rule that denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<&'a str>,
    /// The reason, without values of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What the decision would be if every rule in shadow were enforced; none where no rule is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shadow: Option<Shadow<'a>>,
    /// The issuer of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<&'a str>,
    /// The chain of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chain: Option<Chain<'a>>,
    /// The normalised facts of a verified token, where the configuration has `facts: true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) facts: Option<&'a RecordedFacts>,
    /// The owner of the agent that acts by a verified token, where the policy names both under `agents`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent_owner: Option<&'a str>,
    /// The client of a verified token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<&'a str>,
    /// `jti` of a verified token; truncated as the path is.
    #[serde(serialize_with = "bounded_text", skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<&'a str>,
    /// The address of the client: of the peer, unless trusted proxies report another.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(crate) client_address: Option<IpAddr>,
    /// Microseconds from the request head to the decision.
    pub(crate) latency_us: u64,
    /// What became of a forwarded request.
    #[serde(rename = "upstream", skip_serializing_if = "Option::is_none")]
    pub(crate) forwarding: Option<Forwarding<'a>>,
    /// With `sample`, the denials of this code and of this client that have no line, since the last one that has; none where each
    /// has one.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub(crate) left_out: u64,
    /// With `sample`, the denials without a line that belong to no later line: of clients that are not remembered any more.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(test, schemars(with = "Option<u64>"))]
    pub(crate) left_out_of_others: u64,
}

impl Event<'_> {
    /// Makes it the line of a denied request. What rules in shadow allow is denied with it.
    pub(crate) fn deny(&mut self) {
        self.decision = Effect::Deny;
        self.shadow.take_if(|shadow| shadow.decision == Effect::Allow);
    }
}

/// What the decision would be if every rule in shadow were enforced.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Shadow<'a> {
    /// Whether the request would be forwarded.
    pub(crate) decision: Effect,
    /// The status of the response, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// The stable code of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// The rule that would deny.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<&'a str>,
    /// The reason, without values of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What became of a forwarded request.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Forwarding<'a> {
    /// The address of the upstream, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<&'a str>,
    /// The status of its response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Why there is no response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'static str>,
    /// Microseconds until the head of the response arrived, or until the attempt failed.
    pub(crate) time_us: u64,
}

/// What a decision does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// The request is forwarded.
    Allow,
    /// It is not.
    Deny,
}

/// A decision API: another server forwards the request or denies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    /// `auth_request` of nginx, `forward_auth` of Caddy, ForwardAuth of Traefik.
    ForwardAuth,
    /// `ext_authz` of Envoy.
    ExtAuthz,
    /// The AuthZEN Authorization API.
    Authzen,
    /// `/validate`.
    Validate,
}

/// The JSON Schema of a line.
#[cfg(test)]
pub(crate) fn json_schema() -> serde_json::Value {
    actgate_yaml::json_schema_of_output::<Event<'_>>("A line of the decision log of actgate")
}

/// The current time, for a line of a log.
#[expect(clippy::disallowed_methods, reason = "a timestamp, which no decision depends on")]
pub(crate) fn now() -> String {
    written(SystemTime::now())
}

/// A time in UTC. A clock that is set before 1970 or after 9999 reads as the nearest time in between.
fn written(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + since_1970(time)).to_string()
}

fn since_1970(time: SystemTime) -> Duration {
    /// The last second of the year 9999.
    const LATEST: Duration = Duration::from_secs(253_402_300_799);
    time.duration_since(UNIX_EPOCH).unwrap_or_default().min(LATEST)
}

/// A caller chooses a path and its length: it must not displace other events, and a token in it is not written.
fn bounded<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let text = redact::without_tokens(text);
    let text = if text.len() > MAX_TEXT_BYTES {
        let whole = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end));
        Cow::Owned(format!("{}…", &text[..whole.unwrap_or_default()]))
    } else {
        text
    };
    serializer.serialize_str(&text)
}

/// The same for a text that may be absent.
fn bounded_text<S: Serializer>(text: &Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    match text {
        Some(text) => bounded(text, serializer),
        None => serializer.serialize_none(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The decision log; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct DecisionLog {
    lines: LineWriter,
    /// None: each denial has a line.
    sampling: Option<Arc<Sampling>>,
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
        })
    }

    /// The same log, in which denials beyond `rate` have no line. One with this rate already goes on counting.
    pub(crate) fn sampled(&self, rate: Option<Rate>) -> DecisionLog {
        let lines = self.lines.clone();
        let sampling = rate.map(|rate| match &self.sampling {
            Some(sampling) if sampling.rate() == rate => sampling.clone(),
            _ => Arc::new(Sampling::new(rate, Instant::now())),
        });
        DecisionLog { lines, sampling }
    }

    /// Queues one event for the writer, or counts it as dropped.
    pub(crate) fn record(&self, mut event: Event<'_>) {
        if let (Effect::Deny, Some(sampling)) = (event.decision, &self.sampling) {
            match sampling.count(event.code.unwrap_or_default(), event.client_address, Instant::now()) {
                Sampled::LeftOut => return,
                Sampled::Written { left_out, of_others } => {
                    (event.left_out, event.left_out_of_others) = (left_out, of_others);
                }
            }
        }
        let Ok(mut line) = serde_json::to_vec(&event) else {
            return;
        };
        line.push(b'\n');
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

    fn event<'a>(path: &'a str) -> Event<'a> {
        Event {
            time: "2026-01-02T03:04:05.678Z",
            id: Uuid::nil(),
            method: "GET",
            path,
            api: None,
            route: None,
            policy_hash: None,
            decision: Effect::Deny,
            status: Some(401),
            code: Some("missing_token"),
            rule: None,
            reason: None,
            shadow: None,
            issuer: None,
            chain: None,
            facts: None,
            agent_owner: None,
            client: None,
            client_address: None,
            token_id: None,
            latency_us: 7,
            forwarding: None,
            left_out: 0,
            left_out_of_others: 0,
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
