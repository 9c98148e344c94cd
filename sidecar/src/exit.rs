//! The failures of a command and their exit codes.

use std::fmt;
use std::io;
use std::process::ExitCode;

use actgate_yaml::Diagnostics;

/// Why a command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration or the policy is invalid.
    Configuration(Diagnostics),
    /// The same, and the command has reported the mistakes.
    ConfigurationReported,
    /// An error at run time.
    Runtime(String),
    /// The result of the command, which it has printed, is negative.
    Denied,
}

impl Failure {
    /// A failure at run time: what was attempted, and the error.
    pub(crate) fn runtime(attempt: &str, error: impl fmt::Display) -> Failure {
        Failure::Runtime(format!("{attempt}: {error}"))
    }

    /// The exit code of the process; 78 is `EX_CONFIG` of sysexits, after which a service manager need not restart it.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Failure::Configuration(_) | Failure::ConfigurationReported => ExitCode::from(78),
            Failure::Runtime(_) | Failure::Denied => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Configuration(diagnostics) => diagnostics.fmt(f),
            Failure::Runtime(text) => write!(f, "actgate: {text}"),
            Failure::ConfigurationReported | Failure::Denied => Ok(()),
        }
    }
}

/// An error on standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::runtime("standard output", error)
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Failure {
        Failure::Configuration(diagnostics)
    }
}
