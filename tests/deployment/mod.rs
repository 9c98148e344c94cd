//! A gate in front of a recording service; it trusts one issuer whose keys the test holds.

pub mod bundled_issuer;
pub mod gate;
pub mod issuer_pages;
pub mod key_server;
pub mod upstream;

use std::net::SocketAddr;

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::wire::{self, bearer};

/// Routes for most tables: one public, the others with a scope.
pub const ROUTES: &str = r#"
routes:
  - match: GET /open/{*rest}
    public: true
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: POST /orders
    scopes: [orders:write]
  - match: "* /admin/{*rest}"
    scopes: [admin]
"#;

/// Key fetching with intervals short enough for a test.
pub const BRISK: &str = "    keys: { refresh: 300ms, cooldown: 100ms, timeout: 500ms, max_stale: 60s }\n";

/// The part of a configuration that differs between tests.
pub struct Configuration {
    /// `requirements:` and `routes:`.
    pub policy: String,
    /// How the gate finds the keys of the trusted issuer.
    pub trust: Trust,
    /// Whole lines under the trusted issuer, each indented by four.
    pub issuer: String,
    /// Further lines at the top level.
    pub top: String,
}

/// How the gate finds the keys of the issuer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// By `jwks_uri`; the issuer is [`ISSUER`].
    JwksUri,
    /// By discovery; the issuer is the address of the key server.
    Discovery,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            policy: ROUTES.to_owned(),
            trust: Trust::JwksUri,
            issuer: "    chain_completeness: complete\n    prior_actors: enforce\n".to_owned(),
            top: String::new(),
        }
    }
}

impl Configuration {
    /// The default with these lines under the trusted issuer.
    pub fn of_issuer(lines: &str) -> Self {
        Self {
            issuer: lines.to_owned(),
            ..Self::default()
        }
    }

    /// The default with this policy.
    pub fn of_policy(policy: &str) -> Self {
        Self {
            policy: policy.to_owned(),
            ..Self::default()
        }
    }

    /// The whole file.
    pub fn text(&self, upstream: SocketAddr, key_server: &KeyServer) -> String {
        let trusted = match self.trust {
            Trust::JwksUri => format!("{ISSUER}\n    jwks_uri: {}", key_server.jwks_uri()),
            Trust::Discovery => key_server.url(),
        };
        let Self {
            policy, issuer, top, ..
        } = self;
        format!(
            "listen: 127.0.0.1:0\nupstream: http://{upstream}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n  - issuer: {trusted}\n{issuer}{top}{policy}"
        )
    }
}

/// Everything that runs during a test.
pub struct Deployment {
    pub gate: Gate,
    pub upstream: Upstream,
    pub key_server: KeyServer,
    pub issuer: TokenIssuer,
}

impl Deployment {
    /// A ready gate with this policy and one ES256 key.
    pub fn with_policy(policy: &str) -> Self {
        Self::start(TokenIssuer::new(), &Configuration::of_policy(policy))
    }

    /// A gate with [`ROUTES`] and one ES256 key.
    pub fn with_routes() -> Self {
        Self::with_policy(ROUTES)
    }

    /// A gate with [`ROUTES`] that trusts `issuer`.
    pub fn with_issuer(issuer: TokenIssuer) -> Self {
        Self::start(issuer, &Configuration::default())
    }

    /// A gate that has fetched the keys of `issuer`.
    pub fn start(issuer: TokenIssuer, configuration: &Configuration) -> Self {
        let document = issuer.document();
        let deployment = Self::start_cold(issuer, Conduct::Publish(document), configuration);
        deployment.wait_until_ready();
        deployment
    }

    /// A gate that may not be ready yet.
    pub fn start_cold(issuer: TokenIssuer, conduct: Conduct, configuration: &Configuration) -> Self {
        Self::start_beside(issuer, KeyServer::start(conduct), configuration)
    }

    /// A gate beside a key server that may not listen.
    pub fn start_beside(issuer: TokenIssuer, key_server: KeyServer, configuration: &Configuration) -> Self {
        let upstream = Upstream::start();
        let gate = Gate::run(&configuration.text(upstream.address(), &key_server));
        Self {
            gate,
            upstream,
            key_server,
            issuer,
        }
    }

    /// The `Authorization` line of a valid token with the scope `orders:read`.
    pub fn reader(&self) -> String {
        bearer(&self.issuer.token(json!({})))
    }

    /// The `Authorization` line of a valid token with the scopes `orders:read` and `orders:write`.
    pub fn writer(&self) -> String {
        bearer(&self.issuer.token(json!({ "scope": "orders:write orders:read" })))
    }

    /// The status of the admin listener's `/readyz`.
    pub fn readiness(&self) -> u16 {
        self.gate.readiness()
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_until_ready(&self) {
        self.gate.wait_until_ready();
    }

    /// The status of GET `target` with `token`.
    pub fn status(&self, target: &str, token: &str) -> u16 {
        wire::get(self.gate.address, target, token).status
    }

    /// Polls until `holds` is true; at the deadline it fails with the standard error of the gate.
    pub fn wait_until(&self, what: &str, holds: impl FnMut() -> bool) {
        self.gate.wait_until(what, holds);
    }
}
