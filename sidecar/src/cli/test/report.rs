//! The results of all suites.

use std::fmt;
use std::path::Path;

use actgate::analysis::Coverage;
use serde::Serialize;

use super::bench;
use super::case_report::CaseReport;
use super::coverage_report::CoverageReport;
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
    /// The policies with a coverage below `--min-coverage`.
    below_min_coverage: usize,
    pub(super) suites: Vec<SuiteReport<'a>>,
}

/// The results of one suite.
#[derive(Debug, Serialize)]
pub(super) struct SuiteReport<'a> {
    pub(super) name: &'a str,
    policy: &'a Path,
    policy_hash: String,
    pub(super) cases: Vec<CaseReport<'a>>,
    /// What the cases reach; none where filters leave some of them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) coverage: Option<CoverageReport<'a>>,
    /// The minimum that the coverage is below.
    #[serde(skip)]
    minimum: Option<u8>,
    /// Nanoseconds of a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    ns_per_decision: Option<u64>,
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
        let below = reports.iter().filter(|report| report.minimum.is_some()).count();
        Ok(Report {
            ok: failed == 0 && below == 0,
            below_min_coverage: below,
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
        let policy = suite.test.policy();
        let mut coverage = Coverage::new(&policy, &suite.places);
        for (file, cases) in &suite.cases {
            for case in cases.iter() {
                if arguments.case.as_ref().is_some_and(|text| !case.name().contains(text)) {
                    continue;
                }
                let result = suite.test.run(case, now).context(format_args!("{}", file.display()))?;
                coverage.record(result.explanation());
                let report = CaseReport::new(suite, file, case, &result);
                let is_left = |text: &String| report.route.as_ref().is_some_and(|route| route.contains(text));
                if arguments.route.as_ref().is_none_or(is_left) {
                    reports.push(report);
                }
            }
        }
        let coverage = (!arguments.is_filtered()).then(|| CoverageReport::of(&coverage, &suite.policy_file));
        let is_below = |least: &u8| {
            let reached = coverage.as_ref().map(|coverage| coverage.percent);
            reached.is_some_and(|percent| percent < u64::from(*least))
        };
        Ok(SuiteReport {
            name: &suite.name,
            policy: &suite.policy_file,
            policy_hash: policy.hash().to_string(),
            cases: reports,
            minimum: arguments.min_coverage.filter(is_below),
            coverage,
            ns_per_decision: match arguments.bench {
                true => Some(bench::ns_per_decision(suite, now)?),
                false => None,
            },
        })
    }

    /// Why the suite fails whatever its cases are.
    pub(super) fn lack_of_coverage(&self) -> Option<String> {
        let (minimum, coverage) = (self.minimum?, self.coverage.as_ref()?);
        Some(format!(
            "the coverage is {} %, below the minimum of {minimum} %",
            coverage.percent
        ))
    }

    pub(super) fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed).count()
    }
}

impl fmt::Display for SuiteReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, failed) = (self.cases.len(), self.failed());
        let name = printable(self.name);
        let cases = counted(count, "case");
        let (mark, result) = match failed {
            0 => (good("✓"), faint(&cases)),
            _ => (bad("✗"), bad(&format!("{failed} of {cases} failed"))),
        };
        write!(f, "{mark} {name}  {result}")?;
        if let Some(coverage) = &self.coverage {
            write!(f, "{}", faint(&format!(", coverage {} %", coverage.percent)))?;
        }
        if let Some(time) = self.ns_per_decision {
            write!(f, "{}", faint(&format!(", {time} ns a decision")))?;
        }
        writeln!(f)?;
        for case in self.cases.iter().filter(|case| !case.passed) {
            writeln!(f)?;
            for line in case.to_string().lines() {
                writeln!(f, "  {line}")?;
            }
        }
        if failed > 0 {
            writeln!(f)?;
        }
        self.coverage.iter().try_for_each(|coverage| write!(f, "{coverage}"))
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
        let result = match self.failed {
            0 => good("every decision is the expected one"),
            1 => bad("1 decision is not the expected one"),
            failed => bad(&format!("{failed} decisions are not the expected ones")),
        };
        writeln!(f, "{all}: {result}")?;
        for suite in &self.suites {
            if let Some(lack) = suite.lack_of_coverage() {
                writeln!(f, "{}", bad(&format!("{}: {lack}", printable(suite.name))))?;
            }
        }
        Ok(())
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
