//! How an explanation shows each rule: its name, its tier, the code of a denial, what it reads, what is expected and got.

use actgate::clock::FixedClock;
use actgate::policy::Outcome;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Uri};

const AGENTS: &str =
    "groups: { team: [bot] }\nagents: [{ subject: bot, clients: [web], tenant: acme }, { subject: other }]";

/// The check of a rule and the smallest change that would allow the request, as three lines.
fn explained(issuer: &TestIssuer, rule: &str, claims: &str) -> [String; 3] {
    let policy = format!("{AGENTS}\nroutes:\n  - match: POST /\n    {rule}\n");
    let policy = Policy::from_yaml(&policy).unwrap_or_else(|mistakes| panic!("{rule}: {mistakes}"));
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted).policy(policy).reads_bodies();
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let (claims, request) = claims.split_once(" with ").unwrap_or((claims, ""));
    let token = issuer.token(serde_json::from_str(claims).unwrap()).unwrap();
    let query = Some(request)
        .filter(|request| request.starts_with('?'))
        .unwrap_or_default();
    let uri = format!("/{query}").parse::<Uri>().unwrap();
    let target = Target::new(&Method::POST, &uri).unwrap();
    let headers = HeaderMap::from_iter([
        (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap()),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]);
    let presented = Presented::headers(&target, &headers).body(request.as_bytes());
    let explanation = authorizer.explain(&presented, TestIssuer::NOW);
    let change = authorizer.smallest_change(&explanation, &presented, TestIssuer::NOW);
    let needed = change.map_or("nothing".to_owned(), |change| {
        let changes = change.alternatives.iter().map(|changes| {
            let changes: Vec<&str> = changes.iter().map(|change| &*change.needed).collect();
            changes.join(" and ")
        });
        changes.collect::<Vec<_>>().join("; or ")
    });
    let of_policy = explanation.checks().iter().filter_map(|check| {
        let name = check.rule.strip_prefix("POST /: ")?;
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
        format!("needs {needed}").trim().to_owned(),
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
    let mut wrong = Vec::new();
    for [rule, claims, check, comparison, change] in rows {
        let expected = [check.trim(), comparison.trim(), change.trim()];
        let found = explained(&issuer, rule, claims.trim());
        if found != expected {
            wrong.push(format!("{rule}\n  {}", found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
