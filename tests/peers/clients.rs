//! Real OAuth clients that know of an API only its address: the metadata of the gate leads them to a token.

use std::io::Write;

use tempfile::NamedTempFile;

use crate::deployment::gate::{Gate, Process};
use crate::deployment::upstream::Upstream;
use crate::peers::browser;
use crate::peers::front::Front;
use crate::peers::program::{Program, Service};

const ROUTES: &str = "
routes:
  - match: GET /api/orders/{id}
    scopes: [orders:read]
  - match: POST /api/refunds
    scopes: [orders:read, refunds:write]
";

/// What a person enters at the authorization servers.
const ALICE: browser::Entries<'_> = &[
    ("login", "person-alice"),
    ("username", "alice"),
    ("password", "wonderland"),
];

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

/// A running authorization server with the client `storefront`.
struct AuthorizationServer {
    url: String,
    _running: Running,
}

enum Running {
    Foreign {
        _service: Service,
    },
    Bundled {
        _process: Process,
        _registry: NamedTempFile,
    },
}

impl AuthorizationServer {
    /// node-oidc-provider, which issues tokens for any resource.
    fn oidc_provider(_resource: &str) -> Self {
        let service = Service::start("oidc_provider.js");
        Self {
            url: service.url(),
            _running: Running::Foreign { _service: service },
        }
    }

    /// `actgate issuer` with one resource.
    fn bundled(resource: &str) -> Self {
        let scopes = "[orders:read, refunds:write]";
        let registry = format!(
            "resources:\n  {resource}: {{ scopes: {scopes} }}\nusers:\n  alice: {{ password: wonderland, scopes: {scopes} }}\nclients:\n  storefront:\n    profile: web_app\n    secret: storefront-secret\n    grants: [authorization_code]\n    redirect_uris: [http://127.0.0.1/callback]\n    scopes: {scopes}\n    resources: [{resource}]\n"
        );
        let mut file = NamedTempFile::new().expect("a file");
        file.write_all(registry.as_bytes()).expect("the registry");
        let path = file.path().to_str().expect("a path");
        let mut process = Process::start(&["issuer", "--listen", "127.0.0.1:0", "--registry", path]);
        let address = process.address("actgate: issuer on ");
        Self {
            url: format!("http://{address}"),
            _running: Running::Bundled {
                _process: process,
                _registry: file,
            },
        }
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
