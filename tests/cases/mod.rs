//! `actgate test`: the cases of policies, what no case reaches, and the results as JSON and as JUnit XML.

mod configuration;
mod junit;
mod mistakes;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::structure::source::root;

/// A policy, whose rules are at known lines.
const POLICY: &str = "\
requirements:
  human:
    initiator:
      kind: human
routes:
  - match: GET /health
    public: true
  - match: POST /refunds
    require: [human]
    scopes: [refunds:write]
    any_of:
      - actor: { absent: true }
      - actor: { one_of: [refund-agent] }
    chain: { max_depth: 1 }
";

/// Cases that reach every branch of it, each with its name first.
const CASES: [&str; 8] = [
    "{ name: health, request: GET /health, expect: allow }",
    "{ name: alone, request: POST /refunds, token: { sub: u1, sub_profile: user, scope: 'refunds:write' }, expect: allow }",
    "{ name: machine, request: POST /refunds, token: { sub: m, sub_profile: service, scope: 'refunds:write' }, expect: { deny: initiator_not_human, status: 403 } }",
    "{ name: scope, request: POST /refunds, token: { sub_profile: user }, expect: { deny: insufficient_scope, status: 403 } }",
    "{ name: agent, request: POST /refunds, token: { sub: u1, sub_profile: user, scope: 'refunds:write', act: { sub: refund-agent } }, expect: allow }",
    "{ name: other, request: POST /refunds, token: { sub: u1, sub_profile: user, scope: 'refunds:write', act: { sub: x } }, expect: { deny: any_of_not_met, status: 403 } }",
    "{ name: deep, request: POST /refunds, token: { sub: u1, sub_profile: user, scope: 'refunds:write', act: { sub: refund-agent, act: { sub: y } } }, expect: { deny: chain_too_deep, status: 403 } }",
    "{ name: expired, request: POST /refunds, token: { sub: u1, exp: 1 }, expect: { deny: invalid_claim, status: 401 } }",
];

/// The folder of a test with a policy and these cases.
fn folder(cases: &[&str]) -> (Files, String) {
    let files = Files::new();
    let policy = files.write("policy.yaml", POLICY);
    files.write("cases.yaml", &format!("cases:\n  - {}\n", cases.join("\n  - ")));
    let folder = policy.strip_suffix("/policy.yaml").unwrap().to_owned();
    (files, folder)
}

/// The exit code and the output of `actgate test`.
fn run(arguments: &[&str]) -> (i32, String) {
    let output = run_to_end(&[&["test"], arguments].concat(), "");
    (output.status.code().expect("an exit code"), output_text(&output))
}

