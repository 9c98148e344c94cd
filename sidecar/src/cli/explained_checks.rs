//! The checks of an explained request, and what the rules in shadow among them would decide, as text and as JSON.

use std::fmt;

use actgate::policy::{Check, Mode, Outcome, Tier};
use actgate::{Error, Explanation};
use serde_json::{Value, json};

use crate::cli::explain_help::Helper;
use crate::cli::explain_input::Basis;
use crate::cli::policy_lines::PolicyLines;
use crate::cli::recorded_decision::Undecided;
use crate::cli::terminal::{bad, faint, good, printable};
use crate::log::event::Effect;

/// The checks of one explanation.
#[derive(Clone, Copy)]
pub(super) struct ExplainedChecks<'a> {
    pub(super) explained: &'a Explanation,
    pub(super) basis: Basis,
    pub(super) lines: &'a PolicyLines,
    pub(super) helper: &'a Helper,
}

impl ExplainedChecks<'_> {
    pub(super) fn write(self, f: &mut fmt::Formatter<'_>, check: &Check, indent: usize) -> fmt::Result {
        // Each rule of a route begins with the route, which is known by now.
        let route = self.explained.decision().route();
        let rule = route.and_then(|route| check.rule.strip_prefix(route)?.strip_prefix(": "));
        let rule = printable(rule.unwrap_or(&check.rule));
        if let Some(unproven) = self.unproven(check) {
            return writeln!(f, "{:indent$}{}", "", faint(&format!("– {rule}: {unproven}")));
        }
        let (expected, got) = (printable(&check.expected), printable(&check.got));
        let (mark, code) = match check.outcome {
            Outcome::Passed => (good("✓"), String::new()),
            Outcome::Undecided => (faint("?"), String::new()),
            _ => (bad("✗"), format!("  {}", bad(check.code.unwrap_or_default()))),
        };
        let shadow = match check.mode {
            Mode::Shadow => format!("{} ", faint("in shadow:")),
            _ => String::new(),
        };
        let indentation = " ".repeat(indent);
        let line = self.lines.shown(&check.rule);
        let source = check
            .source
            .as_deref()
            .map(|source| format!("from {}", printable(source)));
        let origin: Vec<String> = source.into_iter().chain(line).collect();
        let origin = match &origin[..] {
            [] => String::new(),
            origin => faint(&format!("  ({})", origin.join("; "))),
        };
        let found = match check.outcome {
            Outcome::Undecided => "not decided:",
            _ => "got",
        };
        writeln!(
            f,
            "{indentation}{mark} {shadow}{rule}: expected {expected}, {found} {got}{code}{origin}"
        )?;
        if let Some(help) = self.helper.help(self.explained, check) {
            writeln!(f, "{indentation}  help: {}", printable(&help))?;
        }
        let mut alternatives = check.alternatives.iter().flatten();
        alternatives.try_for_each(|check| self.write(f, check, indent + 2))
    }

    /// Why a check that passed proves nothing, if so.
    fn unproven(self, check: &Check) -> Option<&'static str> {
        let is_step = check.tier == Tier::Token && check.outcome == Outcome::Passed;
        is_step.then(|| self.basis.unproven(&check.rule)).flatten()
    }

    pub(super) fn json(self, check: &Check) -> Value {
        let mut json = json!({
            "rule": check.rule,
            "tier": check.tier.to_string(),
            "passed": check.outcome == Outcome::Passed,
            "expected": check.expected,
            "got": check.got,
            "fact": check.fact,
            "from": check.source,
            "line": self.lines.of(&check.rule),
        });
        if check.outcome == Outcome::Undecided {
            json["passed"] = Value::Null;
        }
        if let Some(unproven) = self.unproven(check) {
            (json["passed"], json["got"]) = (Value::Null, unproven.into());
        }
        if check.mode == Mode::Shadow {
            json["mode"] = "shadow".into();
        }
        if let Some(code) = check.code {
            json["code"] = code.into();
        }
        if let Some(help) = self.helper.help(self.explained, check) {
            json["help"] = help.into();
        }
        if !check.alternatives.is_empty() {
            let of_one = |checks: &Vec<Check>| checks.iter().map(|check| self.json(check)).collect::<Value>();
            json["alternatives"] = check.alternatives.iter().map(of_one).collect();
        }
        json
    }

    /// The line of the decision with the rules in shadow, if some are.
    pub(super) fn write_shadow(self, f: &mut fmt::Formatter<'_>, undecided: Undecided) -> fmt::Result {
        match self.explained.decision().shadow() {
            None => Ok(()),
            Some(_) if undecided.is_any() => writeln!(f, "with the rules in shadow: not decided"),
            Some(Ok(())) => writeln!(f, "with the rules in shadow: {}", good("allowed")),
            Some(Err(error)) => {
                let status = error.status().as_u16();
                write!(f, "with the rules in shadow: {} {status}: ", bad("denied"))?;
                write_error(f, error)
            }
        }
    }

    pub(super) fn shadow_json(self, undecided: Undecided) -> Option<Value> {
        let shadow = self.explained.decision().shadow()?;
        if undecided.is_any() {
            return Some(json!({ "decision": "unknown", "status": null, "code": null, "rule": null }));
        }
        let error = shadow.err();
        Some(json!({
            "decision": if shadow.is_ok() { Effect::Allow } else { Effect::Deny },
            "status": error.map(|error| error.status().as_u16()),
            "code": error.map(Error::code),
            "rule": error.and_then(Error::rule),
        }))
    }
}

/// Writes an error with its code, and ends the line.
pub(super) fn write_error(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    write!(f, "{}", printable(&error.to_string()))?;
    match error {
        // Its text contains the code.
        Error::Denied { .. } | Error::ActorUnauthorized { .. } => writeln!(f),
        error => writeln!(f, " ({})", error.code()),
    }
}
