//! The facts of a decision as a record, and the explanation of a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Authorizer;
use super::authenticate::{Authenticate, Failure, report_verified_before};
use super::decision::Decision;
use super::explain::Explanation;
use super::pipeline::Pipeline;
use super::protected::Protected;
use super::step::Step;
use crate::chain::{Conceal, Missing, ReadClaims, RecordedFacts};
use crate::error::{Error, Reason};
use crate::identity::Identity;
use crate::policy::{Access, Check, Collect, Mode, Need, Outcome, Place, Reads, Recorder, Requirement, Tier};
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

/// A denial that no undecided rule changes.
#[derive(Clone, Copy, Debug)]
struct Denial {
    /// The check among those of the explanation.
    index: usize,
    alternatives: usize,
}

/// A denial whatever the rules are that a record does not decide.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CertainDenial<'e> {
    /// The first check that denies, of those that are decided.
    pub check: &'e Check,
    /// How many rules that are not decided may deny in its place, with another code.
    pub alternatives: usize,
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

/// What is known of a request beside its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownRequest {
    /// Whether its query is that of the request.
    pub query: bool,
    /// Whether its headers are all those of the request. Otherwise each one that is presented is known, and any other one is not.
    pub headers: bool,
    /// Whether its body is that of the request, also where none is presented. Otherwise a body that is presented is known.
    pub body: bool,
}

impl KnownRequest {
    /// Headers and a body that are presented are known, and nothing else.
    pub fn nothing() -> KnownRequest {
        KnownRequest::default()
    }

    /// The same with the query that is presented.
    #[must_use]
    pub fn with_query(self) -> KnownRequest {
        KnownRequest { query: true, ..self }
    }

    /// The same with the headers that are presented, and no other one.
    #[must_use]
    pub fn with_headers(self) -> KnownRequest {
        KnownRequest { headers: true, ..self }
    }

    /// The same with the body that is presented, or as a request whose body was not read.
    #[must_use]
    pub fn with_body(self) -> KnownRequest {
        KnownRequest { body: true, ..self }
    }
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
        let Denial { index, alternatives } = self.denial?;
        let check = self.explanation.checks().get(index)?;
        Some(CertainDenial { check, alternatives })
    }
}

impl Authorizer {
    /// The facts of the verified token of a decision, for a record of it; [`None`] without one.
    ///
    /// It contains identifiers of the parties, and claims as far as `conceal` shows them: protect the record as the identities in it.
    /// It does NOT contain the token, nor a claim that no rule of the route reads.
    pub fn record(&self, decision: &Decision, conceal: &dyn Conceal) -> Option<RecordedFacts> {
        let identity = decision.identity()?;
        let reads = decision.requirement().map(reads).unwrap_or_default();
        let sources = identity.facts().sources(identity.trusted_issuer(), &self.inner.limits);
        let read = ReadClaims {
            places: reads.claims().map(|(_, claim)| claim).collect(),
            members: reads.members.clone(),
        };
        Some(identity.facts().record(sources, &read, conceal))
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
        let requirement = match pipeline.route(&presented) {
            Ok(Some(route)) => match &route.access {
                Access::Guarded(requirement) => Some(&**requirement),
                Access::Public => None,
            },
            Ok(None) | Err(_) => None,
        };
        let reads = requirement.map(reads).unwrap_or_default();
        let restored = recorded.restore(&reads.values, conceal);
        let sources = recorded.sources(&restored.facts);
        let mut undecided = undecided(requirement, &reads, &restored.missing, (&presented, known));
        let issuers = self.inner.issuers.iter().map(|trust| &trust.issuer);
        let issuer = issuers.clone().find(|issuer| *issuer.issuer == *recorded.issuer());
        let identity = issuer.map(|issuer| Identity::recorded(restored.facts, Arc::clone(issuer)));
        let mut recorder = Collect::default();
        let conclusion = pipeline.authorize_with(&Recorded(identity), &presented, now, &mut recorder);
        let conclusion = conclusion.into_decision();
        let mut checks = recorder.0;
        // A step that fails before the rules ends the evaluation.
        undecided.retain(|undecided| checks.iter().any(|check| check.rule == undecided.rule));
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
        let decision = Decision::new(in_force, conclusion);
        let denial = denial(&checks, &decision);
        RecordedExplanation {
            explanation: Explanation::of_record(sources, checks, decision),
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

/// What the rules of a requirement read, with those in shadow.
fn reads(requirement: &Requirement) -> Reads<'_> {
    requirement.promoted().map_or(requirement, |promoted| promoted).reads()
}

/// The rules that depend on a value which is not known.
fn undecided(
    requirement: Option<&Requirement>,
    reads: &Reads<'_>,
    missing: &BTreeMap<String, Missing>,
    (presented, known): (&Presented<'_>, KnownRequest),
) -> Vec<Undecided> {
    let is_presented = |name: &str| presented.fields().is_some_and(|headers| headers.contains_key(name));
    let is_body_known = known.body || presented.content().is_some();
    let mut reasons: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for read in &reads.all {
        let reason = match &read.place {
            Place::Parameter(name) if !known.query => format!("the query with the parameter `{name}` is not known"),
            Place::Header(name) if !known.headers && !is_presented(name) => format!("the header `{name}` is not known"),
            Place::Body if !is_body_known => "the body is not known".to_owned(),
            Place::Parameter(_) | Place::Header(_) | Place::Body => continue,
            Place::Claim(claim) => match (missing.get(&**claim), read.need) {
                (None, _) => format!("the claim `{claim}` is not recorded"),
                (Some(Missing::Nothing), _) | (Some(Missing::Text), Need::Comparison) => continue,
                (Some(Missing::Text | Missing::Other), _) => {
                    format!("the value of the claim `{claim}` is not recorded")
                }
            },
        };
        reasons.entry(read.rule).or_default().insert(reason);
    }
    let requirement = requirement.map(|requirement| requirement.promoted().map_or(requirement, |promoted| promoted));
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

/// The denial that no undecided rule among the checks changes.
fn denial(checks: &[Check], decision: &Decision) -> Option<Denial> {
    let enforced = |outcome| {
        let is = move |check: &Check| check.mode == Mode::Enforce && check.outcome == outcome;
        checks.iter().enumerate().filter(move |(_, check)| is(check))
    };
    let (first, _) = enforced(Outcome::Failed).next()?;
    let of_rule = |rule: &str| enforced(Outcome::Failed).find(|(_, check)| check.rule == rule);
    let denied = decision.denied();
    let deciding = denied.and_then(|denied| of_rule(denied.rule.as_deref()?));
    let index = deciding.map_or(first, |(index, _)| index);
    // A rule on a login or on a body denies only where no other one does, also none that comes later.
    let is_last = deciding.is_none()
        || decision.body_limit().is_some()
        || matches!(decision.error(), Some(Error::InsufficientUserAuthentication { .. }));
    let alternatives = enforced(Outcome::Undecided).filter(|(other, _)| is_last || *other < index);
    Some(Denial {
        index,
        alternatives: alternatives.count(),
    })
}

/// Marks the check of a rule that is not decided.
fn mark(check: &mut Check, undecided: &[Undecided]) {
    if let Some(undecided) = undecided.iter().find(|undecided| undecided.rule == check.rule) {
        check.outcome = Outcome::Undecided;
        check.got = undecided.reason.clone();
        check.code = None;
        check.alternatives = Vec::new();
    }
}