/// The exit code and the report of `actgate test --json`.
fn report(arguments: &[&str]) -> (i32, Value) {
    let (code, text) = run(&[&["--json"], arguments].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

/// What no case reaches, as `LINE RULE: WHAT`.
fn unreached(suite: &Value) -> Vec<String> {
    let branches = suite["coverage"]["unreached"].as_array().expect("the branches");
    let shown = |branch: &Value| {
        let [rule, missing] = ["rule", "missing"].map(|key| branch[key].as_str().expect(key));
        assert!(
            branch["file"]
                .as_str()
                .is_some_and(|file| file.ends_with("policy.yaml")),
            "{branch}"
        );
        format!("{} {rule}: {missing}", branch["line"])
    };
    branches.iter().map(shown).collect()
}

#[test]
fn every_policy_example_is_as_expected() {
    // As a shell expands `policy-examples/*`, with the pages beside the folders.
    let entries = fs::read_dir(root().join("policy-examples")).unwrap();
    let mut paths: Vec<String> = entries
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .collect();
    paths.sort();
    assert!(paths.iter().any(|path| path.ends_with("README.md")));
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (code, all) = report(&paths);
    assert_eq!((code, &all["ok"], &all["failed"]), (0, &true.into(), &0.into()));
    let suites = all["suites"].as_array().unwrap();
    let folders = paths.iter().filter(|path| Path::new(path).is_dir());
    assert_eq!(suites.len(), folders.count());
    let examples = root().join("policy-examples");
    let (code, same) = report(&[&*examples.to_string_lossy()]);
    assert_eq!((code, &same["cases"]), (0, &all["cases"]));
    let gaps: Vec<String> = suites
        .iter()
        .flat_map(|suite| {
            unreached(suite)
                .into_iter()
                .map(|gap| format!("{}: {gap}", suite["name"]))
        })
        .collect();
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
    let (code, text) = run(&[&["--min-coverage", "100"], &paths[..]].concat());
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("01-human-must-initiate  20 cases, coverage 100 %\n"),
        "{text}"
    );
    assert!(text.ends_with(": every decision is the expected one\n"), "{text}");
}

#[test]
fn a_case_that_fails_shows_its_request_its_chain_both_decisions_and_its_rules() {
    let case = CASES[5]
        .replace("any_of_not_met", "chain_too_deep")
        .replace("name: other", "name: \"a \\e[2Jname\"");
    let (_files, folder) = folder(&[CASES[0], &case]);
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 1, "{text}");
    for expected in [
        "1 of 2 cases failed",
        "✗ a \\u{1b}[2Jname",
        &format!("{folder}/cases.yaml:3\n"),
        "POST /refunds  at 20",
        "u1 (human)  initiator\n",
        "└─ x (unknown)  current actor\n",
        "expected  deny chain_too_deep (403)\n",
        "got       deny any_of_not_met (403)\n",
        &format!("✓ human.initiator.kind  {folder}/policy.yaml:4\n"),
        &format!("✗ any_of  {folder}/policy.yaml:11\n"),
        &format!("✗ any_of[1].actor.one_of  {folder}/policy.yaml:13\n"),
        "expected one of refund-agent, got x",
        "2 cases of 1 policy: 1 decision is not the expected one\n",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    assert!(!text.contains("self_actor"), "{text}");
    let (code, all) = report(&[&folder]);
    let case = &all["suites"][0]["cases"][1];
    assert_eq!((code, &case["passed"], &case["line"]), (1, &false.into(), &3.into()));
    assert_eq!(case["expected"]["code"], "chain_too_deep");
    assert_eq!(case["got"]["code"], "any_of_not_met");
    assert_eq!(case["chain"][1]["sub"], "x");
    let checks = case["checks"].as_array().unwrap();
    let failed = checks.iter().find(|check| check["passed"] == false).unwrap();
    assert_eq!((&failed["rule"], &failed["line"]), (&"any_of".into(), &11.into()));
}

#[test]
fn a_case_that_is_denied_and_expected_to_be_allowed_shows_what_it_needs() {
    let expected = |case: &str| case.replace("{ deny: any_of_not_met, status: 403 }", "allow");
    let (_files, folder) = folder(&[&expected(CASES[5])]);
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 1, "{text}");
    let shown = "    it needs  no actor\n    or        an actor: refund-agent\n";
    assert!(text.contains(shown), "{text}");
    let (_, all) = report(&[&folder]);
    let case = &all["suites"][0]["cases"][0];
    assert_eq!(case["needed"], json!([["no actor"], ["an actor: refund-agent"]]));
}

#[test]
fn a_case_with_an_unknown_kind_shows_what_proves_it() {
    let unknown = |preset: &str| {
        format!(
            "{{ name: unknown, request: POST /refunds, token: {{ {preset}sub: u1, scope: 'refunds:write' }}, expect: allow }}"
        )
    };
    let (files, folder) = folder(&[&unknown("")]);
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 1, "{text}");
    let proof =
        "no evidence; a person is proven by `sub_profile` is the entity profile `user`; or add `kinds: { human: ";
    assert!(
        text.contains(&format!("expected human, got unknown\n        help: {proof}")),
        "{text}"
    );
    let (_, all) = report(&[&folder]);
    let checks = all["suites"][0]["cases"][0]["checks"].as_array().unwrap().iter();
    let helps: Vec<&Value> = checks.filter_map(|check| check.get("help")).collect();
    assert!(
        helps.len() == 1 && helps[0].as_str().unwrap().starts_with(proof),
        "{helps:?}"
    );
    // Of the profile of the issuer that the token is of.
    let profile =
        "profile: { preset: rfc9068, kinds: { human: [{ claims: { login: true } }, { claims: { level: 2 } }] } }\n";
    files.write("cases.yaml", &format!("{profile}cases:\n  - {}\n", unknown("")));
    let (_, text) = run(&[&folder]);
    assert!(
        text.contains("a person is proven by `login` is true, or by `level` is 2; or add"),
        "{text}"
    );
}

