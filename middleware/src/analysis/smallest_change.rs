//! The smallest change of facts that would allow a denied request.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::search::{Found, search};
use super::words::{NeededKind, unmet, words};
use crate::authorizer::request_facts;
use crate::issuer::TrustedIssuer;
use crate::policy::{Change, Changes, Check, Evaluated, Mode, Outcome, Tier, Value};
use crate::profile::Kind;
use crate::request::Presented;
use crate::{Authorizer, Error, Explanation, RecordedExplanation};

/// How many alternatives are listed.
const MAX_LISTED: usize = 8;

/// What would turn a denial into an allow.
///
/// It contains values of the token's claims and of the policy: print it for the operator, do NOT log it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmallestChange {
    /// Each of these alternatives allows the request: the evaluator that decides was run on the facts after the changes. All have the
    /// same number of changes, and no smaller number of changes to values that the rules ask for allows it. Empty where none was found.
    pub alternatives: Vec<Vec<FactChange>>,
    /// How many further alternatives of the same size there are; at least so many where the search ended at its limit.
    pub more: usize,
    /// The rules whose changes are not computed: expressions, and rules on a claim that a fact comes from, such as `claims: { sub: a }`.
    /// A smaller change may meet them.
    pub not_computed: Vec<String>,
    /// Whether the search ended at its limit.
    pub is_cut: bool,
    /// The rules that a record does not decide: the request is allowed with an alternative only where they are met, too.
    pub undecided: Vec<String>,
    /// The expressions that are not met: what they need is not computed, and the request is allowed with an alternative only beside it.
    /// Empty where the alternatives allow the request.
    pub unmet: Vec<String>,
    /// What has to change before the policy is evaluated, about the request or the token itself.
    pub before_policy: Option<String>,
}

/// The change of one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FactChange {
    /// What is needed, in the words of the policy: `a login within 5 minutes`, `scope refunds:write`.
    pub needed: String,
    /// The rules that are not met without it.
    pub rules: Vec<String>,
}

