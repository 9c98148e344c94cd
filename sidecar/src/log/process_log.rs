//! Standard error: the process log and announcements.
//!
//! Writing never waits for a reader. Without a reader, lines are lost.

use std::io::{self, Write};
use std::time::Duration;

use actgate_yaml::{Diagnostic, Diagnostics};
use clap::ValueEnum;
use serde_json::json;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::decision_log::now;
use super::line_writer::{self, LineWriter};

/// The bytes that may wait for the writer.
const CAPACITY: usize = 1024 * 1024;

/// How long the writer may take to write waiting lines when the process ends.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// The process log; clones write to the same one.
#[derive(Clone, Debug)]
pub(crate) struct ProcessLog {
    lines: LineWriter,
    format: LogFormat,
}

/// The least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Failures
    Error,
    /// What an operator should look at
    Warn,
    /// Events of the process
    Info,
    /// Events of connections
    Debug,
}

/// The format of the process log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of text for each event
    Text,
    /// A JSON object for each event
    Json,
}

impl ProcessLog {
    /// Sends every event of `tracing` to standard error.
    pub(crate) fn start(level: LogLevel, format: LogFormat) -> io::Result<ProcessLog> {
        let stderr = line_writer::unlocked(&io::stderr())?;
        // A failure to write to standard error cannot be reported.
        let lines = LineWriter::start("process-log", CAPACITY, stderr, |_| {})?;
        let log = ProcessLog { lines, format };
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(match level {
                LogLevel::Error => LevelFilter::ERROR,
                LogLevel::Warn => LevelFilter::WARN,
                LogLevel::Info => LevelFilter::INFO,
                LogLevel::Debug => LevelFilter::DEBUG,
            })
            .with_writer(move || writer.clone())
            // They bypass the writer, and panic when standard error is closed.
            .log_internal_errors(false)
            .with_ansi(false)
            .with_target(false);
        match format {
            LogFormat::Text => subscriber.init(),
            LogFormat::Json => subscriber.json().init(),
        }
        Ok(log)
    }

    /// Writes a message whatever the level of the log, as text without its time.
    pub(crate) fn line(&self, level: Level, message: &str) {
        let line = self.format(level, message);
        let _ = self.lines.send(format!("{line}\n").as_bytes());
    }

    /// Mistakes in a file in the format of the log: this text of them, or a JSON object for each.
    pub(crate) fn format_mistakes(&self, mistakes: &Diagnostics, text: fn(&Diagnostics) -> String) -> String {
        let object = |mistake: &Diagnostic| {
            let fields = json!(mistake);
            json!({ "timestamp": now(), "level": Level::ERROR.as_str(), "fields": fields }).to_string()
        };
        match self.format {
            LogFormat::Text => text(mistakes),
            LogFormat::Json => mistakes.iter().map(object).collect::<Vec<_>>().join("\n"),
        }
    }

    /// A message in the format of the log.
    pub(crate) fn format(&self, level: Level, message: &str) -> String {
        match self.format {
            LogFormat::Text => message.to_owned(),
            LogFormat::Json => {
                let event = json!({ "timestamp": now(), "level": level.as_str(), "fields": { "message": message } });
                event.to_string()
            }
        }
    }

    /// Writes waiting lines for up to a second, and ends.
    pub(crate) fn close(&self) {
        self.lines.close(CLOSE_TIME);
    }
}

/// One event is one write.
impl Write for ProcessLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.lines.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
