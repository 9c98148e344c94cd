//! grpcio on both sides of the gate, over h2c and over TLS.

use serde_json::json;
use tempfile::TempDir;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::certificate::CertificateAuthority;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::peers::program::{Program, Service};

/// What the client prints, each line once.
const CALLS: [&str; 11] = [
    "unary order 7 of alice-canary, deadline less",
    "error NOT_FOUND no such order, sold 00ff",
    "server stream order 0, order 1, order 2, count 3",
    "client stream 30 messages, 3000000 bytes",
    "both streams re: one, re: two, re: three, OK",
    "deadline DEADLINE_EXCEEDED",
    "cancel CANCELLED",
    "no token UNAUTHENTICATED a bearer token is required",
    "garbage UNAUTHENTICATED the access token is malformed",
    "no scope PERMISSION_DENIED the access token lacks a scope",
    "stream without scope PERMISSION_DENIED",
];

/// How the client reaches the gate, and the gate the service.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Plain,
    Tls,
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn grpcio_calls_in_plain_text() {
    calls_pass(Transport::Plain);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn grpcio_calls_over_tls() {
    calls_pass(Transport::Tls);
}

fn calls_pass(transport: Transport) {
    let authority = CertificateAuthority::new("private");
    let server = authority.server();
    let (ca, certificate, key) = (authority.pem(), server.pem(), server.key_pem());
    let files = [("ca.crt", &*ca), ("tls.crt", &*certificate), ("tls.key", &*key)];
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("the file is written");
    }
    let path = folder.path().to_string_lossy().into_owned();
    let is_tls = transport == Transport::Tls;
    let arguments = if is_tls { vec![&*path] } else { Vec::new() };
    let service = Service::start_with("grpc_service.py", &arguments);

    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let address = service.address;
    let upstream = match transport {
        Transport::Plain => format!("upstream: h2c://{address}\n"),
        Transport::Tls => format!(
            "tls: {{ certificate: tls.crt, key: tls.key }}\nupstream:\n  url: https://{address}\n  ca_file: ca.crt\n"
        ),
    };
    let configuration = format!(
        "listen: 127.0.0.1:0\n{upstream}admin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n    \
         jwks_uri: {}\nroutes:\n  - match: POST /shop.Orders/{{method}}\n    scopes: [orders:read]\n",
        keys.jwks_uri(),
    );
    let gate = Gate::run_beside(&configuration, &files);
    gate.wait_until_ready();

    let (token, without_scope) = (issuer.token(json!({})), issuer.token(json!({ "scope": "other" })));
    let (address, ca_file) = (gate.address.to_string(), format!("{path}/ca.crt"));
    let mut arguments = vec![&*address, &token, &without_scope];
    if is_tls {
        arguments.push(&ca_file);
    }
    let client = Program::start("clients/grpc_client.py", &arguments);
    client.line_after("done", 0);
    for line in CALLS {
        assert_eq!(client.count(line), 1, "{line}");
    }
    // The service sees the end of a call as well.
    for line in ["ended deadline", "ended cancel"] {
        service.program.wait_for_count(line, 1);
    }
}