impl Authorizer {
    /// The smallest change of the facts of a token and a request that would turn an explained denial into an allow; [`None`] for an allowed
    /// request. `presented` and `now` are what was explained.
    ///
    /// Each alternative is verified by the evaluator that decides. A change of a fact is a change to a value that a rule asks for, such
    /// as a scope, a party of a list or the bound of a number; another party and a new login are one change each. It does NOT compute
    /// the change that an `expression` or a rule on a claim that a fact comes from asks for, and does not evaluate the policy where the request or the token fails before it.
    ///
    /// ```
    /// use actgate::request::{Presented, Target};
    /// use actgate::testing::TestIssuer;
    /// use actgate::{Authorizer, Policy};
    /// use http::{Method, Uri};
    /// use serde_json::json;
    ///
    /// let issuer = TestIssuer::new()?;
    /// let policy = Policy::from_yaml("
    /// routes:
    ///   - match: POST /refunds
    ///     scopes: [refunds:write]
    ///     initiator: { max_auth_age: 5m }
    /// ")?;
    /// let authorizer = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE)?).policy(policy).build()?;
    ///
    /// let token = issuer.token(json!({ "sub": "alice", "sub_profile": "user", "scope": "refunds:write" }))?;
    /// let uri = Uri::from_static("/refunds");
    /// let target = Target::new(&Method::POST, &uri)?;
    /// let presented = Presented::token(&target, &token);
    /// let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    /// let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW).expect("a denial");
    /// assert_eq!(change.alternatives[0][0].needed, "a login within 5 minutes");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn smallest_change(
        &self,
        explanation: &Explanation,
        presented: &Presented<'_>,
        now: u64,
    ) -> Option<SmallestChange> {
        self.smallest_change_beside(explanation, presented, now, &BTreeSet::new())
    }

    /// The same for a request that is explained by a record. Where rules are not decided, and the request is denied whatever they are, it
    /// is the change beside which these rules have to be met ([`SmallestChange::undecided`]); [`None`] where it may be allowed.
    ///
    /// The members of a body that was not read as JSON are not recorded: each one that a rule reads is a change, also where the body had it.
    pub fn smallest_change_of_record(
        &self,
        recorded: &RecordedExplanation,
        presented: &Presented<'_>,
        now: u64,
    ) -> Option<SmallestChange> {
        if !recorded.is_decided() {
            recorded.certain_denial()?;
        }
        let undecided = recorded.undecided_rules();
        let change = self.smallest_change_beside(recorded.explanation(), presented, now, &undecided)?;
        let enforced = recorded.undecided().iter().filter(|rule| rule.mode == Mode::Enforce);
        Some(SmallestChange {
            undecided: enforced.map(|undecided| undecided.rule.clone()).collect(),
            ..change
        })
    }

    fn smallest_change_beside(
        &self,
        explanation: &Explanation,
        presented: &Presented<'_>,
        now: u64,
        skipped: &BTreeSet<&str>,
    ) -> Option<SmallestChange> {
        let decision = explanation.decision();
        let error = decision.error()?;
        let evaluated = decision.explained_identity().zip(decision.requirement());
        let Some((identity, requirement)) = evaluated else {
            let failed = explanation
                .checks()
                .iter()
                .rfind(|check| check.outcome == Outcome::Failed);
            return Some(SmallestChange {
                before_policy: Some(before_policy(error, failed)),
                ..SmallestChange::default()
            });
        };
        let restored = explanation.restored();
        let target = restored.map(|restored| (restored, restored.target(presented.target())));
        let presented = match &target {
            Some((restored, target)) => &restored.present(target, presented),
            None => presented,
        };
        let request = request_facts(requirement, presented);
        let trusted: Vec<&TrustedIssuer> = self.trusted_issuers().collect();
        Some(SmallestChange::of(Evaluated {
            requirement,
            facts: identity.facts(),
            request: &request,
            content: presented.content(),
            time: self.evaluation_time(now),
            issuer: identity.trusted_issuer(),
            trusted: &trusted,
            skipped,
        }))
    }
}

impl SmallestChange {
    pub(super) fn of(evaluated: Evaluated<'_>) -> SmallestChange {
        let found = search(evaluated);
        let expressions = evaluated.unmet_expressions();
        if !found.combinations.is_empty() || expressions.is_empty() {
            return SmallestChange::found(evaluated, found);
        }
        let skipped = evaluated
            .skipped
            .iter()
            .copied()
            .chain(expressions.iter().copied())
            .collect();
        let beside = Evaluated {
            skipped: &skipped,
            ..evaluated
        };
        let mut other = search(beside);
        other.combinations.retain(|changes| !changes.is_empty());
        if other.combinations.is_empty() {
            return SmallestChange::found(evaluated, found);
        }
        other.not_computed.extend(found.not_computed);
        other.is_cut |= found.is_cut;
        SmallestChange {
            unmet: expressions.into_iter().map(str::to_owned).collect(),
            ..SmallestChange::found(beside, other)
        }
    }

