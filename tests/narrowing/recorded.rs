//! The explanation of recorded facts is that of the token which they are from, on random policies, tokens and requests.

use std::collections::BTreeMap;

use actgate::analysis::Cases;
use actgate::chain::{Conceal, RecordedFacts};
use actgate::policy::Outcome;
use actgate::request::{Presented, Target};
use actgate::testing::{CaseRequest, PolicyTest};
use actgate::{Authorizer, Explanation, KnownRequest, Policy, RecordedExplanation};
use proptest::test_runner::TestRunner;

use super::policies::policy;
use super::requests::{Request, requests};
use super::tokens::claims;
use super::triples::some;
use super::{ISSUER, NOW, authorizer};
use crate::structure::source::root;

const POLICIES: usize = 100;
const TOKENS: usize = 5;
const REQUESTS: usize = 2;

/// Shows every claim, or none.
pub struct Recording {
    pub shows: bool,
    pub key: u64,
}

impl Conceal for Recording {
    fn shows(&self, _: &str) -> bool {
        self.shows
    }

    fn shows_of_request(&self, _: &str) -> bool {
        self.shows
    }

    fn hash(&self, value: &[u8]) -> String {
        // FNV-1a: for these tests alone.
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        format!("{:x}", value.iter().fold(0xcbf2_9ce4_8422_2325 ^ self.key, fold))
    }

    fn key_id(&self) -> &str {
        if self.key == 0 { "testing" } else { "other" }
    }
}

#[test]
fn recorded_facts_are_explained_as_their_token() {
    let mut runner = TestRunner::default();
    let (all_policies, all_claims, all_requests) = (policy(), claims(), requests());
    let mut seen = BTreeMap::<&str, usize>::new();
    for _ in 0..POLICIES {
        let policy = some(&all_policies, &mut runner);
        let authorizer = authorizer(&policy);
        for _ in 0..TOKENS {
            let claims = some(&all_claims, &mut runner);
            let token = ISSUER.token(claims.clone()).unwrap();
            for _ in 0..REQUESTS {
                let request: Request = some(&all_requests, &mut runner);
                let found = request.present_alone(|alone| {
                    request.present(&token, |presented| compare(&authorizer, presented, alone, NOW))
                });
                let found = found.unwrap_or_else(|error| panic!("{error}\n{policy}\n{claims}\n{request:?}"));
                *seen.entry(found).or_default() += 1;
            }
        }
    }
    println!("recorded: {seen:?}");
    // Without each of these the property is vacuous.
    for kind in ["not verified", "decided by hashes", "not decided by hashes"] {
        assert!(seen.get(kind).is_some_and(|count| *count > 20), "{kind}: {seen:?}");
    }
}

/// Compares the explanation of a request with those of its records, with the request and with its method and path `alone`; the result
/// is how far hashes suffice.
pub fn compare(
    authorizer: &Authorizer,
    presented: &Presented<'_>,
    alone: &Presented<'_>,
    now: u64,
) -> Result<&'static str, String> {
    let first = authorizer.explain(presented, now);
    // The token is remembered: its first steps are those of one that was verified before.
    let explained = authorizer.explain(presented, now);
    let record = |shows| {
        let recorded = authorizer.record(first.decision(), presented, &Recording { shows, key: 0 })?;
        let json = serde_json::to_string(&recorded).unwrap();
        Some(RecordedFacts::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}")))
    };
    let Some(shown) = record(true) else {
        return Ok("not verified");
    };
    let requests = [(presented, everything()), (alone, KnownRequest::nothing())];
    for (presented, known) in requests {
        let whole = authorizer.explain_recorded(&shown, presented, known, now, None);
        if !whole.undecided().is_empty() {
            return Err(format!("not decided: {:?}", whole.undecided()));
        }
        is_same(&explained, whole.explanation())?;
    }
    let concealed = record(false).ok_or("no record")?;
    let mut result = "decided by hashes";
    for (presented, known) in requests {
        for key in [0, 1] {
            let key = Recording { shows: false, key };
            for conceal in [Some(&key as &dyn Conceal), None] {
                let part = authorizer.explain_recorded(&concealed, presented, known, now, conceal);
                is_part(&explained, &part)?;
                if key.key == 0 && conceal.is_some() && !part.is_decided() {
                    result = "not decided by hashes";
                }
            }
        }
    }
    Ok(result)
}

