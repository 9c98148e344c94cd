//! Real OAuth clients that know of an API only its address: the metadata of the gate leads them to a token.

use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::peers::authorization_server::{ALICE, AuthorizationServer};
use crate::peers::browser;
use crate::peers::front::Front;
use crate::peers::program::Program;

const ROUTES: &str = "
routes:
  - match: GET /api/orders/{id}
    scopes: [orders:read]
  - match: POST /api/refunds
    scopes: [orders:read, refunds:write]
";

const REFUSALS_AND_ANSWERS: [&str; 4] = [
    "without a token 401",
    "with the scope of the challenge 200",
    "without a scope 403 insufficient_scope",
    "with the scopes of the challenge 200",
];

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn openid_client_gets_through_by_the_metadata() {
    for server in [AuthorizationServer::oidc_provider, AuthorizationServer::bundled] {
        gets_through("clients/openid_client.js", server);
    }
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn authlib_gets_through_by_the_metadata() {
    for server in [AuthorizationServer::oidc_provider, AuthorizationServer::bundled] {
        gets_through("clients/authlib_client.py", server);
    }
}

/// Runs a client that has to be refused, to sign in with what the refusal names, and to pass; twice.
fn gets_through(client: &str, server: fn(&str) -> AuthorizationServer) {
    let front = Front::open();
    let api = front.url("/api");
    let (server, upstream) = (server(&api), Upstream::start());
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: {api}\nissuers:\n  - issuer: {}\n{ROUTES}",
        upstream.address(),
        server.url,
    ));
    gate.wait_until_ready();
    front.forward_to(gate.address);

    let program = Program::start(client, &[&api, "storefront", "storefront-secret"]);
    for sign_in in 0..2 {
        browser::sign_in_to_application(&program.line_after("open ", sign_in), ALICE);
    }
    program.line_after("done", 0);
    for line in REFUSALS_AND_ANSWERS {
        assert_eq!(program.count(line), 1, "{client}: {line}");
    }
    println!("{client} got through with {}", server.url);
}
