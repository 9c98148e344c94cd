//! An editor with yaml-language-server: what it offers in a file that names its schema.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::peers::program::Program;
use crate::schemas::{Document, SCHEMA_LINE};

/// The answers to these questions, each as `clients/editor.js` reads it.
fn answers(questions: &[String]) -> Vec<Value> {
    let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
    let program = Program::start("clients/editor.js", &questions);
    program.wait_for_count("answer ", questions.len());
    let lines = (0..questions.len()).map(|index| program.line_after("answer ", index));
    lines.map(|line| serde_json::from_str(&line).expect("JSON")).collect()
}

/// The answer to a question at the place of `‸`, in a document of this kind.
fn answer(question: &str, document: Document, text: &str) -> Value {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("document.yaml");
    let text = format!("{SCHEMA_LINE}{}\n{text}", document.schema().display());
    let (before, _) = text.split_once('‸').expect("a place");
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().len();
    std::fs::write(&file, text.replace('‸', "")).expect("the document is written");
    answers(&[format!("{question}:{line}:{column}:{}", file.display())]).remove(0)
}

/// What is offered, with its documentation.
fn offered(document: Document, text: &str) -> BTreeMap<String, String> {
    let answer = answer("complete", document, text);
    let items = answer.as_array().expect("a list").iter();
    let text_of = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    items
        .map(|item| (text_of(item, "label"), text_of(item, "documentation")))
        .collect()
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn keys_are_completed_with_their_documentation() {
    for (document, text, expected) in [
        (
            Document::Policy,
            "routes:\n  - match: GET /orders\n    ‸\n",
            &["scopes", "initiator", "actor", "chain", "public"][..],
        ),
        (
            Document::Policy,
            "routes:\n  - match: GET /orders\n    initiator:\n      ‸\n",
            &["kind", "one_of", "amr", "max_auth_age"],
        ),
        (
            Document::Cases,
            "cases:\n  - name: a\n    ‸\n",
            &["request", "token", "expect", "headers"],
        ),
        (
            Document::Cases,
            "cases:\n  - name: a\n    request: GET /\n    expect: allow\n    token:\n      ‸\n",
            &["sub", "act", "scope", "preset"],
        ),
        (
            Document::Configuration,
            "listen: 127.0.0.1:8080\n‸\n",
            &["upstream", "issuers", "routes", "timeouts"],
        ),
        (
            Document::Configuration,
            "issuers:\n  - issuer: https://idp.example.com\n    profile:\n      ‸\n",
            &["preset", "subject", "kinds", "actor"],
        ),
    ] {
        let offered = offered(document, text);
        for key in expected {
            let documentation = offered.get(*key).map(String::as_str).unwrap_or_default();
            assert!(documentation.len() > 10, "{key} in {text}: {offered:#?}");
        }
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn values_are_completed() {
    for (document, text, expected) in [
        (
            Document::Policy,
            "routes:\n  - match: GET /orders\n    initiator:\n      kind: ‸\n",
            "human",
        ),
        (
            Document::Configuration,
            "issuers:\n  - issuer: https://idp.example.com\n    profile: ‸\n",
            "keycloak",
        ),
        (
            Document::Cases,
            "cases:\n  - name: a\n    request: GET /\n    expect:\n      status: 403\n      deny: ‸\n",
            "initiator_not_human",
        ),
        (
            Document::Cases,
            "cases:\n  - name: a\n    request: GET /\n    expect: allow\n    token:\n      preset: keycloak\n      fixture: ‸\n",
            "a service account",
        ),
    ] {
        let offered = offered(document, text);
        assert!(offered.contains_key(expected), "{expected} in {text}: {offered:#?}");
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn the_description_of_a_key_is_shown() {
    let shown = answer(
        "hover",
        Document::Policy,
        "routes:\n  - match: GET /orders\n    in‸itiator: { kind: human }\n",
    );
    assert!(
        shown
            .as_str()
            .is_some_and(|text| text.contains("who began the request")),
        "{shown}"
    );
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn a_misspelt_key_is_marked() {
    for (document, text, key) in [
        (
            Document::Policy,
            "routes:\n  - match: GET /orders\n    scope‸: [a]\n",
            "scope",
        ),
        (
            Document::Cases,
            "cases:\n  - name: a\n    request: GET /\n    expect: allow\n    tokn‸: {}\n",
            "tokn",
        ),
        (Document::Configuration, "leewaay‸: 30s\n", "leewaay"),
    ] {
        let found = answer("check", document, text);
        let line = text.split('‸').next().unwrap_or_default().matches('\n').count() + 1;
        let is_of_key = |found: &Value| {
            found["line"] == line && found["message"].as_str().is_some_and(|message| message.contains(key))
        };
        assert!(
            found.as_array().is_some_and(|found| found.iter().any(is_of_key)),
            "{text}: {found:#}"
        );
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn no_example_is_marked() {
    let files: Vec<_> = Document::ALL.into_iter().flat_map(Document::examples).collect();
    let questions: Vec<String> = files
        .iter()
        .map(|file| format!("check:0:0:{}", file.display()))
        .collect();
    let mut marked = Vec::new();
    for (file, found) in files.iter().zip(answers(&questions)) {
        if found.as_array().is_none_or(|found| !found.is_empty()) {
            marked.push(format!("{}: {found}", file.display()));
        }
    }
    assert!(marked.is_empty(), "{}", marked.join("\n"));
    println!("yaml-language-server marks none of {} examples", files.len());
}
