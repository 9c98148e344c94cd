//! The one evaluator. It is total: no loop without end, no panic, an answer for every input; and it is alone, so that
//! what is enforced and what is explained cannot drift apart.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::core_rule::{CoreDemand, CoreRule, Finding, StepUp};
use super::decision::{Check, Recorder, Tier};
use super::requirement::Requirement;
use crate::chain::{Core, History};
use crate::error::Error;

/// When a request is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) now: u64,
    /// Accepted difference of clocks, in seconds.
    pub(crate) leeway: u64,
}

impl Moment {
    /// Whether `time` is at most `seconds` ago, to the second. The leeway only forgives a clock that is ahead of ours;
    /// it never makes an old login younger.
    pub(super) fn is_within(&self, time: u64, seconds: u64) -> bool {
        time <= self.now.saturating_add(self.leeway) && self.now.saturating_sub(time) <= seconds
    }
}

/// Judges the facts of a verified token by a requirement: scopes, core rules, history rules.
///
/// The verdict is that of the first rule that is not met, except that a login that is too old or too weak comes last:
/// to send a person to log in is only honest when nothing else stands in the way.
pub(crate) fn evaluate(
    requirement: &Requirement,
    core: &Core<'_>,
    history: &History<'_>,
    moment: &Moment,
    recorder: &mut impl Recorder,
) -> Result<(), Error> {
    let mut refusal = None;
    let mut login: Option<(&CoreRule, StepUp)> = None;
    for rule in &requirement.core {
        let check = || Check::new(&rule.name, tier(rule), rule.expected(), rule.got(core, moment));
        let error = match rule.judge(core, moment) {
            Finding::Met => {
                recorder.met(check);
                continue;
            }
            Finding::StepUp(needed) => {
                let _ = recorder.unmet(|| check().failed(needed.code));
                login = Some(merge(login, rule, needed));
                continue;
            }
            Finding::LacksScope => Error::InsufficientScope {
                required: required_scope(requirement, rule),
                rule: Arc::clone(&rule.name),
            },
            Finding::Unmet(code) => Error::Denied {
                code,
                rule: Arc::clone(&rule.name),
            },
        };
        let flow = recorder.unmet(|| check().failed(error.code()));
        let first = refusal.get_or_insert(error);
        if flow == ControlFlow::Break(()) {
            return Err(first.clone());
        }
    }
    for rule in &requirement.history {
        let check = || Check::new(&rule.name, Tier::History, rule.expected(), rule.got(history));
        let Err(code) = rule.judge(history) else {
            recorder.met(check);
            continue;
        };
        let flow = recorder.unmet(|| check().failed(code));
        let first = refusal.get_or_insert_with(|| Error::Denied {
            code,
            rule: Arc::clone(&rule.name),
        });
        if flow == ControlFlow::Break(()) {
            return Err(first.clone());
        }
    }
    match (refusal, login) {
        (Some(refusal), _) => Err(refusal),
        (None, Some((rule, needed))) => Err(Error::InsufficientUserAuthentication {
            code: needed.code,
            rule: Arc::clone(&rule.name),
            max_age: needed.max_age,
            acr_values: needed.acr_values,
        }),
        (None, None) => Ok(()),
    }
}

fn tier(rule: &CoreRule) -> Tier {
    match rule.demand {
        CoreDemand::ScopesAll(_) | CoreDemand::ScopesAny(..) | CoreDemand::ScopesNone(_) => Tier::Scope,
        _ => Tier::Core,
    }
}

fn required_scope(requirement: &Requirement, rule: &CoreRule) -> Arc<str> {
    match &rule.demand {
        CoreDemand::ScopesAny(_, joined) => Arc::clone(joined),
        _ => Arc::clone(&requirement.scope),
    }
}

/// One login must satisfy every rule on logins: the shortest age, and a context that was named first.
fn merge<'p>(earlier: Option<(&'p CoreRule, StepUp)>, rule: &'p CoreRule, needed: StepUp) -> (&'p CoreRule, StepUp) {
    let Some((first, earlier)) = earlier else {
        return (rule, needed);
    };
    let max_age = match (earlier.max_age, needed.max_age) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    let acr_values = earlier.acr_values.or(needed.acr_values);
    (
        first,
        StepUp {
            code: earlier.code,
            max_age,
            acr_values,
        },
    )
}
