//! The folder of `actgate issuer --data`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::bundled_issuer::{BundledIssuer, ORDERS, access_token};
use crate::deployment::gate::run_to_end;

/// Starts an issuer that cannot start, and returns what it prints.
fn failure(folder: &Path, more: &[&str]) -> String {
    let folder = folder.to_string_lossy();
    let arguments = [&["issuer", "--listen", "127.0.0.1:0", "--data", &folder], more].concat();
    let output = run_to_end(&arguments, "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

#[test]
fn a_second_issuer_in_the_folder_does_not_start() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let issuer = BundledIssuer::start_in(&data);
    let text = failure(&data, &["--issuer", "http://issuer.test"]);
    assert!(
        text.contains("another process uses") && text.contains("help: stop the other issuer"),
        "{text}"
    );
    let token = access_token(&issuer.client_credentials("warehouse", ORDERS, "orders:read"));
    drop(issuer);
    let issuer = BundledIssuer::start_in(&data);
    assert!(issuer.is_active("orders-api", &token));
    drop(issuer);
    let text = failure(&data, &[]);
    assert!(
        text.contains("belongs to the issuer http://issuer.test") && text.contains("--issuer"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_used_is_an_error_with_help() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    drop(BundledIssuer::start_in(&data));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("permissions");
    let text = failure(&data, &["--issuer", "http://issuer.test"]);
    assert!(
        text.contains("other users can access") && text.contains("chmod 700"),
        "{text}"
    );
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("permissions");
    let trail = data.join("audit.jsonl");
    fs::write(&trail, "").expect("a file");
    let text = failure(&data, &["--issuer", "http://issuer.test"]);
    assert!(text.contains("audit trail: no line has the expected digest"), "{text}");
    fs::write(data.join("store.redb"), "x").expect("a file");
    failure(&data, &["--issuer", "http://issuer.test"]);
}
