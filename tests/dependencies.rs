//! The rules of `deny.toml` on licences and crates, checked without cargo-deny, which takes long to build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use crate::structure::source::root;

/// `cargo test -p actgate-tests -- --ignored dependencies::`, which `.ci/run` does.
#[test]
#[ignore = "it can download crates for other systems"]
fn each_crate_has_an_accepted_licence_and_none_is_denied() {
    let rules = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (allowed, denied) = (allowed(&rules), denied(&rules));
    assert!(allowed.contains(&"MIT") && denied.contains_key("ring") && denied["hyper"]);
    // Unlike `cargo metadata`, it omits what no enabled feature needs.
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--all-features", "--locked", "--target", "all"])
        .args(["--prefix", "none", "--format", "{p}|{l}|"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let (mut faults, mut versions) = (BTreeSet::new(), BTreeMap::<&str, BTreeSet<&str>>::new());
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (package, licence) = line.split_once('|').expect(line);
        let mut package = package.split(' ');
        let (name, version) = (package.next().expect(line), package.next().expect(line));
        versions.entry(name).or_default().insert(version);
        let licence = licence.split('|').next().unwrap_or_default();
        if !is_accepted(licence, &allowed) {
            faults.insert(format!("{name} {version} has the licence `{licence}`"));
        }
    }
    for (name, versions) in &versions {
        let fault = match denied.get(name) {
            Some(false) => format!("{name} is denied"),
            Some(true) if versions.len() > 1 => format!("{name} has the versions {versions:?}"),
            _ => continue,
        };
        faults.insert(fault);
    }
    assert_eq!(faults, BTreeSet::new());
    assert!(versions.len() > 100, "{versions:?}");
    println!("{} crates have an accepted licence", versions.len());
}

/// The licences under `allow`.
fn allowed(rules: &str) -> Vec<&str> {
    let (_, list) = rules.split_once("\nallow = [").expect("a list of licences");
    let list = list.split(']').next().unwrap_or_default();
    list.split('"').skip(1).step_by(2).collect()
}

/// The crates under `deny`, and whether only a second version of one is denied.
fn denied(rules: &str) -> BTreeMap<&str, bool> {
    let lines = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \""));
    lines
        .filter_map(|line| line.split_once('"'))
        .map(|(name, rest)| (name, rest.contains("deny-multiple-versions = true")))
        .collect()
}

/// Whether an SPDX expression of `OR`, `AND`, `WITH` and parentheses can be met with the allowed licences. `/` is an old
/// spelling of `OR`.
fn is_accepted(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let accepted = alternatives(&mut words, allowed);
    accepted && words.next().is_none()
}

type Words<'w> = std::iter::Peekable<std::str::SplitWhitespace<'w>>;

fn alternatives(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut accepted = conjunction(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        accepted |= conjunction(words, allowed);
    }
    accepted
}

fn conjunction(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    let mut accepted = licence(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        accepted &= licence(words, allowed);
    }
    accepted
}

fn licence(words: &mut Words<'_>, allowed: &[&str]) -> bool {
    match words.next() {
        Some("(") => {
            let accepted = alternatives(words, allowed);
            words.next_if_eq(&")").is_some() && accepted
        }
        Some(name) => {
            // An exception only grants more.
            if words.next_if_eq(&"WITH").is_some() {
                words.next();
            }
            allowed.contains(&name)
        }
        None => false,
    }
}

#[test]
fn an_expression_is_accepted_if_the_allowed_licences_meet_it() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(GPL-3.0 OR LGPL-2.1) AND MIT", false),
        ("GPL-3.0 OR MIT AND ISC", true),
        ("MIT WITH LLVM-exception OR GPL-3.0", true),
        ("MIT ISC", false),
        ("(MIT", false),
    ] {
        assert_eq!(is_accepted(expression, &["MIT", "ISC"]), expected, "{expression}");
    }
}