#[test]
fn a_case_that_states_no_decision_in_shadow_expects_the_same_one() {
    let machine = CASES[2].replace("{ deny: initiator_not_human, status: 403 }", "allow");
    let stated = machine.replace(
        "expect: allow",
        "expect: allow, shadow: { deny: initiator_not_human, status: 403 }",
    );
    for (cases, code) in [(&[CASES[1]][..], 0), (&[&machine], 1), (&[&stated], 0)] {
        let (files, folder) = folder(cases);
        files.write(
            "policy.yaml",
            &POLICY.replace("  human:\n", "  human:\n    mode: shadow\n"),
        );
        let (got, text) = run(&[&folder]);
        assert_eq!(got, code, "{text}");
        let shown =
            "    with the rules in shadow:\n    expected  allow\n    got       deny initiator_not_human (403)\n";
        assert_eq!(text.contains(shown), code == 1, "{text}");
    }
}

#[test]
fn a_token_that_is_not_accepted_shows_the_chain_of_its_claims_and_the_check() {
    let (_files, folder) = folder(&[&CASES[7].replace("{ deny: invalid_claim, status: 401 }", "allow")]);
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 1);
    for expected in [
        "u1 (unknown)  initiator\n",
        "from the claims of the token, which was not accepted\n",
        "✗ time\n",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
}

#[test]
fn what_no_case_reaches_is_named_with_its_line() {
    let coverage = |cases: &[&str]| {
        let (_files, folder) = folder(cases);
        let (code, all) = report(&["--min-coverage", "100", &folder]);
        assert_eq!(all["failed"], 0, "{all}");
        let gaps = unreached(&all["suites"][0]);
        assert_eq!(code, i32::from(!gaps.is_empty()));
        gaps
    };
    assert_eq!(coverage(&CASES), [""; 0]);
    let expected: [&[&str]; 8] = [
        &["6 GET /health: no case is allowed"],
        &[],
        &["4 human.initiator.kind: no case is denied by it alone"],
        &["10 POST /refunds: scopes: no case is denied by it alone"],
        &[],
        &["11 POST /refunds: any_of: no case is denied by it alone"],
        &["14 POST /refunds: chain.max_depth: no case is denied by it alone"],
        &[],
    ];
    for (index, expected) in expected.iter().enumerate() {
        let rest: Vec<&str> = CASES
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .map(|(_, case)| *case)
            .collect();
        assert_eq!(coverage(&rest), *expected, "without {}", CASES[index]);
    }
    let delegated = coverage(&[&CASES[..1], &CASES[4..]].concat());
    let expected = "12 POST /refunds: any_of[0]: no case meets this alternative";
    assert!(delegated.iter().any(|gap| gap == expected), "{delegated:?}");
    let (_files, folder) = folder(&CASES[..2]);
    let (code, text) = run(&["--min-coverage", "70", &folder]);
    assert_eq!(code, 1);
    assert!(
        text.contains(&format!(
            "human.initiator.kind: no case is denied by it alone  {folder}/policy.yaml:4\n"
        )),
        "{text}"
    );
    assert!(
        text.ends_with(&format!("{folder}: the coverage is 52 %, below the minimum of 70 %\n")),
        "{text}"
    );
    assert_eq!(run(&["--min-coverage", "40", &folder]).0, 0);
}

#[test]
fn filters_leave_the_cases_of_a_route_or_a_name() {
    let (_files, folder) = folder(&CASES);
    let names = |filters: &[&str]| {
        let (code, all) = report(&[filters, &[&folder]].concat());
        assert_eq!(code, 0);
        assert!(all["suites"][0].get("coverage").is_none());
        let cases = all["suites"][0]["cases"].as_array().unwrap().iter();
        cases
            .map(|case| case["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["--route", "/health"]), ["health"]);
    assert_eq!(names(&["--case", "ee"]), ["deep"]);
    assert_eq!(
        names(&["--route", "POST /refunds", "--case", "a"]),
        ["alone", "machine", "agent"]
    );
    let (code, text) = run(&["--case", "no such case", &folder]);
    assert_eq!(code, 2);
    assert!(text.contains("no case is left by `--route` and `--case`"), "{text}");
}

#[test]
fn the_time_of_a_decision_is_measured() {
    let (_files, folder) = folder(&CASES);
    let (code, all) = report(&["--bench", &folder]);
    let time = all["suites"][0]["ns_per_decision"].as_u64().unwrap();
    assert!(code == 0 && (100..10_000_000).contains(&time), "{time}");
    assert!(run(&["--bench", &folder]).1.contains(" ns a decision\n"));
}

#[test]
fn the_status_of_a_code_need_not_be_written() {
    let without = CASES.map(|case| case.replace(", status: 403", "").replace(", status: 401", ""));
    let cases: Vec<&str> = without.iter().map(String::as_str).collect();
    let (_files, folder) = folder(&cases);
    let (code, text) = run(&[&folder]);
    assert_eq!(code, 0, "{text}");
}
