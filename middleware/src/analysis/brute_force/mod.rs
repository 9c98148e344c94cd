//! The smallest change against an enumeration of small domains of facts, on random policies.

mod situation;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value as Json;

use self::situation::{NOW, Point, SIZES, Situation, changed, situation};
use super::search::search;
use crate::TrustedIssuer;
use crate::chain::Facts;
use crate::limits::Limits;
use crate::policy::{Changes, Deciding, Evaluated, EvaluationTime, Policy, RequestFacts, StopAtFirst};
use crate::policy::{Requirement, evaluate};
use crate::profile::{PriorActors, Profile};
use crate::request::{HeaderTexts, JsonBody};
use crate::token::VerifiedClaims;

/// A small generator of numbers (SplitMix64): the policies are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

/// How many rules there are.
const RULES: usize = 35;

/// A random rule on one fact.
fn rule(numbers: &mut Numbers) -> String {
    let party = |numbers: &mut Numbers| numbers.one(&["p", "q"]);
    let kind = |numbers: &mut Numbers| numbers.one(&["human", "agent", "service", "[human, agent]"]);
    match numbers.below(RULES) {
        0 => "scopes: [a]".to_owned(),
        1 => "scopes: [a, b]".to_owned(),
        2 => "scopes: { any_of: [a, b] }".to_owned(),
        3 => format!("scopes: {{ none_of: [{}] }}", numbers.one(&["a", "b"])),
        4 | 5 => format!("initiator: {{ kind: {} }}", kind(numbers)),
        6 => format!("initiator: {{ one_of: [{}] }}", party(numbers)),
        7 => format!("initiator: {{ none_of: [{}] }}", party(numbers)),
        8 => "initiator: { max_auth_age: 5m }".to_owned(),
        9 => "initiator: { amr: mfa }".to_owned(),
        10 => "initiator: { acr: hi, max_auth_age: 1m }".to_owned(),
        11 => "actor: { required: true }".to_owned(),
        12 => "actor: { absent: true }".to_owned(),
        13 => format!("actor: {{ kind: {} }}", kind(numbers)),
        14 => format!("actor: {{ one_of: [{}] }}", numbers.one(&["p", "q", "p, q"])),
        15 => format!("actor: {{ none_of: [{}] }}", party(numbers)),
        16 => "client: { one_of: [c, p] }".to_owned(),
        17 => "client: { none_of: [c] }".to_owned(),
        18 => "claims: { tenant: { one_of: [t, u] } }".to_owned(),
        19 => "claims: { tenant: t, tags: { contains: n } }".to_owned(),
        20 => format!("chain: {{ max_depth: {}, accept_truncation: true }}", numbers.below(3)),
        21 => format!("chain: {{ none_of: [{}], accept_truncation: true }}", party(numbers)),
        22 => format!("chain: {{ via: [{}] }}", party(numbers)),
        23 => "chain: { repeats: none, accept_truncation: true }".to_owned(),
        24 => "token: { max_lifetime: 10m }".to_owned(),
        25 => "token: { max_age: 5m }".to_owned(),
        26 => "token: { max_lifetime: 10m, max_age: 5m }".to_owned(),
        27 => "token: { single_audience: true }".to_owned(),
        28 => "operation: { query: { n: { max: 5 } } }".to_owned(),
        29 => "operation: { json: { /amount: { min: 1, max: 5 } } }".to_owned(),
        30 => format!("claims: {{ sub: {} }}", party(numbers)),
        31 => "claims: { client_id: c }".to_owned(),
        32 => format!("claims: {{ scope: {} }}", numbers.one(&["a", "b"])),
        33 => "claims: { sub_profile: user }".to_owned(),
        _ => "operation: { json: { /currency: { one_of: [eur, usd] } } }".to_owned(),
    }
}

/// The facts that a rule may depend on.
fn facts_of(rule: &str) -> &'static [usize] {
    match rule {
        _ if rule.starts_with("scopes") => &[0, 1],
        _ if rule.contains("max_auth_age") || rule.contains("amr") => &[3],
        _ if rule.starts_with("client") => &[6],
        _ if rule.contains("client_id") => &[6],
        _ if rule.contains("scope:") => &[0, 1],
        _ if rule.starts_with("claims: { sub") => &[2, 4, 5],
        _ if rule.starts_with("claims") => &[7, 8],
        _ if rule.contains("audience") => &[10],
        _ if rule.starts_with("token") => &[9],
        _ if rule.contains("query") => &[11],
        _ if rule.starts_with("operation") => &[12, 13],
        _ => &[2, 4, 5],
    }
}

/// A policy with a few rules and the facts that they depend on, or [`None`] for one that is not accepted: rules that exclude each other.
fn policy(numbers: &mut Numbers) -> Option<(Policy, BTreeSet<usize>)> {
    let mut facts = BTreeSet::new();
    let mut requirements = String::new();
    let count = 1 + numbers.below(4);
    for index in 0..count {
        let rule = rule(numbers);
        facts.extend(facts_of(&rule));
        requirements.push_str(&format!("  r{index}: {{ {rule} }}\n"));
    }
    let names: Vec<String> = (0..count).map(|index| format!("r{index}")).collect();
    let any_of = match numbers.below(3) {
        0 => {
            let alternatives = [core_rule(numbers), core_rule(numbers)];
            facts.extend(alternatives.iter().flat_map(|rule| facts_of(rule)));
            format!("\n    any_of: [{{ {} }}, {{ {} }}]", alternatives[0], alternatives[1])
        }
        _ => String::new(),
    };
    let text = format!(
        "requirements:\n{requirements}routes:\n  - match: POST /\n    require: [{}]{any_of}\n",
        names.join(", ")
    );
    Some((Policy::from_yaml(&text).ok()?, facts))
}

