//! What of a policy its cases reach.

use std::fmt;
use std::path::Path;

use actgate::analysis::Coverage;
use serde::Serialize;

use crate::cli::terminal::{faint, printable};

/// The most branches that are printed as text.
const MAX_SHOWN: usize = 50;

/// The branches of a policy, and those that no case reaches. It is displayed as text for people.
#[derive(Debug, Serialize)]
pub(super) struct CoverageReport<'a> {
    /// In whole per cent, rounded down.
    pub(super) percent: u64,
    branches: usize,
    reached: usize,
    unreached: Vec<Unreached<'a>>,
}

/// A branch that no case reaches.
#[derive(Debug, Serialize)]
struct Unreached<'a> {
    file: &'a Path,
    line: u64,
    column: u64,
    rule: String,
    missing: String,
}

impl<'a> CoverageReport<'a> {
    pub(super) fn of(coverage: &Coverage<'_>, policy_file: &'a Path) -> CoverageReport<'a> {
        let (branches, reached) = (coverage.total(), coverage.reached());
        let unreached = coverage.unreached().into_iter().map(|branch| Unreached {
            file: policy_file,
            line: branch.line,
            column: branch.column,
            rule: branch.name.to_owned(),
            missing: branch.kind.to_string(),
        });
        CoverageReport {
            percent: (reached * 100)
                .checked_div(branches)
                .map_or(100, |percent| percent as u64),
            branches,
            reached,
            unreached: unreached.collect(),
        }
    }
}

impl fmt::Display for CoverageReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.unreached.is_empty() {
            writeln!(f, "  {}", faint("what no case reaches:"))?;
        }
        for branch in self.unreached.iter().take(MAX_SHOWN) {
            let place = format!("{}:{}", printable(&branch.file.to_string_lossy()), branch.line);
            writeln!(
                f,
                "    {}: {}  {}",
                printable(&branch.rule),
                branch.missing,
                faint(&place)
            )?;
        }
        match self.unreached.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => writeln!(f, "    and {more} more, which `--json` lists"),
        }
    }
}
