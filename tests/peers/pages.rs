//! The pages of the bundled issuer in Chromium, each checked by axe-core (WCAG 2 A and AA) in a narrow and a wide window.

use std::fs;

use crate::deployment::bundled_issuer::BundledIssuer;
use crate::peers::program::{Program, installed};

/// Each is looked at in two windows.
const PAGES: [&str; 15] = [
    "sign-in",
    "sign-in-again",
    "consent-application",
    "consent-agent",
    "approvals",
    "approval",
    "denied",
    "approved",
    "device",
    "device-again",
    "device-approval",
    "activity",
    "transaction",
    "consents",
    "error",
];

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn a_person_uses_every_page_in_a_browser() {
    let issuer = BundledIssuer::start();
    let folder = installed("screenshots");
    fs::create_dir_all(&folder).expect("a folder");
    let program = Program::start("clients/pages.js", &[&issuer.url(), &folder.to_string_lossy()]);
    program.line_after("done", 0);
    for page in PAGES {
        for window in ["narrow", "wide"] {
            let name = format!("looked at {page}-{window}");
            assert!(program.count(&name) > 0, "{name}");
        }
    }
}
