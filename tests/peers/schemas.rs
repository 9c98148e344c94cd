//! The JSON Schemas and the Python package `jsonschema`: it accepts every document of the repository and every line of a decision log,
//! and rejects the mistakes of a table.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::peers::program::Program;
use crate::schemas::Document;
use crate::schemas::mistakes::{json, rows};
use crate::structure::source::root;
use crate::wire::{self, bearer};

/// The first mistake that the validator finds in each document.
fn mistakes(schema: &Path, documents: &[Value]) -> Vec<Option<String>> {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("documents");
    let lines: Vec<String> = documents.iter().map(|document| format!("{document}\n")).collect();
    fs::write(&file, lines.concat()).expect("the documents are written");
    let arguments = [schema.to_string_lossy(), file.to_string_lossy()];
    let program = Program::start("clients/validate.py", &arguments.each_ref().map(|argument| &**argument));
    let found: Vec<Option<String>> = serde_json::from_str(&program.line_after("answer ", 0)).expect("a list");
    assert_eq!(found.len(), documents.len());
    found
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn every_document_of_the_repository_is_valid() {
    for document in Document::ALL {
        let mut files = document.examples();
        files.extend(
            match document {
                Document::Policy => vec!["sidecar/src/cli/demo/orders.yaml", "sidecar/src/cli/demo/shipping.yaml"],
                Document::Cases => vec![],
                Document::Configuration => vec!["sidecar/src/config/reference.yaml"],
            }
            .into_iter()
            .map(|path| root().join(path)),
        );
        let documents: Vec<Value> = files
            .iter()
            .map(|path| json(&fs::read_to_string(path).expect("the file")))
            .collect();
        let found = mistakes(&document.schema(), &documents);
        let invalid: Vec<String> = found
            .into_iter()
            .zip(&files)
            .filter_map(|(mistake, file)| Some(format!("{}: {}", file.display(), mistake?)))
            .collect();
        assert!(invalid.is_empty(), "{}", invalid.join("\n"));
        println!(
            "{} documents are valid by the schema of {}",
            files.len(),
            document.name()
        );
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn the_schemas_reject_the_mistakes_of_the_table() {
    let mut wrong = Vec::new();
    let mut rejected = 0;
    for document in Document::ALL {
        let rows: Vec<_> = rows().into_iter().filter(|row| row.document == document).collect();
        let documents: Vec<Value> = rows.iter().map(|row| row.json()).collect();
        for (row, mistake) in rows.iter().zip(mistakes(&document.schema(), &documents)) {
            rejected += usize::from(mistake.is_some());
            if mistake.is_some() != row.only_reader.is_none() {
                wrong.push(format!("{} {}: {mistake:?}", document.name(), row.written));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{rejected} mistakes are rejected by the schemas");
}

const POLICY: &str = "
agents: [{ subject: refund-agent, owner: payments@example.com }]
routes:
  - { match: GET /health, public: true }
  - { match: 'GET /orders/{id}', scopes: [orders:read] }
  - { match: POST /refunds, scopes: [orders:read], actor: { one_of: [refund-agent] } }
  - { match: GET /tried, mode: shadow, scopes: [admin] }
";

/// A schema whose objects have no member that it does not describe.
fn closed(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(closed),
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(closed);
        }
        _ => {}
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn every_line_of_a_decision_log_is_valid() {
    let configuration = Configuration {
        top: "cors: { origins: ['https://app.example.com'] }\n".to_owned(),
        ..Configuration::of_policy(POLICY)
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let token = |claims: Value| bearer(&deployment.issuer.token(claims));
    let chain = json!({ "act": { "sub": "refund-agent", "act": { "sub": "planner" } } });
    let origin = "Origin: https://app.example.com";
    let requests = [
        ("GET", "/health", vec![]),
        ("GET", "/orders/7?a=b", vec![token(json!({ "client_id": "web" }))]),
        ("GET", "/orders/7", vec![]),
        ("GET", "/orders/7", vec![token(json!({ "scope": "" }))]),
        ("GET", "/orders/7", vec![bearer("a.b.c")]),
        ("POST", "/refunds", vec![token(chain), "Content-Length: 0".to_owned()]),
        ("GET", "/tried", vec![token(json!({}))]),
        ("GET", "/nowhere", vec![token(json!({}))]),
        ("GET", "//orders", vec![]),
        ("TRACE", "/health", vec![]),
        (
            "OPTIONS",
            "/orders/7",
            vec![origin.to_owned(), "Access-Control-Request-Method: GET".to_owned()],
        ),
    ];
    let count = requests.len();
    let send = |method: &str, target: &str, fields: &[String]| {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        wire::answer(deployment.gate.address, &wire::request(method, target, &fields))
    };
    for (method, target, fields) in requests {
        send(method, target, &fields);
    }
    deployment.upstream.conduct(Conduct::DieBeforeTheAnswer);
    assert_eq!(send("GET", "/health", &[]).status, 502);
    deployment.gate.decision_after(count);

    let mut schema: Value = serde_json::from_str(
        &fs::read_to_string(root().join("sidecar/schemas/decision-log.schema.json")).expect("the schema"),
    )
    .expect("JSON");
    closed(&mut schema);
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("schema.json");
    fs::write(&file, schema.to_string()).expect("the schema is written");
    let lines = deployment.gate.decisions();
    let found: Vec<String> = mistakes(&file, &lines).into_iter().flatten().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    for member in [
        "chain",
        "shadow",
        "upstream",
        "agent_owner",
        "client",
        "rule",
        "policy_hash",
    ] {
        assert!(
            lines.iter().any(|line| line.get(member).is_some()),
            "no line has {member}"
        );
    }

    // The schema rejects what no gate writes.
    let line = &lines[1];
    let mut wrong = Vec::new();
    for (member, value) in [
        ("decision", json!("maybe")),
        ("time", json!("yesterday")),
        ("id", json!(7)),
        ("latency_us", json!(-1)),
        ("status", json!("200")),
        ("chain", json!({ "initiator": {}, "actors": [] })),
        ("upstream", json!({ "status": 200, "time_us": -1 })),
        ("further", json!(1)),
    ] {
        let mut changed = line.clone();
        changed[member] = value;
        wrong.push(changed);
    }
    let mut without = line.clone();
    without.as_object_mut().expect("an object").remove("decision");
    wrong.push(without);
    let found = mistakes(&file, &wrong);
    assert!(found.iter().all(Option::is_some), "{found:#?}");
}