    fn found(evaluated: Evaluated<'_>, found: Found) -> SmallestChange {
        let Found {
            combinations,
            not_computed,
            is_cut,
        } = found;
        let mut alternatives = Vec::new();
        for changes in &combinations {
            let of_one = |change: &Arc<Change>| {
                let mut without = changes.clone();
                without.remove(&change.fact);
                let unmet = unmet(&evaluated.with(&without));
                let is_met_by = |of: Kind| match &change.value {
                    Value::Party(party, _) => {
                        let mut other = changes.clone();
                        let value = Value::Party(party.clone(), of);
                        let fact = change.fact.clone();
                        other.insert(
                            fact,
                            Arc::new(Change {
                                value,
                                ..Change::clone(change)
                            }),
                        );
                        evaluated.with(&other).is_allowed()
                    }
                    _ => true,
                };
                let needs = NeededKind::of(change, is_met_by);
                // Words about several values are true only if each of them allows.
                let alone = change.alone.as_ref().filter(|(_, count)| {
                    let is_so = |other: &&Changes| is_of_same_words(changes, other, change);
                    combinations.iter().filter(is_so).count() < *count
                });
                FactChange {
                    needed: match alone {
                        Some((alone, _)) => alone.clone(),
                        None => {
                            let tests = evaluated.with(changes).tests_of(&change.fact);
                            words(change, evaluated.facts, &unmet, &needs, &tests)
                        }
                    },
                    rules: unmet.into_iter().map(|check| check.rule).collect(),
                }
            };
            let alternative: Vec<FactChange> = changes.values().map(of_one).collect();
            if !alternatives.contains(&alternative) {
                alternatives.push(alternative);
            }
        }
        let all = alternatives.clone();
        alternatives.retain(|one| !all.iter().any(|other| is_narrower(one, other)));
        let more = alternatives.len().saturating_sub(MAX_LISTED);
        alternatives.truncate(MAX_LISTED);
        SmallestChange {
            alternatives,
            more,
            not_computed: not_computed.iter().map(ToString::to_string).collect(),
            is_cut,
            before_policy: None,
            undecided: Vec::new(),
            unmet: Vec::new(),
        }
    }
}

/// Whether changes are the same ones but for another value of one change, with the same words.
fn is_of_same_words(changes: &Changes, others: &Changes, change: &Change) -> bool {
    changes.len() == others.len()
        && changes.iter().zip(others).all(|((fact, one), (of, other))| {
            fact == of
                && match *fact == change.fact {
                    true => one.words == other.words,
                    false => one == other,
                }
        })
}

/// Whether changes are those of another alternative with more conditions: `an actor: a, which is not a human` beside `an actor: a`.
fn is_narrower(changes: &[FactChange], others: &[FactChange]) -> bool {
    let conditions = changes.iter().zip(others).map(|(one, other)| {
        let rest = one.needed.strip_prefix(&*other.needed)?;
        (rest.is_empty() || rest.starts_with(", which ")).then_some(rest)
    });
    let conditions: Option<Vec<&str>> = conditions.collect();
    changes.len() == others.len() && conditions.is_some_and(|conditions| conditions.iter().any(|rest| !rest.is_empty()))
}

/// What has to change where the policy is not evaluated.
fn before_policy(error: &Error, failed: Option<&Check>) -> String {
    let step = failed.filter(|check| check.tier == Tier::Token);
    let expected = step.map_or("", |check| &*check.expected);
    match (step.map_or("", |check| &*check.rule), error) {
        ("route", _) => "another request, or a route for it: no change of the token allows it".to_owned(),
        ("resource", _) => "a request to a resource of the configuration".to_owned(),
        ("credential", Error::MissingToken) => "a bearer token".to_owned(),
        ("credential", _) => "one bearer token".to_owned(),
        ("form", Error::MalformedToken { reason } | Error::TokenTooLong { reason }) => {
            format!("a token without this fault: {reason}")
        }
        ("form", _) => "a strict compact JWS, signed with an algorithm that is accepted".to_owned(),
        ("issuer", _) => format!("a token {expected}"),
        ("type", _) => format!("a token {expected}"),
        ("key", _) => "a token signed with a key that the issuer publishes".to_owned(),
        ("signature", _) => "a token as its issuer has signed it".to_owned(),
        ("required claim", _) => format!("a token with what {expected}"),
        ("claims", _) => "a token with well-formed claims".to_owned(),
        ("audience", _) => format!("a token {expected}"),
        ("time", Error::InvalidClaim { claim: "nbf", .. }) => "a later request: the token is not valid yet".to_owned(),
        ("time", _) => "a token that has not expired".to_owned(),
        ("confirmation", _) => "the certificate that the token is bound to".to_owned(),
        _ => "a request that passes the step above".to_owned(),
    }
}
