//! The facts of a decision as a record, and the explanation of a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Authorizer;
use super::authenticate::{Authenticate, Failure, report_verified_before};
use super::certain_denial::{CertainDenial, Denial};
use super::decision::Decision;
use super::explain::Explanation;
use super::known_request::KnownRequest;
use super::pipeline::Pipeline;
use super::protected::Protected;
use super::restored_request::{Restored, UnknownSteps};
use super::step::Step;
use crate::chain::{Conceal, Missing, ReadClaims, RecordedFacts};
use crate::error::{Error, Reason};
use crate::identity::Identity;
use crate::policy::{Access, Check, Collect, Mode, Need, Outcome, Place, Reads, Recorder, Requirement, Skipping, Tier};
use crate::request::Presented;

/// The explanation of a record: every check, and the rules that the record does not decide.
///
/// It authorizes nothing: [`Decision::identity`] of it is [`None`].
#[derive(Clone, Debug)]
pub struct RecordedExplanation {
    explanation: Explanation,
    undecided: Vec<Undecided>,
    denial: Option<Denial>,
}

/// A rule that a record does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undecided {
    /// The rule, as the policy lists it.
    pub rule: String,
    /// Whether it is enforced.
    pub mode: Mode,
    /// What is not known, in words.
    pub reason: String,
}

impl RecordedExplanation {
    /// The checks and the decision. The outcome of a check that is not decided is [`Outcome::Undecided`], and a decision with one in a
    /// rule that is enforced is not that of the request.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// The rules that the record does not decide, in the order of their evaluation.
    pub fn undecided(&self) -> &[Undecided] {
        &self.undecided
    }

    /// Whether the decision is that of a request with these facts, with its code.
    pub fn is_decided(&self) -> bool {
        self.undecided.iter().all(|undecided| undecided.mode != Mode::Enforce)
    }

    /// Why the request is denied whatever the undecided rules are; [`None`] where it is allowed, or may be.
    pub fn certain_denial(&self) -> Option<CertainDenial<'_>> {
        self.denial.as_ref()?.among(self.explanation.checks())
    }

    /// The rules that are not decided, by their names.
    pub(crate) fn undecided_rules(&self) -> BTreeSet<&str> {
        self.undecided.iter().map(|undecided| &*undecided.rule).collect()
    }
}

impl Authorizer {
    /// The facts of the verified token of a decision, and of the request that `presented` is of, for a record; [`None`] without a token.
    ///
    /// It contains identifiers of the parties, and claims and values of the request as far as `conceal` shows them: protect the record
    /// as the identities in it. It does NOT contain the token, nor a claim or a value that no rule of the route reads; of a request it
    /// has at most 64 values, and texts of up to 1 KiB as they are.
    pub fn record(
        &self,
        decision: &Decision,
        presented: &Presented<'_>,
        conceal: &dyn Conceal,
    ) -> Option<RecordedFacts> {
        let identity = decision.identity()?;
        let requirement = decision.requirement().map(all_rules);
        let reads = requirement.map(Requirement::reads).unwrap_or_default();
        let limit = requirement.and_then(Requirement::body_limit);
        let in_force = decision.in_force();
        let pipeline = Pipeline::new(&self.inner, &in_force);
        let request = pipeline.record_request(&reads, limit, presented, conceal);
        let sources = identity.facts().sources(identity.trusted_issuer(), &self.inner.limits);
        let read = ReadClaims {
            places: reads.claims().map(|(_, claim)| claim).collect(),
            members: reads.members.clone(),
        };
        Some(identity.facts().record(sources, &read, request, conceal))
    }

