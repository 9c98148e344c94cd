//! Mistakes in a configuration: each is reported once, at its place, with help.

mod addresses;
mod decision_log;
mod identity_headers;
mod keys;
mod policy;
mod trust;
mod words;

use crate::check::{CONFIGURATION, Files, output_text, without_excerpts};
use crate::deployment::gate::run_to_end;

/// What is written in place of what, and the beginning of the report after the name of the file.
type Mistake = (&'static str, &'static str, &'static str);

const SUBJECTS: &[&[Mistake]] = &[
    keys::MISTAKES,
    addresses::MISTAKES,
    trust::MISTAKES,
    identity_headers::MISTAKES,
    decision_log::MISTAKES,
    policy::MISTAKES,
];

#[test]
fn each_mistake_is_reported_once_at_its_place_with_help() {
    let mut failures = Vec::new();
    let of_words = words::MISTAKES
        .iter()
        .map(|(wrong, expected)| (words::RULES, *wrong, *expected));
    for (right, wrong, expected) in SUBJECTS.concat().into_iter().chain(of_words) {
        assert!(CONFIGURATION.contains(right), "{right}");
        let files = Files::new();
        let path = files.write("actgate.yaml", &CONFIGURATION.replacen(right, wrong, 1));
        let output = run_to_end(&["check", "--config", &path], "");
        let text = without_excerpts(&output_text(&output));
        let lines: Vec<&str> = text.lines().collect();
        let is_one = matches!(lines.as_slice(), [_, help] if help.starts_with("  help: "));
        if output.status.code() != Some(78) || !is_one || !text.starts_with(&format!("{path}:{expected}")) {
            let code = output.status.code();
            failures.push(format!("{right:?} -> {wrong:?}: {code:?}\n{text}not {expected}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn an_empty_list_of_issuers_or_routes_is_a_mistake() {
    let at = |key: &str| CONFIGURATION.find(key).expect("the key");
    let issuers = &CONFIGURATION[at("issuers:")..at("identity_headers:")];
    let routes = &CONFIGURATION[at("routes:")..];
    for (right, wrong, expected) in [
        (issuers, "issuers: []\n", "6:10: no issuer is trusted"),
        (
            routes,
            "routes: []\n",
            "17:9: there is no route, so that every request would be denied",
        ),
    ] {
        let files = Files::new();
        let path = files.write("actgate.yaml", &CONFIGURATION.replacen(right, wrong, 1));
        let output = run_to_end(&["check", "--config", &path], "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.starts_with(&format!("{path}:{expected}")), "{text}");
    }
}
