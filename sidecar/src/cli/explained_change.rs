//! The smallest change that would allow a denied request, as text and as JSON.

use std::fmt;

use actgate::analysis::{FactChange, SmallestChange};
use serde_json::{Value, json};

use crate::cli::policy_lines::PolicyLines;
use crate::cli::terminal::{faint, printable, strong};

/// A change, the route whose rules it is for, and the lines of the policy.
#[derive(Clone, Copy)]
pub(super) struct ExplainedChange<'a> {
    pub(super) change: &'a SmallestChange,
    pub(super) route: Option<&'a str>,
    pub(super) lines: &'a PolicyLines,
}

impl ExplainedChange<'_> {
    pub(super) fn json(self) -> Value {
        let rule = |rule: &String| json!({ "rule": rule, "line": self.lines.of(rule) });
        let of_one = |change: &FactChange| {
            json!({
                "needed": change.needed,
                "rules": change.rules.iter().map(rule).collect::<Vec<_>>(),
            })
        };
        let alternatives = self.change.alternatives.iter();
        let alternatives = alternatives.map(|changes| changes.iter().map(of_one).collect::<Value>());
        json!({
            "alternatives": alternatives.collect::<Vec<_>>(),
            "more": self.change.more,
            "not_computed": self.change.not_computed,
            "undecided": self.change.undecided,
            "unmet": self.change.unmet,
            "search_ended_at_limit": self.change.is_cut,
            "before_policy": self.change.before_policy,
        })
    }

    /// The name of a rule within its route, with the place where it is written.
    fn rule(self, rule: &str) -> String {
        let within = self
            .route
            .and_then(|route| rule.strip_prefix(route)?.strip_prefix(": "));
        let name = printable(within.unwrap_or(rule));
        match self.lines.shown(rule) {
            Some(line) => format!("{name}, {line}"),
            None => name,
        }
    }
}

impl fmt::Display for ExplainedChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(needed) = &self.change.before_policy {
            writeln!(f, "\nto be allowed, it needs {}", strong(&printable(needed)))?;
            return writeln!(f, "{}", faint("the rules of the policy are not evaluated before that"));
        }
        for (index, changes) in self.change.alternatives.iter().enumerate() {
            let first = match self.change.undecided.is_empty() {
                true if self.change.unmet.is_empty() => "\nto be allowed, it needs",
                true => "\nto be allowed, it needs, beside what the expressions need that are not met",
                false => "\nto be allowed, it needs, beside what the rules need that are not decided",
            };
            writeln!(f, "{}", if index == 0 { first } else { "or" })?;
            for FactChange { needed, rules, .. } in changes {
                let rules: Vec<String> = rules.iter().map(|rule| self.rule(rule)).collect();
                let rules = faint(&format!("({})", rules.join("; ")));
                writeln!(f, "  {}  {rules}", strong(&printable(needed)))?;
            }
        }
        match self.change.more {
            0 => {}
            1 => writeln!(f, "or 1 other change of the same size")?,
            more => writeln!(f, "or {more} other changes of the same size")?,
        }
        let is_none = self.change.alternatives.is_empty();
        for rule in &self.change.not_computed {
            let rule = self.rule(rule);
            writeln!(f, "{}", faint(&format!("not computed: what this rule needs ({rule})")))?;
        }
        if self.change.is_cut {
            writeln!(f, "{}", faint("the search for the smallest change ended at its limit"))?;
        } else if is_none && self.change.not_computed.is_empty() {
            writeln!(
                f,
                "{}",
                faint("no change of the token or the request was found that would allow it")
            )?;
        }
        Ok(())
    }
}
