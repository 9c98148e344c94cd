//! Clients of the MCP SDKs with their own OAuth flow, at servers of the SDKs behind the gate.
//!
//! A client knows the URL of the server alone. It finds node-oidc-provider by the metadata of the gate, registers there, signs a
//! person in, and signs in again when a tool needs another scope.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::deployment::gate::Gate;
use crate::peers::authorization_server::{ALICE, AuthorizationServer};
use crate::peers::browser;
use crate::peers::front::Front;
use crate::peers::program::{Program, Service};
use crate::wire::DEADLINE;

/// Routes for every revision: the endpoint has one rule. Before 2026-07-28 no field names the method or the tool.
fn for_the_endpoint(scopes: &str) -> String {
    let routes = ["POST", "GET", "DELETE"].map(|method| format!("  - match: {method} /mcp\n    scopes: {scopes}\n"));
    format!("routes:\n{}", routes.concat())
}

/// Routes for single tools, which the fields of revision 2026-07-28 name.
const FOR_TOOLS: &str = "
routes:
  - match: POST /mcp
    mcp: [server/discover, tools/list]
    scopes: [mcp:use]
  - match: POST /mcp
    mcp: { method: tools/call, name: get_* }
    scopes: [mcp:use]
  - match: POST /mcp
    mcp: { method: tools/call, name: delete_order }
    scopes: [mcp:use, mcp:admin]
";

/// A client, what it is, and the revision that it speaks.
struct Sdk {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    revision: &'static str,
}

const PYTHON: Sdk = Sdk {
    name: "Python SDK mcp 2.3.0, default settings",
    program: "clients/mcp_client.py",
    arguments: &["default"],
    revision: "2026-07-28",
};

const PYTHON_LEGACY: Sdk = Sdk {
    name: "Python SDK mcp 2.3.0, mode legacy",
    program: "clients/mcp_client.py",
    arguments: &["legacy"],
    revision: "2025-11-25",
};

const TYPESCRIPT_1: Sdk = Sdk {
    name: "TypeScript SDK @modelcontextprotocol/sdk 1.32.2, default settings",
    program: "clients/mcp_client.js",
    arguments: &["1", "default"],
    revision: "2025-11-25",
};

const TYPESCRIPT_2: Sdk = Sdk {
    name: "TypeScript SDK @modelcontextprotocol/client 2.4.0, default settings",
    program: "clients/mcp_client.js",
    arguments: &["2", "default"],
    revision: "2025-11-25",
};

const TYPESCRIPT_2_AUTO: Sdk = Sdk {
    name: "TypeScript SDK @modelcontextprotocol/client 2.4.0, mode auto",
    program: "clients/mcp_client.js",
    arguments: &["2", "auto"],
    revision: "2026-07-28",
};

/// A server behind a gate that trusts one authorization server.
struct Deployment {
    front: Front,
    gate: Gate,
    server: Service,
    issuer: AuthorizationServer,
}

impl Deployment {
    fn start(server: &str, routes: &str) -> Self {
        Self::with_issuer(server, AuthorizationServer::oidc_provider, routes)
    }

    fn with_issuer(server: &str, issuer: fn(&str) -> AuthorizationServer, routes: &str) -> Self {
        let front = Front::open();
        let (server, issuer) = (Service::start(server), issuer(&front.url("/mcp")));
        let gate = gate(&front, &server, &issuer, routes);
        Self {
            front,
            gate,
            server,
            issuer,
        }
    }

    /// Replaces the gate by one with other routes.
    fn with_routes(self, routes: &str) -> Self {
        let gate = gate(&self.front, &self.server, &self.issuer, routes);
        Self { gate, ..self }
    }

    /// Runs a client to its end; it signs in for each of `scopes`, and keeps its token and its registration in `kept`.
    fn run(&self, sdk: &Sdk, kept: &NamedTempFile, scopes: &[&str]) {
        let (url, kept) = (self.front.url("/mcp"), kept.path().to_string_lossy());
        let arguments = [&[url.as_str(), &kept], sdk.arguments].concat();
        let speaks = format!("request {}", sdk.revision);
        let earlier = self.server.program.count(&speaks);
        let client = Program::start(sdk.program, &arguments);
        for (index, scope) in scopes.iter().enumerate() {
            browser::sign_in_to_application(&client.line_after("open ", index), ALICE);
            let granted = client.line_after("granted ", index);
            assert_eq!(words(&granted), words(scope), "{}", sdk.name);
        }
        client.line_after("done", 0);
        assert_eq!(client.count("open "), scopes.len(), "{}", sdk.name);
        assert_eq!(client.line_after("tools ", 0), "delete_order get_order", "{}", sdk.name);
        assert_eq!(client.line_after("called ", 0), "order 7", "{}", sdk.name);
        assert_eq!(client.line_after("called ", 1), "deleted 7", "{}", sdk.name);
        let spoken = self.server.program.count(&speaks) - earlier;
        assert!(spoken >= 3, "{} does not speak {}", sdk.name, sdk.revision);
    }

