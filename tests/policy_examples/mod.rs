//! Every case of every folder in `policy-examples/`: by the library, through the layer and through the binary.

mod coverage;
mod example;
mod layer;
mod library;
mod sidecar;

use std::collections::BTreeSet;
use std::fs;

use example::{Example, examples, folders};

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
fn a_folder_has_both_an_allowed_and_a_denied_case() {
    for example in Example::all() {
        let allowed = example.cases.iter().filter(|case| case.expected().is_allowed()).count();
        let count = example.cases.iter().len();
        assert!(allowed > 0 && allowed < count, "{}: {allowed} of {count}", example.name);
    }
}
