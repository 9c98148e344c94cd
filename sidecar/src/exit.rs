//! How a command ends.

use std::io;
use std::process::ExitCode;

use crate::config::Problems;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Failure {
    /// The configuration or the policy is wrong.
    Configuration(Problems),
    /// The same, and the command has printed what is wrong.
    ConfigurationTold,
    /// Something failed while running; the text says what.
    Runtime(String),
    /// All went well, and the answer is no: it has been printed.
    No,
}

impl Failure {
    /// A failure at run time: what was tried, and why it did not work.
    pub fn runtime(tried: &str, error: impl std::fmt::Display) -> Failure {
        Failure::Runtime(format!("{tried}: {error}"))
    }

    /// The code of the process; 78 is `EX_CONFIG` of sysexits, after which a service manager need not start us again.
    pub fn code(&self) -> ExitCode {
        match self {
            Failure::Configuration(_) | Failure::ConfigurationTold => ExitCode::from(78),
            Failure::Runtime(_) | Failure::No => ExitCode::FAILURE,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Configuration(problems) => problems.fmt(f),
            Failure::Runtime(text) => write!(f, "actgate: {text}"),
            Failure::ConfigurationTold | Failure::No => Ok(()),
        }
    }
}

/// What cannot be told to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::runtime("standard output", error)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::Configuration(problems)
    }
}