fn everything() -> KnownRequest {
    KnownRequest::nothing().with_query().with_headers().with_body()
}

/// Whether what is decided is decided as by the token.
fn is_part(explained: &Explanation, part: &RecordedExplanation) -> Result<(), String> {
    if part.is_decided() && part.explanation().decision().outcome() != explained.decision().outcome() {
        return Err(format!("another outcome by hashes: {part:?}"));
    }
    if let Some(denial) = part.certain_denial() {
        let code = explained.decision().error().map(|error| error.code());
        if code.is_none() || denial.alternatives == 0 && code != denial.check.code {
            return Err(format!("no such denial, but {code:?}: {part:?}"));
        }
        let (error, expected) = (denial.decision.error(), explained.decision().error());
        if denial.alternatives == 0 && error != expected {
            return Err(format!("the error is {expected:?}, not {error:?}: {part:?}"));
        }
    }
    for (check, part) in explained.checks().iter().zip(part.explanation().checks()) {
        if part.outcome != Outcome::Undecided && part.outcome != check.outcome {
            return Err(format!("another check by hashes: {check:?}, {part:?}"));
        }
    }
    Ok(())
}

/// Compares the smallest change that would allow a request by its token with that by the record of its facts, with the request and
/// with its method and path `alone`.
pub fn compare_changes(
    authorizer: &Authorizer,
    presented: &Presented<'_>,
    alone: &Presented<'_>,
    now: u64,
) -> Result<(), String> {
    let explained = authorizer.explain(presented, now);
    let Some(record) = authorizer.record(explained.decision(), presented, &Recording { shows: true, key: 0 }) else {
        return Ok(());
    };
    let one = authorizer.smallest_change(&explained, presented, now);
    for (presented, known) in [(presented, everything()), (alone, KnownRequest::nothing())] {
        let whole = authorizer.explain_recorded(&record, presented, known, now, None);
        let other = authorizer.smallest_change(whole.explanation(), presented, now);
        if one != other {
            return Err(format!("the smallest changes differ: {one:?}, of the record {other:?}"));
        }
    }
    Ok(())
}

fn is_same(explained: &Explanation, recorded: &Explanation) -> Result<(), String> {
    let (one, other) = (explained.decision(), recorded.decision());
    if (one.outcome(), one.shadow(), one.route()) != (other.outcome(), other.shadow(), other.route()) {
        return Err(format!("another decision: {one:?}, of the record {other:?}"));
    }
    if explained.facts() != recorded.facts() {
        return Err("other facts".to_owned());
    }
    if other.identity().is_some() {
        return Err("an identity of a record".to_owned());
    }
    let mut checks = explained.checks().iter().zip(recorded.checks());
    match checks.find(|(one, other)| one != other) {
        Some((one, other)) => Err(format!("another check: {one:?}, of the record {other:?}")),
        None if explained.checks().len() != recorded.checks().len() => Err("other checks".to_owned()),
        None => Ok(()),
    }
}

#[test]
fn a_bound_token_is_not_decided_without_its_certificate() {
    let folder = root().join("policy-examples/20-delegated-tokens-are-bound");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let cases = Cases::from_yaml(&read("cases.yaml")).unwrap();
    let test = PolicyTest::new(Policy::from_yaml(&read("policy.yaml")).unwrap(), &cases).unwrap();
    let (authorizer, _) = test.authorizer();
    let mut bound = cases
        .iter()
        .filter(|case| case.certificate().is_some() && case.expected().is_allowed());
    let case = bound.next().expect("a case with a certificate");
    let mut request = CaseRequest::new(case, test.token(case, NOW).unwrap().as_deref()).unwrap();
    let target = Target::new(&request.method, &request.uri).unwrap();
    let explained = authorizer.explain(&request.presented(&target), NOW);
    let recording = Recording { shows: true, key: 0 };
    let record = authorizer
        .record(explained.decision(), &request.presented(&target), &recording)
        .expect("facts");
    request.certificate = None;
    let known = KnownRequest::nothing().with_query().with_headers().with_body();
    let found = authorizer.explain_recorded(&record, &request.presented(&target), known, NOW, Some(&recording));
    let undecided: Vec<&str> = found.undecided().iter().map(|undecided| &*undecided.rule).collect();
    assert_eq!(undecided, ["confirmation"]);
    assert!(!found.is_decided() && found.certain_denial().is_none());
}