    /// How many requests were denied with this code.
    fn denials(&self, code: &str) -> usize {
        let decisions = self.gate.decisions();
        decisions.iter().filter(|event| event["code"] == code).count()
    }

    /// Waits until so many requests were denied with this code, and no more: the log is written after the response.
    fn wait_for_denials(&self, code: &str, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        while self.denials(code) < count {
            assert!(Instant::now() < deadline, "{} denials {code}", self.denials(code));
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(self.denials(code), count);
    }
}

/// The words of a scope, whose order has no meaning.
fn words(scope: &str) -> BTreeSet<&str> {
    scope.split(' ').collect()
}

fn gate(front: &Front, server: &Service, issuer: &AuthorizationServer, routes: &str) -> Gate {
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: {}\nadmin: 127.0.0.1:0\naudience: {}\nissuers:\n  - issuer: {}\n{routes}",
        server.url(),
        front.url("/mcp"),
        issuer.url,
    ));
    gate.wait_until_ready();
    front.forward_to(gate.address);
    gate
}

/// The token that a client kept has too few scopes once the owner of the API demands another.
#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_get_through_by_the_metadata_and_step_up() {
    for server in ["mcp_server.js", "mcp_server.py"] {
        let deployment = Deployment::start(server, &for_the_endpoint("[mcp:use]"));
        let kept = [TYPESCRIPT_1, TYPESCRIPT_2, PYTHON_LEGACY, PYTHON].map(|sdk| {
            let kept = NamedTempFile::new().expect("a file");
            deployment.run(&sdk, &kept, &["mcp:use"]);
            deployment.run(&sdk, &kept, &[]);
            (sdk, kept)
        });
        assert_eq!(deployment.denials("insufficient_scope"), 0);
        let deployment = deployment.with_routes(&for_the_endpoint("[mcp:use, mcp:admin]"));
        for (sdk, kept) in kept {
            deployment.run(&sdk, &kept, &["mcp:use mcp:admin"]);
            assert_eq!(deployment.denials("missing_token"), 0, "{}", sdk.name);
            println!("{} at {server}: {}, step-up of a kept token", sdk.name, sdk.revision);
        }
        assert_eq!(deployment.denials("insufficient_scope"), 4);
    }
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_of_revision_2026_07_28_step_up_for_one_tool() {
    for server in ["mcp_server.js", "mcp_server.py"] {
        let deployment = Deployment::start(server, FOR_TOOLS);
        for (index, sdk) in [PYTHON, TYPESCRIPT_2_AUTO].into_iter().enumerate() {
            let kept = NamedTempFile::new().expect("a file");
            deployment.run(&sdk, &kept, &["mcp:use", "mcp:use mcp:admin"]);
            assert_eq!(deployment.denials("insufficient_scope"), index + 1, "{}", sdk.name);
            deployment.run(&sdk, &kept, &[]);
            println!("{} at {server}: {}, step-up for a tool", sdk.name, sdk.revision);
        }
    }
}

/// With default settings the SDKs register at the bundled issuer, and step up.
#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_register_at_the_bundled_issuer_and_step_up() {
    let routes = for_the_endpoint("[mcp:use]");
    let deployment = Deployment::with_issuer("mcp_server.js", AuthorizationServer::open_to_registration, &routes);
    let kept = [TYPESCRIPT_1, TYPESCRIPT_2, PYTHON_LEGACY, PYTHON].map(|sdk| {
        let kept = NamedTempFile::new().expect("a file");
        // By default the TypeScript SDKs do not ask for a refresh token.
        let scope = match sdk.program.ends_with(".py") {
            true => "mcp:use offline_access",
            false => "mcp:use",
        };
        deployment.run(&sdk, &kept, &[scope]);
        deployment.run(&sdk, &kept, &[]);
        (sdk, kept, scope)
    });
    let deployment = deployment.with_routes(&for_the_endpoint("[mcp:use, mcp:admin]"));
    for (sdk, kept, scope) in kept {
        deployment.run(&sdk, &kept, &[&format!("{scope} mcp:admin")]);
        println!("{}: registered at the bundled issuer, step-up", sdk.name);
    }
}

