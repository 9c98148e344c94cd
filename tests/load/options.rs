//! The options of a run.

use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;

pub struct Options {
    pub rounds: usize,
    pub duration: Duration,
    /// A part of the names of the rows that run.
    pub rows: String,
    /// The builds of actgate.
    pub binaries: Vec<PathBuf>,
    /// The binary of Envoy, where it is installed.
    pub envoy: Option<PathBuf>,
    /// Where the plot is written.
    pub plot: Option<PathBuf>,
    /// The machine and the versions, a line each, as the plot shows them.
    pub about: Vec<String>,
    /// Whether the run only shows that everything works.
    pub smoke: bool,
}

impl Options {
    pub fn read(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self {
            rounds: 3,
            duration: Duration::from_secs(2),
            rows: String::new(),
            binaries: Vec::new(),
            envoy: None,
            plot: None,
            about: Vec::new(),
            smoke: false,
        };
        let mut words = words.iter();
        let path = |value: &str| std::fs::canonicalize(value).map_err(|error| format!("{value}: {error}"));
        while let Some(word) = words.next() {
            if *word == "--smoke" {
                options.smoke = true;
                continue;
            }
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match *word {
                "--rounds" => options.rounds = value.parse()?,
                "--seconds" => options.duration = Duration::from_secs(value.parse()?),
                "--rows" => options.rows = (*value).to_owned(),
                "--binary" => options.binaries.push(path(value)?),
                "--envoy" => options.envoy = Some(path(value)?),
                "--plot" => options.plot = Some(PathBuf::from(value)),
                "--about" => options.about.push((*value).to_owned()),
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        if options.binaries.is_empty() {
            return Err("no build of actgate: --binary PATH".into());
        }
        Ok(options)
    }

    /// How many tokens a row has in which each is new.
    pub fn new_tokens(&self) -> usize {
        if self.smoke { 3_000 } else { 60_000 }
    }

    /// Whether a program gets load before it is measured.
    pub fn warms_up(&self) -> bool {
        !self.smoke
    }
}
