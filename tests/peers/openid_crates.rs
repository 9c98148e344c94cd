//! The crates `openidconnect` and `oauth2` with the bundled issuer: discovery, code and PKCE, ID token, UserInfo, refresh,
//! introspection, the device grant and client credentials.

use crate::deployment::bundled_issuer::BundledIssuer;
use crate::peers::authorization_server::ALICE;
use crate::peers::browser;
use crate::peers::program::Program;

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