fn core_rule(numbers: &mut Numbers) -> String {
    loop {
        let rule = rule(numbers);
        if !rule.starts_with("chain") {
            return rule;
        }
    }
}

fn is_allowed(requirement: &Requirement, situation: &Situation, issuer: &TrustedIssuer) -> bool {
    let time = EvaluationTime { now: NOW, leeway: 30 };
    let body = situation.body.to_string();
    let request = request(situation, &body);
    evaluate(
        requirement,
        &facts(&situation.claims, issuer),
        &request,
        &time,
        &mut StopAtFirst,
    )
    .is_ok()
}

/// An issuer whose claims give one fact each, and one whose subject is the client as well; each with the claim of the client.
static ISSUERS: LazyLock<[(TrustedIssuer, &str); 2]> = LazyLock::new(|| {
    ["client_id", "sub"].map(|client| {
        let issuer = TrustedIssuer::discover("https://idp.example").unwrap();
        let profile = Profile::from_yaml(&format!("preset: rfc9068\nclient: {client}\n")).unwrap();
        (issuer.profile(profile).prior_actors(PriorActors::Enforce), client)
    })
});

/// The number of the initiator, and of the client, among the facts.
const INITIATOR: usize = 2;
const CLIENT: usize = 6;

fn facts(claims: &Json, issuer: &TrustedIssuer) -> Facts {
    let text = claims.to_string();
    let verified = VerifiedClaims::for_tests(&text).unwrap();
    Facts::derive(verified, issuer, &Limits::default()).unwrap()
}

fn request<'r>(situation: &'r Situation, body: &'r str) -> RequestFacts<'r> {
    RequestFacts {
        method: "POST",
        path: "/",
        headers: HeaderTexts::of_none(),
        query: situation.query.as_deref(),
        body: JsonBody::of_json(body.as_bytes(), 1024),
        mcp: None,
    }
}

/// Whether a point that differs in exactly so many facts is allowed. Without an actor there are no prior actors to differ in.
fn some_point_is_allowed(
    (requirement, issuer): (&Requirement, &TrustedIssuer),
    point: &mut Point,
    changes: usize,
    facts: &[usize],
) -> bool {
    let Some(left) = changes.checked_sub(1) else {
        return is_allowed(requirement, &situation(point), issuer);
    };
    for (index, fact) in facts.iter().enumerate() {
        let before = point[*fact];
        for value in (0..SIZES[*fact]).filter(|value| *value != before) {
            point[*fact] = value;
            if some_point_is_allowed((requirement, issuer), point, left, &facts[index + 1..]) {
                return true;
            }
        }
        point[*fact] = before;
    }
    false
}

#[test]
fn every_rule_is_accepted_by_itself() {
    for number in 0..RULES as u64 {
        let mut numbers = Numbers(number);
        for _ in 0..20 {
            let rule = rule(&mut numbers);
            let policy = Policy::from_yaml(&format!("routes: [{{ match: POST /, {rule} }}]"));
            assert!(policy.is_ok(), "{rule}: {policy:?}");
        }
    }
}

#[test]
fn the_smallest_change_allows_and_no_smaller_one_does() {
    let mut numbers = Numbers(11);
    let (mut policies, mut sizes, mut without, mut not_computed) = (0, [0; 6], 0, 0);
    while policies < 1_000 {
        let Some((policy, mut read)) = policy(&mut numbers) else {
            continue;
        };
        let (issuer, client) = &ISSUERS[policies % 2];
        if *client == "sub" && read.remove(&CLIENT) {
            read.insert(INITIATOR);
        }
        let read: Vec<usize> = read.into_iter().collect();
        let requirement = policy.deciding(Deciding::Route(0)).unwrap();
        let point: Point = std::array::from_fn(|fact| numbers.below(SIZES[fact]));
        let base = situation(&point);
        if is_allowed(requirement, &base, issuer) {
            continue;
        }
        policies += 1;
        let facts = facts(&base.claims, issuer);
        let body = base.body.to_string();
        let (request, time) = (request(&base, &body), EvaluationTime { now: NOW, leeway: 30 });
        let evaluated = Evaluated {
            requirement,
            facts: &facts,
            request: &request,
            content: Some(body.as_bytes()),
            time,
            skipped: &BTreeSet::new(),
            issuer,
            trusted: &[issuer],
        };
        let found = search(evaluated);
        assert!(!found.is_cut, "{policy:?}");
        let size = found.combinations.first().map(Changes::len);
        for changes in &found.combinations {
            assert_eq!(Some(changes.len()), size);
            let after = evaluated.with(changes);
            let situation = changed(&base, changes, &after.facts, client);
            let is_allowed = is_allowed(requirement, &situation, issuer);
            assert!(is_allowed, "{requirement:?}\n{base:?}\n{situation:?}");
        }
        if !found.not_computed.is_empty() {
            not_computed += 1;
            continue;
        }
        // The whole domain of three changes is too large for those without a change.
        let smaller = size.unwrap_or(3);
        for changes in 1..smaller {
            let exists = some_point_is_allowed((requirement, issuer), &mut point.clone(), changes, &read);
            assert!(
                !exists,
                "{size:?} changes, and {changes} suffice: {requirement:?}\n{base:?}"
            );
        }
        match size {
            Some(size) => sizes[size.min(5)] += 1,
            None => without += 1,
        }
    }
    // The policies are of every size, and the search finds a change for nearly all whose rules are not on the claim of a fact.
    assert!(
        sizes[1] > 100 && sizes[2] > 100 && sizes[3] > 20 && without < 20 && not_computed > 100,
        "{sizes:?}, {without}, {not_computed}"
    );
}
