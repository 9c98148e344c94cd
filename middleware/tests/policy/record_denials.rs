//! What the record of a denied request says beside rules that it does not decide.

use actgate::chain::RecordedFacts;
use actgate::limits::Limits;
use actgate::policy::{Mode, Outcome};
use actgate::request::{ClientCertificate, Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, KnownRequest, RecordedExplanation};
use http::{Method, Uri};
use serde_json::{Value, json};

use super::record_gaps::Decided;
use super::recorded::{EVERYTHING, KEY, authorizer};

const NOW: u64 = TestIssuer::NOW;

/// The record of `POST /` by a policy, without a listed value.
fn decided(policy: &str, claims: Value, request: &str) -> Decided {
    let issuer = TestIssuer::new().unwrap();
    Decided::by(authorizer(&issuer, policy), &issuer, claims, request, &KEY)
}

/// What is found for `POST /` and a record.
fn with_record<T>(decided: &Decided, find: impl FnOnce(&RecordedExplanation, &Presented<'_>) -> T) -> T {
    let uri = Uri::from_static("/");
    let target = Target::new(&Method::POST, &uri).unwrap();
    let presented = Presented::token(&target, "");
    let recorded: RecordedFacts = decided.facts();
    let authorizer: &Authorizer = &decided.authorizer;
    let found = authorizer.explain_recorded(&recorded, &presented, KnownRequest::nothing(), NOW, Some(&KEY));
    find(&found, &presented)
}

#[test]
fn a_rule_that_is_not_decided_may_be_the_one_that_denies_where_it_comes_before() {
    let level = "the value of the claim `level` is not recorded";
    let name = "the value of the claim `name` is not recorded";
    let starts = "'claims.name.startsWith(\"a\")'";
    for (rules, claims, body, expected) in [
        (
            "claims: { level: 3 }, chain: { max_depth: 0 }".to_owned(),
            json!({ "level": 3.5, "act": { "sub": "a" } }),
            None,
            format!("POST /: claims.level: {level}; denied with chain_too_deep or 1 others"),
        ),
        (
            format!("claims: {{ tid: T1 }}, expression: {starts}"),
            json!({ "name": "ab", "tid": "T2" }),
            None,
            format!("POST /: expression: {name}; denied with claim_not_met or 0 others"),
        ),
        // A login or a body is asked for where every other rule is met.
        (
            "initiator: { max_auth_age: 5m }, claims: { level: 3 }".to_owned(),
            json!({ "level": 3.5, "auth_time": NOW - 600, "sub_profile": "user" }),
            None,
            format!("POST /: claims.level: {level}; denied with auth_too_old or 1 others"),
        ),
        (
            format!("operation: {{ json: {{ /a: x }} }}, expression: {starts}"),
            json!({ "name": "ab" }),
            Some(json!({ "unread": null })),
            format!("POST /: expression: {name}; denied with body_not_read or 1 others"),
        ),
    ] {
        let found = decided(
            &format!("routes: [{{ match: POST /, {rules} }}]"),
            claims,
            "POST / | {\"a\": \"x\"}",
        );
        let found = match body {
            Some(body) => found.with("/request/body", Some(body)),
            None => found,
        };
        assert_eq!(found.alone(), format!("unknown; {expected}"), "{rules}");
    }
}

#[test]
fn the_certain_denial_is_decided_without_the_rules_that_are_not_decided() {
    let policy = "requirements: { s: { mode: shadow, claims: { team: a } } }\n\
                  routes: [{ match: POST /, require: [s], claims: { level: 3 }, chain: { max_depth: 0 } }]";
    let claims = json!({ "level": 3.5, "team": 1.5, "act": { "sub": "a" } });
    let found = decided(policy, claims, "POST /");
    with_record(&found, |found, _| {
        let undecided: Vec<_> = found.undecided().iter().map(|rule| (&*rule.rule, rule.mode)).collect();
        assert_eq!(
            undecided,
            [
                ("POST /: s.claims.team", Mode::Shadow),
                ("POST /: claims.level", Mode::Enforce)
            ]
        );
        let denial = found.certain_denial().expect("a denial");
        assert_eq!(denial.check.rule, "POST /: chain.max_depth");
        let error = denial.decision.error().expect("an error");
        assert_eq!(
            (error.code(), error.rule()),
            ("chain_too_deep", Some("POST /: chain.max_depth"))
        );
        let in_shadow = denial.decision.shadow().expect("rules in shadow").unwrap_err();
        assert_eq!(in_shadow.rule(), Some("POST /: chain.max_depth"));
    });
}

#[test]
fn the_smallest_change_leaves_out_rules_that_are_not_decided() {
    let policy = "routes: [{ match: POST /, expression: 'claims.name.startsWith(\"a\")', claims: { tid: T1 } }]";
    let found = decided(policy, json!({ "name": "ab", "tid": "T2" }), "POST /");
    let change = with_record(&found, |recorded, presented| {
        found.authorizer.smallest_change_of_record(recorded, presented, NOW)
    });
    let change = change.expect("a change");
    let needed: Vec<&str> = change
        .alternatives
        .iter()
        .flatten()
        .map(|change| &*change.needed)
        .collect();
    assert_eq!(needed, ["claim tid \"T1\""]);
    assert_eq!(change.undecided, ["POST /: expression"]);
    assert!(change.not_computed.is_empty(), "{:?}", change.not_computed);
}

#[test]
fn a_ceiling_depends_on_what_the_rules_below_it_read() {
    let policy = "agents: [{ subject: bot, ceiling: { scopes: [a] } }]\n\
                  routes: [{ match: POST /, any_of: [{ scopes: [b], claims: { level: 3 } }, { scopes: [a], claims: { level: 4 } }] }]";
    let claims = json!({ "level": 3.5, "scope": "a b", "act": { "sub": "bot" } });
    let level = "the value of the claim `level` is not recorded";
    assert_eq!(
        decided(policy, claims, "POST /").alone(),
        format!("unknown; POST /: ceiling: {level}; POST /: any_of: {level}")
    );
}

#[test]
fn the_part_of_a_ceiling_that_denies_may_depend_on_what_the_rules_below_it_read() {
    let policy = |ceiling: &str| {
        format!(
            "agents: [{{ subject: bot, ceiling: {{ {ceiling} }} }}]\n\
             routes: [{{ match: GET / }}, {{ match: POST /, any_of: [{{ scopes: [b] }}, {{ claims: {{ level: 3 }} }}] }}]"
        )
    };
    let claims = json!({ "level": 3.5, "scope": "b", "sub_profile": "user", "act": { "sub": "bot" } });
    let level = "the value of the claim `level` is not recorded";
    // The first alternative is met without the ceiling, and the second one needs no scope.
    for ceiling in ["scopes: [a]", "scopes: [a], initiators: { kind: service }"] {
        assert_eq!(
            decided(&policy(ceiling), claims.clone(), "POST /").alone(),
            format!("unknown; POST /: ceiling: {level}; POST /: any_of: {level}"),
            "{ceiling}"
        );
    }
    let found = decided(&policy("routes: GET /, scopes: [a]"), claims, "POST /");
    assert_eq!(
        found.alone(),
        format!("unknown; POST /: any_of: {level}; denied with above_ceiling or 0 others")
    );
    with_record(&found, |found, _| {
        let denial = found.certain_denial().expect("a denial");
        assert_eq!(denial.check.rule, "agents.bot.ceiling.routes");
    });
}

#[test]
fn the_certificate_of_a_client_is_not_recorded() {
    let certificate = ClientCertificate::from_der(b"a certificate");
    let found = decided("routes: [{ match: POST / }]", json!({}), "POST /");
    let found = found.with("/bound", Some(json!({ "certificate": certificate.thumbprint() })));
    assert_eq!(
        found.alone(),
        "unknown; confirmation: the certificate of the client is not recorded"
    );
    with_record(&found, |found, _| {
        let check = found
            .explanation()
            .checks()
            .iter()
            .find(|check| check.rule == "confirmation");
        assert_eq!(check.map(|check| check.outcome), Some(Outcome::Undecided));
    });
}

#[test]
fn the_parties_of_a_record_are_those_of_the_token() {
    let claims = json!({ "sub": "u", "act": { "sub": "a", "act": { "sub": "b" } } });
    let found = decided("routes: [{ match: POST / }]", claims, "POST /");
    with_record(&found, |found, _| {
        let chain = found.explanation().chain().expect("a chain");
        let parties = chain.current().into_iter().chain(chain.prior());
        let parties: Vec<&str> = parties.map(|actor| actor.party().subject()).collect();
        assert_eq!((chain.initiator().subject(), parties), ("u", vec!["a", "b"]));
    });
}

#[test]
fn a_number_is_recorded_as_an_integer_or_another_one() {
    let policy = "routes: [{ match: POST /, claims: { level: 3 } }]";
    for (level, form) in [
        ("3", "integer"),
        ("-3", "integer"),
        ("3.5", "number"),
        ("3e2", "number"),
    ] {
        let claims: Value = serde_json::from_str(&format!("{{\"level\": {level}}}")).unwrap();
        let record = decided(policy, claims, "POST /").record;
        assert!(record["claims"]["level"][form].is_string(), "{level}: {record}");
    }
}

#[test]
fn claims_that_are_too_long_for_an_expression_are_it_in_a_record_too() {
    let issuer = TestIssuer::new().unwrap();
    let policy = "routes: [{ match: POST /, expression: 'claims.level == 3' }]";
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(actgate::Policy::from_yaml(policy).unwrap());
    let builder = builder.limits(Limits::default().with_token_bytes(200 * 1024));
    let authorizer = builder.clock(actgate::clock::FixedClock::at(NOW)).build().unwrap();
    for (length, expected) in [(60_000, "allow"), (66_000, "expression_not_true")] {
        let claims = json!({ "level": 3, "other": "x".repeat(length) });
        let decided = Decided::by(authorizer.clone(), &issuer, claims, "POST /", &EVERYTHING);
        assert_eq!(decided.alone(), expected, "{length}");
        let uri = Uri::from_static("/");
        let target = Target::new(&Method::POST, &uri).unwrap();
        let token = issuer
            .token(json!({ "level": 3, "other": "x".repeat(length) }))
            .unwrap();
        let explained = authorizer.explain(&Presented::token(&target, &token), NOW);
        let code = explained.decision().error().map_or("allow", |error| error.code());
        assert_eq!(code, expected, "{length}");
    }
}
