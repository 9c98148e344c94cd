//! A table of mistakes, each of which `actgate check` or `actgate test` rejects. `tests/peers/schemas.rs` gives them to a validator.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Document;
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;

/// A document with one mistake.
pub struct Row {
    pub document: Document,
    /// Why no schema rejects it; [`None`] for what the schema rejects.
    pub only_reader: Option<&'static str>,
    /// The key with the mistake.
    pub written: &'static str,
}

/// The rows of `mistakes.txt`.
pub fn rows() -> Vec<Row> {
    let lines = include_str!("mistakes.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let [name, who, written] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else {
        panic!("{line}");
    };
    let known = Document::ALL.into_iter().find(|document| document.name() == name);
    Row {
        document: known.expect(line),
        only_reader: (who != "schema").then_some(who),
        written,
    }
}

impl Document {
    /// A valid one, a key a line.
    fn base(self) -> &'static [&'static str] {
        match self {
            Document::Policy => &["routes: [{ match: GET /orders, scopes: [a] }]"],
            Document::Cases => &["cases: [{ name: a, request: GET /orders, expect: allow }]"],
            Document::Configuration => &[
                "listen: 127.0.0.1:0",
                "upstream: http://127.0.0.1:9",
                "audience: https://orders.example.com",
                "issuers: [{ issuer: 'https://idp.example.com' }]",
                "routes: [{ match: GET /orders, scopes: [a] }]",
            ],
        }
    }
}

impl Row {
    /// The document with the mistake.
    pub fn text(&self) -> String {
        let key = |line: &'static str| line.split_once(':').expect(line).0;
        let lines = self.document.base().iter();
        let mut lines: Vec<&str> = lines.filter(|line| key(line) != key(self.written)).copied().collect();
        lines.push(self.written);
        lines.join("\n") + "\n"
    }

    /// The same as JSON.
    pub fn json(&self) -> Value {
        json(&self.text())
    }

    /// The exit code and the output of the command that reads it.
    fn read(&self) -> (Option<i32>, String) {
        let files = Files::new();
        let text = self.text();
        let write = |document: Document| match document {
            _ if document == self.document => text.clone(),
            other => other.base().join("\n") + "\n",
        };
        let configuration = match self.document {
            // A policy in a file of its own.
            Document::Policy => write(Document::Configuration)
                .replace("routes: [{ match: GET /orders, scopes: [a] }]", "policy: policy.yaml"),
            _ => write(Document::Configuration),
        };
        let configuration = files.write("actgate.yaml", &configuration);
        let policy = files.write("policy.yaml", &write(Document::Policy));
        files.write("cases.yaml", &write(Document::Cases));
        let folder = policy.strip_suffix("/policy.yaml").expect("the folder");
        let output = match self.document {
            Document::Cases => run_to_end(&["test", folder], ""),
            _ => run_to_end(&["check", "--config", &configuration], ""),
        };
        (output.status.code(), output_text(&output))
    }
}

/// A document as JSON.
pub fn json(text: &str) -> Value {
    let reading = actgate_yaml::read::<Value>(text);
    reading
        .check(|value, _, _| Some(value))
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn actgate_rejects_each_mistake_of_the_table() {
    let mut accepted = Vec::new();
    for row in rows() {
        let (code, text) = row.read();
        let mistakes = text.lines().filter(|line| line.starts_with("  help: ")).count();
        if (code, mistakes) != (Some(78), 1) {
            accepted.push(format!("{:?} {}: {code:?}\n{text}", row.document, row.written));
        }
    }
    assert!(accepted.is_empty(), "{}", accepted.join("\n"));
}

#[test]
fn the_table_has_mistakes_of_every_document_each_once() {
    let rows = rows();
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row.only_reader.is_none()) {
        *counts.entry(row.document).or_insert(0) += 1;
    }
    assert!(
        Document::ALL.iter().all(|document| counts[document] >= 20),
        "{counts:?}"
    );
    let written: BTreeSet<(Document, &str)> = rows.iter().map(|row| (row.document, row.written)).collect();
    assert_eq!(written.len(), rows.len());
}
