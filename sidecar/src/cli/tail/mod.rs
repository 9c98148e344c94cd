//! `actgate tail`: the decision log for people, and what is added to it.

pub(crate) mod arguments;
mod event;
mod follow;

use std::collections::VecDeque;
use std::io::{self, BufRead as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::arguments::TailArguments;
use self::event::Event;
use self::follow::{Followed, MAX_LINE_BYTES};
use crate::cli::output::{eprint_line, print, print_line};
use crate::config;
use crate::exit::{Context as _, Failure};
use crate::log::decision_log::LogTarget;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows the last lines of a decision log, and those that are added until the command is ended.
pub(crate) fn tail(arguments: &TailArguments) -> Result<(), Failure> {
    let mut shown = Shown {
        arguments,
        has_complained: false,
    };
    let file = match &arguments.file {
        Some(file) if file == Path::new("-") => return shown.standard_input(),
        Some(file) => file.clone(),
        None => log_of(&arguments.config)?,
    };
    let mut followed = Followed::open(&file).context(format_args!("`{}`", file.display()))?;
    let mut last = VecDeque::new();
    for line in followed.read().context("decision log")? {
        last.extend(shown.text(&line));
        if last.len() > arguments.lines {
            last.pop_front();
        }
    }
    shown.print(last)?;
    if arguments.no_follow {
        return Ok(());
    }
    loop {
        std::thread::sleep(INTERVAL);
        let lines = followed.read().context("decision log")?;
        let texts: Vec<String> = lines.iter().filter_map(|line| shown.text(line)).collect();
        shown.print(texts)?;
    }
}

/// The decision log of a configuration.
fn log_of(configuration: &Path) -> Result<PathBuf, Failure> {
    match config::load(configuration)?.decision_log {
        LogTarget::File { path, .. } => Ok(path),
        LogTarget::Stdout => Err(Failure::Usage(format!(
            "the decision log of `{}` goes to standard output; name a file, or read it from there: `actgate run | actgate tail -`",
            configuration.display()
        ))),
    }
}

struct Shown<'a> {
    arguments: &'a TailArguments,
    /// Whether a line was reported that is none of a decision log.
    has_complained: bool,
}

impl Shown<'_> {
    /// Every line of standard input, as it comes.
    fn standard_input(&mut self) -> Result<(), Failure> {
        let mut input = io::stdin().lock();
        loop {
            let mut line = Vec::new();
            let mut limited = (&mut input).take(MAX_LINE_BYTES as u64);
            if limited.read_until(b'\n', &mut line).context("standard input")? == 0 {
                return Ok(());
            }
            let texts = self.text(line.trim_ascii_end());
            self.print(texts)?;
        }
    }

    /// What is shown of a line; [`None`] where it is not asked for.
    fn text(&mut self, line: &[u8]) -> Option<String> {
        if line.is_empty() {
            return None;
        }
        let Some(event) = Event::parse(line) else {
            if !std::mem::replace(&mut self.has_complained, true) {
                eprint_line("actgate: a line is none of a decision log, and is not shown");
            }
            return None;
        };
        if !event.is_asked_for(self.arguments) {
            return None;
        }
        match self.arguments.json {
            true => Some(String::from_utf8_lossy(line).into_owned()),
            false => Some(event.to_string()),
        }
    }

    fn print(&self, texts: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        for text in texts {
            match self.arguments.json {
                true => print_line(&text)?,
                false => print(&format!("{text}\n"))?,
            }
        }
        Ok(())
    }
}
