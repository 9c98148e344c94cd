//! Why a policy cannot be used.

use std::fmt;

use actgate_yaml::{Diagnostic, Diagnostics};

/// Every mistake of a policy, in the order of their places; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError(Diagnostics);

impl PolicyError {
    pub(super) fn new(diagnostics: Diagnostics) -> Self {
        PolicyError(diagnostics)
    }

    /// The mistakes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.0.iter().map(PolicyDiagnostic::new)
    }
}

/// One mistake after the other.
impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for PolicyError {}

/// Warnings of a policy, in the order of their places; perhaps none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyWarnings(Diagnostics);

impl PolicyWarnings {
    pub(crate) fn new(diagnostics: Diagnostics) -> Self {
        PolicyWarnings(diagnostics)
    }

    /// The warnings.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PolicyDiagnostic<'_>> {
        self.0.iter().map(PolicyDiagnostic::new)
    }
}

/// One mistake of a policy, or one warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyDiagnostic<'e>(&'e Diagnostic);

impl<'e> PolicyDiagnostic<'e> {
    pub(crate) fn new(diagnostic: &'e Diagnostic) -> Self {
        PolicyDiagnostic(diagnostic)
    }

    /// The line, from 1; 0 where it is unknown.
    pub fn line(&self) -> u64 {
        self.0.line
    }

    /// The column, in characters from 1; 0 where it is unknown.
    pub fn column(&self) -> u64 {
        self.0.column
    }

    /// What kind of warning it is: one of the [codes of findings](super#findings). A mistake has none.
    pub fn code(&self) -> Option<&'static str> {
        self.0.code
    }

    /// What is wrong.
    pub fn message(&self) -> &'e str {
        &self.0.message
    }

    /// A suggested fix.
    pub fn help(&self) -> Option<&'e str> {
        self.0.help.as_deref()
    }
}

/// `line:column: message`, and on a second line `  help: …`.
impl fmt::Display for PolicyDiagnostic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
