//! `actgate issuer audit verify`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::bundled_issuer::{BundledIssuer, ORDERS, access_token};
use crate::deployment::gate::run_to_end;

fn verify(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run_to_end(&[&["issuer", "audit", "verify"], arguments].concat(), "");
    (output.status.code(), output_text(&output))
}

fn verify_json(arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, text) = verify(&[arguments, &["--json"]].concat());
    let value = serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"));
    (code, value)
}

/// A folder with the trail of some tokens.
fn trail(folder: &Path) -> Vec<String> {
    let issuer = BundledIssuer::start_in(folder);
    for _ in 0..5 {
        access_token(&issuer.client_credentials("warehouse", ORDERS, "orders:read"));
    }
    let (code, running) = verify_json(&["--data", &folder.to_string_lossy()]);
    assert_eq!(
        (code, &running["valid"], &running["end_verified_by"]),
        (Some(0), &json!(true), &json!(null))
    );
    issuer.stop();
    let text = fs::read_to_string(folder.join("audit.jsonl")).expect("a trail");
    text.lines().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_valid_trail_and_its_end() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let lines = trail(&data);
    let path = data.join("audit.jsonl");
    let path = path.to_string_lossy();
    let (code, valid) = verify_json(&[&path]);
    assert_eq!(
        (code, &valid["lines"], &valid["valid"]),
        (Some(0), &json!(lines.len()), &json!(true))
    );
    let last = valid["last"].as_str().expect("a digest").to_owned();
    let (code, text) = verify(&[&path]);
    assert!(
        code == Some(0) && text.contains(&last) && text.contains("the end is not verified"),
        "{text}"
    );

    let in_folder = ["--data", &*data.to_string_lossy()];
    let (code, closed) = verify_json(&in_folder);
    assert_eq!((code, &closed["end_verified_by"]), (Some(0), &json!("store")));

    fs::write(&*path, lines[..3].concat()).expect("a file");
    assert_eq!(verify_json(&in_folder).0, Some(1));
    assert_eq!(verify(&[&path]).0, Some(0), "lines removed at the end are not found");
    let (code, cut) = verify_json(&[&path, "--expect-last", &last]);
    assert_eq!(
        (code, &cut["valid"], &cut["line"]),
        (Some(1), &json!(false), &json!(null))
    );
    fs::write(&*path, lines.concat()).expect("a file");
    let (code, whole) = verify_json(&[&path, "--expect-last", &last]);
    assert_eq!((code, &whole["lines_after_expected"]), (Some(0), &json!(0)));
}

#[test]
fn the_first_line_that_is_not_valid_is_shown() {
    let folder = TempDir::new().expect("a folder");
    let lines = trail(&folder.path().join("data"));
    let path = folder.path().join("copy.jsonl");
    let name = path.to_string_lossy();
    let fault = |lines: &[String]| {
        fs::write(&path, lines.concat()).expect("a file");
        let (code, result) = verify_json(&[&name]);
        assert_eq!(code, Some(1));
        result["line"].as_u64()
    };
    let mut changed = lines.clone();
    changed[2] = changed[2].replace("warehouse", "storefront");
    assert_eq!(fault(&changed), Some(4));
    let (code, text) = verify(&[&name]);
    assert!(
        code == Some(1) && text.contains("not valid: line 4 does not continue"),
        "{text}"
    );
    let mut removed = lines.clone();
    removed.remove(2);
    assert_eq!(fault(&removed), Some(3));
    let mut swapped = lines.clone();
    swapped.swap(1, 2);
    assert_eq!(fault(&swapped), Some(2));
    let mut inserted = lines.clone();
    inserted.insert(2, "{}\n".to_owned());
    assert_eq!(fault(&inserted), Some(3));
}

#[test]
fn wrong_arguments_are_errors() {
    assert_eq!(verify(&[]).0, Some(2));
    assert_eq!(verify(&["a", "--data", "b"]).0, Some(2));
    assert_eq!(verify(&["a", "--expect-last", "12"]).0, Some(2));
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("missing");
    let (code, text) = verify(&[&missing.to_string_lossy()]);
    assert!(code == Some(1) && text.contains("missing"), "{text}");
}
