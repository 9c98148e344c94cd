//! Trusted issuers of every shape: pinned claims, shared issuers, identifiers that are no URL, and where keys come from.

mod audiences;
mod carriers;
mod cluster;
mod identifiers;
mod insecure_http;
mod key_files;
mod kinds;
mod mistakes;
mod profile_mistakes;
mod required_claims;

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::deployment::gate::{Gate, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{BRISK, ROUTES};
use crate::mint::{AUDIENCE, TokenIssuer, claims};
use crate::wire;

/// An issuer with a key server of its own.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) signer: TokenIssuer,
    pub(crate) keys: KeyServer,
}

impl Issuer {
    /// An issuer with one key, `es256`.
    pub(crate) fn named(name: &str) -> Self {
        let signer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(signer.document()));
        let name = name.to_owned();
        Self { name, signer, keys }
    }

    /// The same after its key server serves the keys of the signer.
    fn republished(self) -> Self {
        self.keys.conduct(Conduct::Publish(self.signer.document()));
        self
    }

    /// A valid token.
    fn token(&self) -> String {
        self.signer.signed(&claims(json!({ "iss": self.name })))
    }

    /// The status of a request with this token.
    pub(crate) fn status(&self, gate: &Gate, token: &str) -> u16 {
        wire::get(gate.address, "/orders/1", token).status
    }
}

/// A gate in front of a service that trusts these issuers by `jwks_uri`, each with these further lines.
fn gate(issuers: &[Issuer], lines: &str) -> Gate {
    let mut text = String::new();
    for Issuer { name, keys, .. } in issuers {
        let _ = write!(
            text,
            "  - issuer: {name}\n    jwks_uri: {}\n{BRISK}{lines}",
            keys.jwks_uri()
        );
    }
    Gate::run(&configuration(&text))
}

/// A configuration with these lines of `issuers`, in front of a service.
pub(crate) fn configuration(issuers: &str) -> String {
    configuration_before(Upstream::start().address(), issuers)
}

/// The same in front of this service.
fn configuration_before(upstream: SocketAddr, issuers: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nupstream: http://{upstream}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n{issuers}{ROUTES}"
    )
}

/// The report of `actgate explain` for GET /orders/1 with this token, by the files of a configuration and of keys.
fn explained(config: &str, keys: &str, token: &str) -> Value {
    let arguments = [
        "explain",
        "--config",
        config,
        "--jwks",
        keys,
        "--path",
        "/orders/1",
        "--json",
    ];
    let output = run_to_end(&arguments, token);
    serde_json::from_slice(&output.stdout).expect("a report")
}
