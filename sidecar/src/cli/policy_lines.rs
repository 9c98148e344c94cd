//! The lines of the rules of a policy, in the file that it was read from.

use std::path::PathBuf;

use actgate::Policy;
use actgate::analysis::RulePlaces;

use crate::cli::terminal::printable;
use crate::files::text_file::read_text;

/// The file of a policy, and the places of its rules.
pub(super) struct PolicyLines {
    file: PathBuf,
    places: RulePlaces,
}

impl PolicyLines {
    /// A file that is gone by now has no lines.
    pub(super) fn new(policy: &Policy, file: PathBuf) -> PolicyLines {
        let text = read_text(&file).unwrap_or_default();
        PolicyLines {
            places: RulePlaces::new(policy, &text),
            file,
        }
    }

    /// The line of a rule, from 1; [`None`] for a rule that is not written.
    pub(super) fn of(&self, rule: &str) -> Option<u64> {
        self.places.of(rule).map(|place| place.line)
    }

    /// The line as it is shown, with the path of the file as it was given: `policy/policy.yaml:12`.
    pub(super) fn shown(&self, rule: &str) -> Option<String> {
        let line = self.of(rule)?;
        Some(format!("{}:{line}", printable(&self.file.to_string_lossy())))
    }
}