    /// Explains a request by recorded facts as of `now`, in seconds since 1970: by the policy in force, which may be another one
    /// than that of the record. The credential in `presented` is not read, and `known` states what else of it is that of the request.
    ///
    /// It runs the function that enforces; the steps up to the claims are those of a token that was verified before. A value that is
    /// recorded as a hash is known where a rule names it, given `conceal` with the key of the record. A rule that depends on a value
    /// which is not known is not decided. It authorizes nothing.
    pub fn explain_recorded(
        &self,
        recorded: &RecordedFacts,
        presented: &Presented<'_>,
        known: KnownRequest,
        now: u64,
        conceal: Option<&dyn Conceal>,
    ) -> RecordedExplanation {
        let in_force = self.in_force();
        let presented = presented.without_credential();
        let pipeline = Pipeline::new(&self.inner, &in_force);
        let (headers, steps) =
            pipeline.restore_steps(&recorded.request, &presented, known, conceal_of(recorded, conceal));
        let target = presented.target();
        let requirement = match pipeline.route(&presented.with_parts(target, &headers, (presented.content(), None))) {
            Ok(Some(route)) => match &route.access {
                Access::Guarded(requirement) => Some(all_rules(requirement)),
                Access::Public => None,
            },
            Ok(None) | Err(_) => None,
        };
        let reads = requirement.map(Requirement::reads).unwrap_or_default();
        let values = (&*reads.values, conceal_of(recorded, conceal));
        let request = Restored::new(&recorded.request, headers, (&presented, known), values);
        let restored = recorded.restore(&reads.values, conceal);
        let sources = recorded.sources(&restored.facts);
        let known = KnownValues {
            missing: &restored.missing,
            request: &request,
            presented: &presented,
            known,
        };
        let mut undecided = undecided(requirement, &reads, &known);
        let target = request.request.target(target);
        let presented = request.request.present(&target, &presented);
        let issuers = self.inner.issuers.iter().map(|trust| &trust.issuer);
        let issuer = issuers.clone().find(|issuer| *issuer.issuer == *recorded.issuer());
        let identity = issuer.map(|issuer| Identity::recorded(restored.facts, Arc::clone(issuer)));
        let source = Recorded(identity);
        let mut recorder = Collect::default();
        let conclusion = pipeline.authorize_with(&source, &presented, now, &mut recorder);
        let conclusion = conclusion.into_decision();
        let mut checks = recorder.0;
        undecided.splice(0..0, end_at_unknown(&mut checks, steps));
        // A step that fails before the rules ends the evaluation.
        undecided.retain(|undecided| checks.iter().any(|check| check.depends_on_values_of(&undecided.rule)));
        // The facts are of a token whose proof was accepted, and a record has no certificate.
        let is_without_proof = |check: &Check| {
            check.tier == Tier::Token && check.rule == "confirmation" && check.outcome == Outcome::Failed
        };
        if checks.iter().any(is_without_proof) {
            undecided.push(Undecided {
                rule: "confirmation".to_owned(),
                mode: Mode::Enforce,
                reason: "the certificate of the client is not recorded".to_owned(),
            });
        }
        for check in &mut checks {
            mark(check, &undecided);
        }
        let rules = undecided.iter().map(|undecided| &*undecided.rule).collect();
        let without = pipeline.authorize_with(&source, &presented, now, &mut Skipping(&rules));
        let without = Decision::new(Arc::clone(&in_force), without.into_decision());
        let denial = Denial::of(&checks, without);
        let decision = Decision::new(in_force, conclusion);
        RecordedExplanation {
            explanation: Explanation::of_record(sources, checks, decision, request.request),
            undecided,
            denial,
        }
    }
}

/// The identity of a record in place of a credential; [`None`] where its issuer is not trusted.
struct Recorded(Option<Identity>);

impl Authenticate for Recorded {
    fn authenticate(
        &self,
        pipeline: &Pipeline<'_>,
        presented: &Presented<'_>,
        protected: Option<&Arc<Protected>>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Result<Identity, Failure> {
        let Some(identity) = &self.0 else {
            for step in Step::BEFORE_ISSUER {
                step.report_passed(recorder, || "verified before".to_owned());
            }
            let error = Error::claim("iss", Reason::Mismatch);
            Step::ISSUER.report_failed(recorder, &error);
            return Err(error.into());
        };
        report_verified_before(identity, recorder)?;
        pipeline.check(identity, presented, protected, now, recorder)?;
        Ok(identity.clone())
    }
}

/// A requirement with its rules in shadow.
fn all_rules(requirement: &Requirement) -> &Requirement {
    requirement.promoted().map_or(requirement, |promoted| promoted)
}

/// The key of the hashes of a record, if `conceal` has it.
fn conceal_of<'c>(recorded: &RecordedFacts, conceal: Option<&'c dyn Conceal>) -> Option<&'c dyn Conceal> {
    conceal.filter(|conceal| recorded.has_key_of(*conceal))
}

