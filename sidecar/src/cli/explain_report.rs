//! An explained decision, as text for people and as JSON.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actgate::analysis::SmallestChange;
use actgate::chain::FactSource;
use actgate::challenge::Challenge;
use actgate::policy::{PolicyLimit, Tier};
use actgate::{Decision, Error, Explanation};
use http::header::HOST;
use serde_json::{Value, json};

use crate::cli::agent_entry;
use crate::cli::arguments::ExplainArguments;
use crate::cli::chain_tree;
use crate::cli::explain_help::Helper;
use crate::cli::explain_input::{Basis, Input};
use crate::cli::explained_change::ExplainedChange;
use crate::cli::explained_checks::{ExplainedChecks, write_error};
use crate::cli::gate_checks::{GateCheck, GateChecks};
use crate::cli::policy_lines::PolicyLines;
use crate::cli::recorded_decision::{DeniedInAnyCase, RecordedDecision, Undecided};
use crate::cli::terminal::{bad, faint, good, printable, strong};
use crate::cli::unverified_chain::unverified_chain;
use crate::gate::cors::Preflight;
use crate::gate::head_error::HeadError;
use crate::headers::chain_json::Chain;
use crate::log::event::Effect;

/// The last second of the year 9999, the latest that can be written.
const LATEST_TIME: u64 = 253_402_300_799;

/// The explained decision. It is displayed as text for people.
pub(super) struct Report<'a> {
    pub(super) arguments: &'a ExplainArguments,
    pub(super) input: &'a Input,
    pub(super) notes: Vec<Cow<'static, str>>,
    pub(super) explained: Explanation,
    pub(super) undecided: Undecided,
    pub(super) certain_denial: Option<DeniedInAnyCase>,
    pub(super) change: Option<SmallestChange>,
    pub(super) lines: &'a PolicyLines,
    pub(super) helper: Helper,
    /// What the gate does with the request before its authorization.
    pub(super) gate: GateChecks,
    pub(super) challenge: Option<Challenge>,
}

