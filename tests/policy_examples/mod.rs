//! Every case of every folder in `policy-examples/`: by the library, through the layer and through the binary.

mod coverage;
mod example;
mod layer;
mod library;
mod sidecar;

use std::collections::BTreeSet;
use std::fs;

use example::{examples, folders, read_cases};

#[test]
fn the_readme_names_every_folder_and_no_other() {
    let readme = fs::read_to_string(examples().join("README.md")).unwrap();
    let named: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once(']'))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    let present: BTreeSet<String> = folders()
        .iter()
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, present);
}

#[test]
fn every_policy_begins_with_what_it_promises_and_what_it_cannot() {
    for folder in folders() {
        let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
        let mut lines = text.lines();
        assert!(
            lines.next().unwrap().starts_with("# Promises: "),
            "{}",
            folder.display()
        );
        assert!(
            lines.next().unwrap().starts_with("# Cannot promise: "),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_folder_needs_both_an_allowed_and_a_denied_case() {
    let allowed = "cases:\n  - { name: a, request: GET /, token: {}, expect: allow }\n";
    let denied = "cases:\n  - { name: b, request: GET /, expect: { deny: no_route, status: 403 } }\n";
    let no_case = |place: &str, name: &str| format!("{place}: no case is {name}\n  help: add one");
    assert_eq!(read_cases(allowed).unwrap_err(), no_case("2:3", "denied"));
    assert_eq!(read_cases(denied).unwrap_err(), no_case("2:3", "allowed"));
    let both = [no_case("1:8", "allowed"), no_case("1:8", "denied")];
    assert_eq!(read_cases("cases: []").unwrap_err(), both.join("\n"));
}

#[test]
fn an_unknown_key_or_word_in_a_cases_file_is_an_error() {
    let with = |case: &str| read_cases(&format!("cases:\n  - {{ name: a, request: GET /, {case} }}\n")).unwrap_err();
    assert!(with("expects: allow").contains("expects"));
    assert!(with("expect: allowed").starts_with("2:"));
    assert!(with("expect: { deny: no_route, status: 403, why: x }").starts_with("2:"));
    assert!(with("expect: { deny: no_route }").starts_with("2:"));
    assert!(read_cases("cases: []\nmore: 1\n").unwrap_err().contains("more"));
}

#[test]
fn every_mistake_of_a_cases_file_is_reported() {
    let text = "cases:
  - { name: a, request: GET /, expect: alow }
  - { name: b, requst: GET /, expect: allow }
  - { name: c, request: [GET, /], expect: allow }
  - { name: d, request: GET /, expect: { deny: no_route, status: 70000 } }
";
    let reported = read_cases(text).unwrap_err();
    let lines: Vec<&str> = reported.lines().collect();
    let places = ["2:40: ", "3:16: ", "4:25: ", "5:66: "];
    let found = places.map(|place| lines.iter().filter(|line| line.starts_with(place)).count());
    assert_eq!(found, [1; 4], "{reported}");
    assert_eq!(
        lines.iter().filter(|line| !line.starts_with("  help: ")).count(),
        4,
        "{reported}"
    );
}
