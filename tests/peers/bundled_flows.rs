//! The flows of the bundled issuer with clients of others: each runs the grants and endpoints that it has.

use crate::deployment::bundled_issuer::BundledIssuer;
use crate::peers::authorization_server::ALICE;
use crate::peers::browser;
use crate::peers::program::Program;
use crate::wire::{self, request};

const OUTCOMES: [&str; 8] = [
    "ID token of alice",
    "UserInfo of alice",
    "introspection: active true",
    "refreshed: true",
    "second use: true",
    "introspection after a second use: active false",
    "device: true",
    "client credentials: true",
];

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn the_openid_crates_complete_every_flow_that_they_have() {
    let issuer = BundledIssuer::start();
    let program = Program::start("clients/openid_crates", &[&issuer.url()]);
    browser::sign_in_to_application(&program.line_after("open ", 0), ALICE);
    let end = browser::fill_in_all(&program.line_after("approve ", 0), ALICE);
    assert!(end.contains("Approved"), "{end}");
    program.line_after("done", 0);
    for line in OUTCOMES {
        assert_eq!(program.count(line), 1, "{line}");
    }
}

/// What openid-client does, in its order.
const DONE: [&str; 12] = [
    "pushed request",
    "ID token",
    "UserInfo",
    "rotation",
    "introspection",
    "revocation",
    "refusal after it",
    "client credentials",
    "exchange",
    "device",
    "backchannel authentication",
    "registration",
];

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openid_client_completes_every_flow() {
    let issuer = BundledIssuer::start_open_to_registration();
    let program = Program::start("clients/openid_flows.js", &[&issuer.url()]);
    let callback = program.line_after("callback ", 0);
    let back = browser::sign_in(&program.line_after("open ", 0), ALICE, &callback);
    let address = browser::address_of(&back);
    let target = &back[url::Position::BeforePath..];
    assert_eq!(wire::answer(address, &request("GET", target, &[])).status, 200);

    let end = browser::fill_in_all(&program.line_after("approve ", 0), ALICE);
    assert!(end.contains("Approved"), "{end}");
    let list = browser::fill_in_all(&program.line_after("approve ", 1), ALICE);
    let (_, link) = list.split_once("href=\"/ciba/").expect("a request that waits");
    let link = link.split('"').next().expect("an address");
    let end = browser::fill_in_all(&format!("{}/ciba/{link}", issuer.url()), ALICE);
    assert!(end.contains("Approved"), "{end}");

    program.line_after("done", 0);
    for line in DONE {
        assert_eq!(program.count(&format!("did {line}")), 1, "{line}");
    }
}

/// What Authlib does, in its order.
const AUTHLIB: [&str; 8] = [
    "code with PKCE",
    "UserInfo",
    "refresh",
    "revocation",
    "refusal after it",
    "client credentials",
    "client_secret_post",
    "exchange",
];

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn authlib_completes_every_flow_that_it_has() {
    let issuer = BundledIssuer::start();
    let program = Program::start("clients/authlib_flows.py", &[&issuer.url()]);
    browser::sign_in_to_application(&program.line_after("open ", 0), ALICE);
    program.line_after("done", 0);
    for line in AUTHLIB {
        assert_eq!(program.count(&format!("did {line}")), 1, "{line}");
    }
}
