//! The result of one case.

use std::fmt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use actgate::analysis::{Case, CaseOutcome, SmallestChange};
use actgate::policy::{Check, Mode, Outcome, Tier};
use actgate::profile::Profile;
use actgate::testing::CaseResult;
use serde::Serialize;

use super::suite::Suite;
use crate::cli::chain_tree::{self, Node};
use crate::cli::kind_help::kind_help;
use crate::cli::terminal::{bad, faint, good, printable, strong};
use crate::cli::unverified_chain::unverified_chain;
use crate::headers::chain_json::Chain;

/// The last second of the year 9999, the latest that can be written.
const LATEST_TIME: u64 = 253_402_300_799;

/// The result of one case. It is displayed as text for people, who see what is not as expected.
#[derive(Debug, Serialize)]
pub(super) struct CaseReport<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a Path,
    pub(super) line: u64,
    method: &'a str,
    path: &'a str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    pub(super) passed: bool,
    expected: &'a CaseOutcome,
    got: CaseOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<ShadowReport<'a>>,
    #[serde(flatten)]
    failure: Option<CaseFailure<'a>>,
}

/// The decisions with the rules in shadow.
#[derive(Debug, Serialize)]
struct ShadowReport<'a> {
    expected: Option<&'a CaseOutcome>,
    got: Option<CaseOutcome>,
}

/// Why a case is not as expected.
#[derive(Debug, Serialize)]
struct CaseFailure<'a> {
    chain: Vec<Node>,
    #[serde(skip)]
    is_verified: bool,
    /// What each alternative of the smallest change needs, where the case is expected to be allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needed: Vec<Vec<String>>,
    /// The rules whose changes are not computed, so that another change may be smaller.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_computed: Vec<String>,
    /// Whether the search for what is needed ended before it had tried everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    search_ended_at_limit: bool,
    checks: Vec<CheckReport<'a>>,
}

/// One check of a case.
#[derive(Debug, Serialize)]
struct CheckReport<'a> {
    rule: String,
    /// Where the rule is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shadow: bool,
    passed: bool,
    expected: String,
    got: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What would prove a kind that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Vec<CheckReport<'a>>>,
}

