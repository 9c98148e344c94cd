//! The results of all suites.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::case_report::CaseReport;
use super::suite::Suite;
use crate::cli::arguments::TestArguments;
use crate::cli::terminal::{bad, faint, good, printable};
use crate::exit::{Context as _, Failure};

/// The results of every case that was run. It is displayed as text for people.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    ok: bool,
    cases: usize,
    failed: usize,
    pub(super) suites: Vec<SuiteReport<'a>>,
}

/// The results of one suite.
#[derive(Debug, Serialize)]
pub(super) struct SuiteReport<'a> {
    pub(super) name: &'a str,
    policy: &'a Path,
    policy_hash: String,
    pub(super) cases: Vec<CaseReport<'a>>,
}

impl<'a> Report<'a> {
    /// Runs the cases that the filters leave; `now` is the time of those that state none.
    pub(super) fn of(suites: &'a [Suite], arguments: &TestArguments, now: u64) -> Result<Report<'a>, Failure> {
        let mut reports = Vec::new();
        for suite in suites {
            let report = SuiteReport::of(suite, arguments, now)?;
            if !report.cases.is_empty() {
                reports.push(report);
            }
        }
        let cases = reports.iter().map(|report| report.cases.len()).sum();
        let failed = reports.iter().map(SuiteReport::failed).sum();
        if cases == 0 {
            return Err(Failure::Usage("no case is left by `--route` and `--case`".to_owned()));
        }
        Ok(Report {
            ok: failed == 0,
            cases,
            failed,
            suites: reports,
        })
    }

    pub(super) fn cases(&self) -> usize {
        self.cases
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Whether every result is the expected one.
    pub(super) fn is_passed(&self) -> bool {
        self.ok
    }
}

impl<'a> SuiteReport<'a> {
    fn of(suite: &'a Suite, arguments: &TestArguments, now: u64) -> Result<SuiteReport<'a>, Failure> {
        let mut reports = Vec::new();
        for (file, cases) in &suite.cases {
            for case in cases.iter() {
                if arguments.case.as_ref().is_some_and(|text| !case.name().contains(text)) {
                    continue;
                }
                let result = suite.test.run(case, now).context(format_args!("{}", file.display()))?;
                let report = CaseReport::new(suite, file, case, &result);
                let is_left = |text: &String| report.route.as_ref().is_some_and(|route| route.contains(text));
                if arguments.route.as_ref().is_none_or(is_left) {
                    reports.push(report);
                }
            }
        }
        Ok(SuiteReport {
            name: &suite.name,
            policy: &suite.policy_file,
            policy_hash: suite.test.policy().hash().to_string(),
            cases: reports,
        })
    }

    pub(super) fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed).count()
    }
}

impl fmt::Display for SuiteReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, failed) = (self.cases.len(), self.failed());
        let name = printable(self.name);
        match failed {
            0 => writeln!(f, "{} {name}  {}", good("✓"), faint(&counted(count, "case")))?,
            _ => writeln!(
                f,
                "{} {name}  {}",
                bad("✗"),
                bad(&format!("{failed} of {} failed", counted(count, "case")))
            )?,
        }
        for case in self.cases.iter().filter(|case| !case.passed) {
            writeln!(f)?;
            for line in case.to_string().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        if failed > 0 {
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.suites.iter().try_for_each(|suite| write!(f, "{suite}"))?;
        let policies = match self.suites.len() {
            1 => "1 policy".to_owned(),
            count => format!("{count} policies"),
        };
        let all = format!("{} of {policies}", counted(self.cases, "case"));
        match self.failed {
            0 => writeln!(f, "{all}: {}", good("every decision is the expected one")),
            1 => writeln!(f, "{all}: {}", bad("1 decision is not the expected one")),
            failed => writeln!(
                f,
                "{all}: {}",
                bad(&format!("{failed} decisions are not the expected ones"))
            ),
        }
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
