//! The failures of a command and their exit codes.

use std::fmt;
use std::process::ExitCode;

use actgate_yaml::Diagnostics;

/// Why a command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration or the policy is invalid.
    Configuration(Diagnostics),
    /// The same, found by the command that checks it: the lines of the file are printed as well.
    CheckedConfiguration(Diagnostics),
    /// The same, and the command has reported the mistakes.
    ConfigurationReported,
    /// The values of the command line cannot be used together.
    Usage(String),
    /// An error at run time.
    Runtime(String),
    /// No gate answers to a command that asks one.
    NoGate(String),
    /// The result of the command, which it has printed, is negative.
    Denied,
    /// What reads standard output has ended, as `head` does.
    OutputClosed,
}

impl Failure {
    /// The exit code of the process; 78 is `EX_CONFIG` of sysexits, after which a service manager need not restart it.
    pub(crate) fn code(&self) -> ExitCode {
        match self {
            Failure::Configuration(_) | Failure::CheckedConfiguration(_) | Failure::ConfigurationReported => {
                ExitCode::from(78)
            }
            // As for an argument that cannot be parsed.
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Runtime(_) | Failure::Denied => ExitCode::FAILURE,
            // `EX_UNAVAILABLE` of sysexits.
            Failure::NoGate(_) => ExitCode::from(69),
            // As of a process that SIGPIPE ends.
            Failure::OutputClosed => ExitCode::from(141),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Configuration(diagnostics) | Failure::CheckedConfiguration(diagnostics) => diagnostics.fmt(f),
            Failure::Usage(text) | Failure::Runtime(text) | Failure::NoGate(text) => write!(f, "actgate: {text}"),
            Failure::ConfigurationReported | Failure::Denied | Failure::OutputClosed => Ok(()),
        }
    }
}

/// Makes a failure at run time of an error.
pub(crate) trait Context<T> {
    /// Puts what was attempted before the error.
    fn context(self, attempt: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> Context<T> for Result<T, E> {
    fn context(self, attempt: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::Runtime(format!("{attempt}: {error}")))
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Failure {
        Failure::Configuration(diagnostics)
    }
}