impl<'a> CaseReport<'a> {
    pub(super) fn new(suite: &'a Suite, file: &'a Path, case: &'a Case, result: &CaseResult) -> CaseReport<'a> {
        let decision = result.explanation().decision();
        let in_shadow = result.in_shadow();
        let shadows = (case.expected_in_shadow(in_shadow), in_shadow);
        CaseReport {
            name: case.name(),
            file,
            line: case.line(),
            method: case.method(),
            path: case.target(),
            at: rfc3339(result.now()),
            route: decision.route().map(str::to_owned),
            passed: result.is_expected(),
            expected: case.expected(),
            got: result.outcome().clone(),
            shadow: (shadows != (None, None)).then(|| ShadowReport {
                expected: shadows.0,
                got: shadows.1.cloned(),
            }),
            failure: (!result.is_expected()).then(|| CaseFailure::new(suite, case, result)),
        }
    }

    /// The decision and the expected one, in one line.
    pub(super) fn difference(&self) -> String {
        let mut text = String::new();
        if *self.expected != self.got {
            text = format!("expected {}, got {}", self.expected, self.got);
        }
        if let Some(ShadowReport { expected, got }) = &self.shadow
            && *expected != got.as_ref()
        {
            let separator = if text.is_empty() { "" } else { "; " };
            let (expected, got) = (in_shadow(*expected), in_shadow(got.as_ref()));
            text = format!("{text}{separator}with the rules in shadow: expected {expected}, got {got}");
        }
        text
    }
}

/// An outcome with the rules in shadow.
fn in_shadow(outcome: Option<&CaseOutcome>) -> String {
    outcome.map_or_else(|| "no rule in shadow".to_owned(), ToString::to_string)
}

impl<'a> CaseFailure<'a> {
    fn new(suite: &'a Suite, case: &Case, result: &CaseResult) -> CaseFailure<'a> {
        let explanation = result.explanation();
        let decision = explanation.decision();
        let chain = decision
            .identity()
            .map(|identity| chain_tree::nodes(&Chain::of(identity), identity.issuer()));
        let claimed = || {
            let token = suite.test.token(case, result.now()).ok().flatten();
            token.map_or(Vec::new(), |token| unverified_chain(&token))
        };
        let is_shown = |check: &&Check| check.tier != Tier::Token || check.outcome != Outcome::Passed;
        let checks = explanation.checks().iter().filter(is_shown);
        let issuer = decision.identity().map(|identity| identity.issuer());
        let of_case = OfCase {
            suite,
            route: decision.route(),
            profile: issuer.and_then(|issuer| suite.test.profile(issuer)),
        };
        let change = result.smallest_change();
        CaseFailure {
            is_verified: chain.is_some(),
            chain: chain.unwrap_or_else(claimed),
            needed: change.map_or_else(Vec::new, needed),
            not_computed: change.map_or_else(Vec::new, |change| change.not_computed.clone()),
            search_ended_at_limit: change.is_some_and(|change| change.is_cut),
            checks: checks.map(|check| CheckReport::new(of_case, check)).collect(),
        }
    }
}

/// What each alternative of a change needs.
fn needed(change: &SmallestChange) -> Vec<Vec<String>> {
    let of_rules = change.alternatives.iter();
    let of_rules = of_rules.map(|changes| changes.iter().map(|change| change.needed.clone()).collect());
    let before = change.before_policy.iter().map(|needed| vec![needed.clone()]);
    before.chain(of_rules).collect()
}

/// What the checks of a case have in common.
#[derive(Clone, Copy)]
struct OfCase<'a, 'c> {
    suite: &'a Suite,
    route: Option<&'c str>,
    /// Of the issuer of the token, where it was verified.
    profile: Option<&'a Profile>,
}

impl<'a> CheckReport<'a> {
    fn new(of_case: OfCase<'a, '_>, check: &Check) -> CheckReport<'a> {
        let OfCase { suite, route, profile } = of_case;
        let of_route = route.and_then(|route| check.rule.strip_prefix(route)?.strip_prefix(": "));
        let place = suite.places.of(&check.rule);
        let of_one = |checks: &Vec<Check>| checks.iter().map(|check| CheckReport::new(of_case, check)).collect();
        CheckReport {
            rule: of_route.unwrap_or(&check.rule).to_owned(),
            file: place.map(|_| &*suite.policy_file),
            line: place.map(|place| place.line),
            shadow: check.mode == Mode::Shadow,
            passed: check.outcome == Outcome::Passed,
            expected: check.expected.clone(),
            got: check.got.clone(),
            code: check.code,
            help: profile.and_then(|profile| kind_help(profile, check)),
            alternatives: check.alternatives.iter().map(of_one).collect(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        let indentation = " ".repeat(indent);
        let mark = if self.passed { good("✓") } else { bad("✗") };
        let shadow = match self.shadow {
            true => faint("in shadow: "),
            false => String::new(),
        };
        let place = match (self.file, self.line) {
            (Some(file), Some(line)) => faint(&format!("  {}:{line}", printable(&file.to_string_lossy()))),
            _ => String::new(),
        };
        writeln!(f, "{indentation}{mark} {}{}{place}", shadow, printable(&self.rule))?;
        if !self.passed {
            let (expected, got) = (printable(&self.expected), printable(&self.got));
            writeln!(f, "{indentation}    expected {expected}, got {got}")?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{indentation}    help: {}", printable(help))?;
        }
        let mut inner = self.alternatives.iter().flatten();
        inner.try_for_each(|check| check.write(f, indent + 4))
    }
}

/// The failure of a case: its request, its chain, the decisions and the checks.
impl fmt::Display for CaseReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = format!("{}:{}", printable(&self.file.to_string_lossy()), self.line);
        writeln!(f, "{} {}", bad("✗"), strong(&printable(self.name)))?;
        writeln!(f, "  {}", faint(&place))?;
        writeln!(f, "  {} {}  at {}", self.method, printable(self.path), self.at)?;
        let Some(failure) = &self.failure else { return Ok(()) };
        for line in chain_tree::draw(&failure.chain).lines() {
            writeln!(f, "  {line}")?;
        }
        if !failure.is_verified && !failure.chain.is_empty() {
            let note = match self.got.is_allowed() {
                true => "from the claims of the token, which a public route does not read",
                false => "from the claims of the token, which was not accepted",
            };
            writeln!(f, "  {}", faint(note))?;
        }
        if *self.expected != self.got {
            writeln!(f, "  expected  {}", good(&printable(&self.expected.to_string())))?;
            writeln!(f, "  got       {}", bad(&self.got.to_string()))?;
        }
        for (index, changes) in failure.needed.iter().enumerate() {
            let name = if index == 0 { "it needs" } else { "or" };
            writeln!(f, "  {name:<8}  {}", strong(&printable(&changes.join(", and "))))?;
        }
        for rule in &failure.not_computed {
            let note = format!("not computed: what this rule needs ({})", printable(rule));
            writeln!(f, "  {}", faint(&note))?;
        }
        if failure.search_ended_at_limit {
            writeln!(f, "  {}", faint("the search for what is needed ended at its limit"))?;
        }
        match &self.shadow {
            Some(ShadowReport { expected, got }) if *expected != got.as_ref() => {
                writeln!(f, "  with the rules in shadow:")?;
                writeln!(f, "  expected  {}", good(&in_shadow(*expected)))?;
                writeln!(f, "  got       {}", bad(&in_shadow(got.as_ref())))?;
            }
            Some(ShadowReport { got: Some(got), .. }) => writeln!(f, "  with the rules in shadow: {got}")?,
            _ => {}
        }
        // A rule that holds without being written is of interest only where it denies.
        let mut shown = failure
            .checks
            .iter()
            .filter(|check| !check.passed || check.line.is_some());
        shown.try_for_each(|check| check.write(f, 2))
    }
}

pub(super) fn rfc3339(seconds: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST_TIME));
    humantime::format_rfc3339_seconds(time).to_string()
}