/// An SDK asks for a refresh token if its client is to have that grant, and uses it where its access token is refused.
#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn an_sdk_refreshes_at_the_bundled_issuer() {
    let routes = for_the_endpoint("[mcp:use]");
    let deployment = Deployment::with_issuer("mcp_server.js", AuthorizationServer::open_to_registration, &routes);
    let sdk = Sdk {
        name: "TypeScript SDK @modelcontextprotocol/client 2.4.0, grant_types with refresh_token",
        arguments: &["2", "default", "refresh_token"],
        ..TYPESCRIPT_2
    };
    let kept = NamedTempFile::new().expect("a file");
    deployment.run(&sdk, &kept, &["mcp:use offline_access"]);
    let read = || -> Value { serde_json::from_slice(&std::fs::read(kept.path()).expect("a file")).expect("JSON") };
    let mut stored = read();
    let first = stored["tokens"]["refresh_token"].clone();
    // As one that has expired is.
    stored["tokens"]["access_token"] = "refused".into();
    std::fs::write(kept.path(), stored.to_string()).expect("the tokens");
    deployment.run(&sdk, &kept, &[]);
    let second = &read()["tokens"]["refresh_token"];
    assert!(first.is_string() && second.is_string() && *second != first);
    println!("{}: refreshed at the bundled issuer", sdk.name);
}

/// Without registration the SDKs have a client of the registry of the bundled issuer.
#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_get_through_with_a_client_of_the_bundled_issuer() {
    let deployment = Deployment::with_issuer("mcp_server.js", AuthorizationServer::bundled, FOR_TOOLS);
    for sdk in [PYTHON, TYPESCRIPT_2_AUTO] {
        let kept = NamedTempFile::new().expect("a file");
        let client = json!({
            "client_id": "storefront",
            "client_secret": "storefront-secret",
            "token_endpoint_auth_method": "client_secret_basic",
            "redirect_uris": ["http://127.0.0.1/callback"],
        });
        std::fs::write(kept.path(), json!({ "client": client }).to_string()).expect("the client");
        deployment.run(&sdk, &kept, &["mcp:use", "mcp:use mcp:admin"]);
        println!("{}: with a client of the bundled issuer", sdk.name);
    }
}

/// By default the TypeScript SDKs speak an earlier revision. The gate cannot see its tools: with a token it answers with the
/// revision that it needs.
#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_of_earlier_revisions_are_refused_where_tools_have_routes() {
    let deployment = Deployment::start("mcp_server.js", FOR_TOOLS);
    for (index, sdk) in [TYPESCRIPT_1, TYPESCRIPT_2].into_iter().enumerate() {
        let kept = NamedTempFile::new().expect("a file");
        let (url, kept) = (deployment.front.url("/mcp"), kept.path().to_string_lossy());
        let client = Program::start(sdk.program, &[&[url.as_str(), &kept], sdk.arguments].concat());
        browser::sign_in_to_application(&client.line_after("open ", 0), ALICE);
        let reason = client.line_after("failed ", 0);
        assert!(reason.contains("revision 2026-07-28"), "{}: {reason}", sdk.name);
        deployment.wait_for_denials("mcp_header_mismatch", index + 1);
        println!("{}: does not speak 2026-07-28, refused by routes for tools", sdk.name);
    }
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn sdks_of_earlier_revisions_get_through_where_a_route_covers_every_tool() {
    let every_message = "  - match: \"GET,POST,DELETE /mcp\"\n    scopes: [mcp:use, mcp:admin]\n";
    let deployment = Deployment::start("mcp_server.js", &format!("{FOR_TOOLS}{every_message}"));
    for sdk in [TYPESCRIPT_1, TYPESCRIPT_2] {
        let kept = NamedTempFile::new().expect("a file");
        deployment.run(&sdk, &kept, &["mcp:use mcp:admin"]);
        println!("{}: {}, every scope at once", sdk.name, sdk.revision);
    }
}