impl Report<'_> {
    /// Why the request is not authorized.
    pub(super) fn error(&self) -> Option<&Error> {
        let error = self.decision().error().or(self.gate.unplaced.as_ref());
        error.filter(|_| self.is_evaluated() && self.undecided.enforced == 0)
    }

    /// Whether the request would have another decision by values that the line does not have.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided.enforced > 0 && self.is_evaluated() && self.certain_denial.is_none()
    }

    /// Whether the request is denied, by whichever rule.
    pub(super) fn is_denied(&self) -> bool {
        self.denial().is_some() || self.denied_in_any_case().is_some()
    }

    fn denied_in_any_case(&self) -> Option<&DeniedInAnyCase> {
        self.certain_denial.as_ref().filter(|_| self.is_evaluated())
    }

    /// The challenge of a denial that is certain beside rules that are not decided.
    pub(super) fn certain_challenge(&self) -> Option<Challenge> {
        let answer = self.denied_in_any_case()?.answer.as_ref();
        answer.map(|(_, challenge)| challenge.clone())
    }

    fn write_denied_in_any_case(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(denial) = self.denied_in_any_case() else {
            return Ok(());
        };
        let status = denial.status().map(|status| format!(" {status}"));
        let (denied, status) = (bad("denied"), status.unwrap_or_default());
        writeln!(f, "\n{denied}{status}: {} ({})", printable(&denial.rule), denial.code)?;
        if denial.alternatives == 0 {
            return Ok(());
        }
        let rules = counted(denial.alternatives, "rule is", "rules are");
        let note = format!("{rules} not decided and may deny in its place: the code may be another one");
        writeln!(f, "{}", faint(&note))
    }

    /// The decision of the line, and whether it is that of the explanation; [`None`] where it cannot be compared.
    fn recorded(&self) -> Option<(&RecordedDecision, Option<bool>)> {
        let recorded = &self.input.line.as_ref()?.recorded;
        let denied = match (self.denied_in_any_case(), self.denial()) {
            (Some(denial), _) => Some((denial.alternatives == 0).then_some(denial.code)),
            (None, Some((_, code))) => Some(Some(code)),
            (None, None) => None,
        };
        let is_comparable = !self.is_undecided() && self.limit_of_line().is_none();
        Some((recorded, is_comparable.then(|| recorded.agrees(denied))))
    }

    /// Whether the request is denied whatever the undecided rules are, one of which may be what denies it.
    fn may_have_another_code(&self) -> bool {
        self.denied_in_any_case().is_some_and(|denial| denial.alternatives > 0)
    }

    /// The limit that denied the request of the line, where every rule allows it.
    fn limit_of_line(&self) -> Option<PolicyLimit> {
        let recorded = &self.input.line.as_ref()?.recorded;
        let is_allowed = self.is_evaluated() && !self.is_denied() && !self.is_undecided();
        let limit = self.decision().counted_by()?;
        (is_allowed && recorded.is_by_limit()).then_some(limit)
    }

    fn write_limit_of_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(limit) = self.limit_of_line() else {
            return Ok(());
        };
        let allowed = good("allowed by every rule");
        let (quota, rule) = (printable(&limit.quota), printable(&limit.rule));
        let by = "the line was denied by a limit, which depends on the requests before it";
        writeln!(f, "\n{allowed}: {by}: {quota} ({rule})")
    }

    fn write_recorded(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.recorded() {
            None => Ok(()),
            Some(_) if self.limit_of_line().is_some() => Ok(()),
            Some((_, Some(true))) if !self.may_have_another_code() => {
                writeln!(f, "{}", faint("the line has this decision, too"))
            }
            Some((recorded, Some(false))) => {
                let recorded = printable(&recorded.to_string());
                let why = "the policy, the configuration or the request differs, or the decision depends on more than the line has";
                writeln!(f, "{}: {recorded}; {why}", bad("the line has another decision"))
            }
            Some((recorded, Some(true) | None)) => {
                writeln!(f, "the decision of the line is {}", printable(&recorded.to_string()))
            }
        }
    }

    /// The status and the code of a denied request.
    pub(super) fn denial(&self) -> Option<(u16, &str)> {
        let of_head = self.gate.denied.map(|error| (error.status.as_u16(), error.code));
        of_head.or_else(|| self.error().map(|error| (error.status().as_u16(), error.code())))
    }

    /// Whether the rules of the policy decide.
    fn is_evaluated(&self) -> bool {
        self.gate.denied.is_none() && self.gate.preflight.is_none()
    }

    pub(super) fn decision(&self) -> &Decision {
        self.explained.decision()
    }

    fn www_authenticate(&self) -> Option<&str> {
        self.challenge.as_ref()?.www_authenticate()?.to_str().ok()
    }

    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(chain) = self.explained.chain() {
            let nodes = chain_tree::nodes(&Chain::of_parties(chain), chain.initiator().issuer());
            let agent = self.decision().agent().map(agent_entry::line);
            return write!(f, "\n{}{}", chain_tree::draw(&nodes), agent.unwrap_or_default());
        }
        let nodes = unverified_chain(&self.input.token);
        if self.error().is_some() && !nodes.is_empty() {
            let note = faint("from the claims of the token, which was not accepted");
            writeln!(f, "\n{}{note}", chain_tree::draw(&nodes))?;
        }
        Ok(())
    }

    fn write_facts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.explained.facts().is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{}",
            faint("facts, each with the claim or the evidence that gives it")
        )?;
        for FactSource {
            fact, value, source, ..
        } in self.explained.facts()
        {
            let (value, source) = (printable(value), printable(source));
            writeln!(f, "  {fact}: {}  {}", strong(&value), faint(&format!("({source})")))?;
        }
        Ok(())
    }

    fn write_gate(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.gate.checks.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n{}", faint("gate"))?;
        for GateCheck { rule, passed, text } in &self.gate.checks {
            let mark = if *passed { good("✓") } else { bad("✗") };
            writeln!(f, "  {mark} {rule}: {}", printable(text))?;
        }
        Ok(())
    }

    fn not_checked(&self) -> String {
        let mut names = self.arguments.headers.iter().map(|(name, _)| name);
        GateChecks::not_checked(names.any(|name| name == HOST))
    }

    fn explained_change(&self) -> Option<ExplainedChange<'_>> {
        let is_denied = self.error().is_some() || self.denied_in_any_case().is_some();
        let change = self.change.as_ref().filter(|_| is_denied)?;
        Some(ExplainedChange {
            change,
            route: self.decision().route(),
            lines: self.lines,
        })
    }

    fn checks(&self) -> ExplainedChecks<'_> {
        ExplainedChecks {
            explained: &self.explained,
            basis: self.input.basis,
            lines: self.lines,
            helper: &self.helper,
        }
    }

    pub(super) fn json(&self) -> Value {
        let (error, denial) = (self.error(), self.denial());
        let in_any_case = self.denied_in_any_case();
        let preflight = self.gate.preflight.as_ref();
        let answer = denial.or(preflight.map(|_| (Preflight::STATUS.as_u16(), "cors_preflight")));
        json!({
            "method": self.input.method.as_str(),
            "path": self.input.path,
            "at": rfc3339(self.input.now),
            "basis": self.input.basis.name(),
            "route": self.decision().route(),
            "policy_hash": self.decision().policy().hash().as_str(),
            "decision": match () {
                () if self.is_undecided() => json!("unknown"),
                () if self.is_denied() => json!(Effect::Deny),
                () => json!(Effect::Allow),
            },
            "status": answer.map(|(status, _)| status).or(in_any_case.and_then(DeniedInAnyCase::status)),
            "code": answer.map(|(_, code)| code).or(in_any_case.map(|denial| denial.code)),
            "rule": error.and_then(Error::rule).or(in_any_case.map(|denial| &*denial.rule)),
            "undecided_alternatives": in_any_case.map(|denial| denial.alternatives),
            "recorded": self.recorded().map(|(recorded, agrees)| json!({
                "decision": recorded.decision,
                "code": recorded.code,
                "rule": recorded.rule,
                "agrees": agrees,
            })),
            "www_authenticate": self.www_authenticate(),
            "smallest_change": self.explained_change().map(ExplainedChange::json),
            "shadow": self.checks().shadow_json(self.undecided).filter(|_| self.is_evaluated()),
            "notes": self.notes,
            "gate": self.gate.json(),
            "not_checked": self.not_checked(),
            "chain": self.explained.chain().map(Chain::of_parties),
            "agent": self.decision().agent().map(agent_entry::json),
            "facts": self.explained.facts().iter().map(fact_json).collect::<Vec<_>>(),
            "checks": self.explained.checks().iter().map(|check| self.checks().json(check)).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = printable(&format!("{} {}", self.input.method, self.input.path));
        writeln!(f, "{}  at {}", strong(&request), rfc3339(self.input.now))?;
        let hash = self.decision().policy().hash();
        writeln!(f, "{}", faint(&format!("policy {hash}")))?;
        for note in &self.notes {
            writeln!(f, "{}", faint(&format!("note: {}", printable(note))))?;
        }
        self.write_chain(f)?;
        self.write_facts(f)?;
        self.write_gate(f)?;
        let mut tier = None;
        for check in self.explained.checks() {
            if tier.replace(check.tier) != Some(check.tier) {
                writeln!(f, "\n{}", faint(heading(check.tier)))?;
            }
            self.checks().write(f, check, 2)?;
        }
        match (self.gate.denied, self.error()) {
            (Some(HeadError { status, code, reason }), _) => {
                writeln!(f, "\n{} {}: {reason} ({code})", bad("denied"), status.as_u16())?;
            }
            (None, None) if self.gate.preflight.is_some() => {
                writeln!(
                    f,
                    "\n{}: the gate answers this preflight itself, with 204",
                    good("allowed")
                )?;
            }
            (None, None) if self.denied_in_any_case().is_some() => self.write_denied_in_any_case(f)?,
            (None, None) if self.is_undecided() => {
                let rules = counted(self.undecided.enforced, "rule depends", "rules depend");
                writeln!(
                    f,
                    "\n{}: {rules} on values that the line does not have",
                    bad("not decided")
                )?;
            }
            (None, None) if self.limit_of_line().is_some() => self.write_limit_of_line(f)?,
            (None, None) => {
                let condition = match self.input.basis {
                    Basis::Token => "",
                    Basis::Claims => ", with a valid token of these claims",
                    Basis::Line => ", with a valid token of these facts",
                };
                let allowed = good("allowed");
                writeln!(f, "\n{allowed}: the request is forwarded to the upstream{condition}")?;
                writeln!(f, "{}", faint(&format!("not checked: {}", self.not_checked())))?;
            }
            (None, Some(error)) => {
                let status = error.status().as_u16();
                write!(f, "\n{} {status}: ", bad("denied"))?;
                write_error(f, error)?;
            }
        }
        if self.is_evaluated() {
            self.checks().write_shadow(f, self.undecided)?;
        }
        self.write_recorded(f)?;
        if let Some(header) = self.www_authenticate() {
            writeln!(f, "  www-authenticate: {header}")?;
        }
        self.explained_change().map_or(Ok(()), |change| change.fmt(f))
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

fn fact_json(fact: &FactSource) -> Value {
    json!({ "fact": fact.fact, "value": fact.value, "from": fact.source })
}

fn heading(tier: Tier) -> &'static str {
    match tier {
        Tier::Token => "token",
        Tier::Scope => "scope",
        Tier::Core => "initiator, current actor and claims",
        _ => "prior actors",
    }
}

fn rfc3339(seconds: u64) -> String {
    let time = std::time::UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST_TIME));
    humantime::format_rfc3339_seconds(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(1_767_225_600), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59Z");
    }
}