/// Ends the checks at a step that is not decided: those after it are of another route, or another resource.
fn end_at_unknown(checks: &mut Vec<Check>, steps: UnknownSteps) -> Option<Undecided> {
    let unknown = [("route", steps.route), ("resource", steps.resource)];
    let (step, reason) = unknown.into_iter().find_map(|(step, reason)| Some((step, reason?)))?;
    let at = checks
        .iter()
        .position(|check| check.tier == Tier::Token && check.rule == step)?;
    checks.truncate(at + 1);
    Some(Undecided {
        rule: step.to_owned(),
        mode: Mode::Enforce,
        reason,
    })
}

/// What is known of the values that rules read.
struct KnownValues<'k> {
    /// Of the claims.
    missing: &'k BTreeMap<String, Missing>,
    request: &'k Restored,
    presented: &'k Presented<'k>,
    known: KnownRequest,
}

impl KnownValues<'_> {
    /// Why a rule that reads a value cannot be decided; [`None`] where it can.
    fn unknown(&self, place: &Place<'_>, need: Need) -> Option<String> {
        let (presented, known) = (self.presented, self.known);
        let is_presented = |name: &str| presented.fields().is_some_and(|headers| headers.contains_key(name));
        let (missing, absent) = match place {
            Place::Parameter(_) if known.query => return None,
            Place::Header(name) if known.headers || is_presented(name) => return None,
            Place::Member(_) if known.body || presented.content().is_some() || self.request.has_no_members => {
                return None;
            }
            Place::Parameter(name) => (None, format!("the query with the parameter `{name}` is not known")),
            Place::Header(name) => (None, format!("the header `{name}` is not known")),
            Place::Member(_) => (None, "the body is not known".to_owned()),
            Place::Claim(claim) => (
                self.missing.get(&**claim),
                format!("the claim `{claim}` is not recorded"),
            ),
        };
        let (of_request, shown) = match (place, place.of_request()) {
            (Place::Claim(claim), _) => (None, format!("the claim `{claim}`")),
            (_, of_request) => {
                let shown = format!("`{}` of the request", of_request.as_deref().unwrap_or_default());
                (of_request, shown)
            }
        };
        let missing = missing.or_else(|| self.request.missing.get(&of_request?));
        match (missing, need) {
            (None, _) => Some(absent),
            (Some(Missing::Nothing), _) | (Some(Missing::Text), Need::Comparison) => None,
            (Some(Missing::Text | Missing::Other), _) => Some(format!("the value of {shown} is not recorded")),
        }
    }
}

/// The rules that depend on a value which is not known.
fn undecided(requirement: Option<&Requirement>, reads: &Reads<'_>, known: &KnownValues<'_>) -> Vec<Undecided> {
    let mut reasons: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for read in &reads.all {
        if let Some(reason) = known.unknown(&read.place, read.need) {
            reasons.entry(read.rule).or_default().insert(reason);
        }
    }
    let rules = requirement.into_iter().flat_map(Requirement::modes);
    let of_rule = |(rule, mode): (&Arc<str>, Mode)| {
        let reasons = reasons.get(&**rule)?;
        Some(Undecided {
            rule: rule.to_string(),
            mode,
            reason: reasons.iter().map(String::as_str).collect::<Vec<_>>().join(", and "),
        })
    };
    rules.filter_map(of_rule).collect()
}

/// Marks the check of a rule that is not decided.
fn mark(check: &mut Check, undecided: &[Undecided]) {
    if let Some(undecided) = undecided
        .iter()
        .find(|undecided| check.depends_on_values_of(&undecided.rule))
    {
        check.rule.clone_from(&undecided.rule);
        check.outcome = Outcome::Undecided;
        check.got = undecided.reason.clone();
        check.code = None;
        check.alternatives = Vec::new();
    }
}
