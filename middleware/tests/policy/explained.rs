//! How an explanation shows each rule: its name, its tier, the code of a denial, what it reads, what is expected and got.

use actgate::clock::FixedClock;
use actgate::policy::Outcome;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{Method, Uri};
use serde_json::Value;

const AGENTS: &str = "agents: [{ subject: bot, clients: [web], tenant: acme }, { subject: other }]";

/// The check of a rule, as two lines.
fn explained(issuer: &TestIssuer, rule: &str, claims: &str) -> [String; 2] {
    let policy = format!("{AGENTS}\nroutes:\n  - match: GET /\n    {rule}\n");
    let policy = Policy::from_yaml(&policy).unwrap_or_else(|mistakes| panic!("{rule}: {mistakes}"));
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted).policy(policy);
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let claims: Value = serde_json::from_str(claims).unwrap();
    let (uri, token) = (Uri::from_static("/"), issuer.token(claims).unwrap());
    let target = Target::new(&Method::GET, &uri).unwrap();
    let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
    let of_policy = explanation.checks().iter().filter_map(|check| {
        let name = check.rule.strip_prefix("GET /: ")?;
        (!["self_actor", "chain_inverted"].contains(&name)).then_some((name, check))
    });
    let [(name, check)] = of_policy.collect::<Vec<_>>()[..] else {
        panic!("{rule}: {:?}", explanation.checks().last());
    };
    let code = match check.outcome {
        Outcome::Passed => "met",
        _ => check.code.unwrap_or("no code"),
    };
    let (fact, source) = (
        check.fact.unwrap_or("nothing"),
        check.source.as_deref().unwrap_or("nowhere"),
    );
    [
        format!("{name}, {}, {code}: {fact} from {source}", check.tier),
        format!("expected {}; got {}", check.expected, check.got),
    ]
}

#[test]
fn each_rule_is_explained() {
    let issuer = TestIssuer::new().unwrap();
    let lines = include_str!("explained.txt").lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (rows, rest) = lines.as_chunks();
    assert!(rest.is_empty(), "{rest:?}");
    for [rule, claims, check, comparison] in rows {
        let expected = [check.trim().to_owned(), comparison.trim().to_owned()];
        assert_eq!(explained(&issuer, rule, claims), expected, "{rule}");
    }
}
