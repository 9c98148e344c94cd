//! What the process says on standard error: its log, and its own announcements.
//!
//! It never waits for a reader, and a reader that has gone away costs the words and nothing else.

use std::io::{self, Write};
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::cli::arguments::{LogFormat, LogLevel};
use crate::log::line_writer::{self, LineWriter};

/// Bytes that wait for a slow reader.
const ROOM: usize = 1024 * 1024;

/// Time for the last words.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Standard error, as the process uses it.
#[derive(Clone, Debug)]
pub struct ProcessLog(LineWriter);

impl ProcessLog {
    /// Sends every event of `tracing` to standard error from now on.
    ///
    /// # Errors
    /// When the thread cannot be started or standard error not be opened.
    pub fn start(level: LogLevel, format: LogFormat) -> io::Result<ProcessLog> {
        let stderr = line_writer::unlocked(&io::stderr())?;
        // There is nobody left to tell that it cannot be told.
        let log = ProcessLog(LineWriter::start("process-log", ROOM, stderr, |_| {})?);
        let lines = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(match level {
                LogLevel::Error => LevelFilter::ERROR,
                LogLevel::Warn => LevelFilter::WARN,
                LogLevel::Info => LevelFilter::INFO,
                LogLevel::Debug => LevelFilter::DEBUG,
            })
            .with_writer(move || lines.clone())
            // They go to standard error past the writer, and panic when it is closed.
            .log_internal_errors(false)
            .with_ansi(false)
            .with_target(false);
        match format {
            LogFormat::Text => subscriber.init(),
            LogFormat::Json => subscriber.json().init(),
        }
        Ok(log)
    }

    /// Tells one line in the process's own words.
    pub fn tell(&self, line: &str) {
        // Lost with the log's own lines when nobody reads.
        let _ = self.0.hand(format!("{line}\n").as_bytes());
    }

    /// Gives what is still waiting a moment to be read.
    pub fn close(&self) {
        self.0.close(LAST_WORDS);
    }
}

/// One event is one write.
impl Write for ProcessLog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.hand(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
