//! Why a text is no list of revoked tokens.

use std::fmt;

use actgate_yaml::Diagnostics;

/// Every mistake of a list of revoked tokens, in the order of their places: `line:column: message`, and on a second line
/// `  help: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationsError(Diagnostics);

impl RevocationsError {
    pub(super) fn new(diagnostics: Diagnostics) -> Self {
        RevocationsError(diagnostics)
    }

    /// The place, the message and the help of each mistake; a line or a column of 0 is unknown.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, u64, &str, Option<&str>)> {
        let mistakes = self.0.iter();
        mistakes.map(|mistake| (mistake.line, mistake.column, &*mistake.message, mistake.help.as_deref()))
    }
}

impl fmt::Display for RevocationsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for RevocationsError {}
