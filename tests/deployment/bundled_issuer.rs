//! The bundled issuer as a process, and a client that runs its flows over HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use actgate_issuer::{AdminSecret, IssuerHandle, Registry, Server, Settings};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::deployment::gate::{Gate, Process};
use crate::mint::signing_key::base64url;
use crate::wire::{self, Answer, request};

/// The secret of the administration API of an issuer with a folder.
pub const ADMIN_SECRET: &str = "an-admin-secret-of-tests";
pub const ORDERS: &str = "https://orders.example";

pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The bundled issuer with its built-in clients, people and resources.
pub struct BundledIssuer {
    running: Running,
    pub address: SocketAddr,
    /// None: the address it listens on.
    identifier: Option<String>,
    /// The cookie of the browser that opened the last page.
    pub cookie: Mutex<String>,
}

/// Where the issuer runs.
enum Running {
    /// `actgate issuer`.
    Process(Process),
    /// The server of the crate, on a runtime of this process.
    Thread { _runtime: Runtime },
}

/// A person's name, password and secret of one-time passwords; an empty secret is none.
pub type Login = (&'static str, &'static str, &'static str);

pub const ALICE: Login = ("alice", "wonderland", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
pub const ALICE_BY_PASSWORD: Login = ("alice", "wonderland", "");

impl BundledIssuer {
    /// Runs `actgate issuer`.
    pub fn start() -> Self {
        Self::start_signing("es256")
    }

    /// Runs `actgate issuer` with this signing algorithm.
    pub fn start_signing(algorithm: &str) -> Self {
        Self::start_as(&["--signing", algorithm])
    }

    /// Runs `actgate issuer` with this registry.
    pub fn start_with_registry(registry: &Path) -> Self {
        Self::start_as(&["--registry", &registry.to_string_lossy()])
    }

    /// Runs `actgate issuer` with this policy on the tokens that it issues, and with its data in a folder.
    pub fn start_with_guard(policy: &Path, folder: &Path) -> Self {
        Self::start_as(&[
            "--guard",
            &policy.to_string_lossy(),
            "--data",
            &folder.to_string_lossy(),
        ])
    }

    fn start_as(arguments: &[&str]) -> Self {
        let arguments = [&["issuer", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut process = Process::start(&arguments);
        let address = process.address("actgate: issuer on ");
        let running = Running::Process(process);
        Self {
            running,
            address,
            identifier: None,
            cookie: Mutex::default(),
        }
    }

    /// Runs `actgate issuer` so that clients can register themselves.
    pub fn start_open_to_registration() -> Self {
        Self::start_as(&["--registration"])
    }

    /// Runs `actgate issuer` with this log level.
    pub fn start_logging(level: &str) -> Self {
        Self::start_as(&["--log-level", level])
    }

    /// Runs `actgate issuer` with tokens in the form of another product.
    pub fn start_as_product(dialect: &str) -> Self {
        let mut issuer = Self::start_as(&["--dialect", dialect]);
        let target = "/.well-known/openid-configuration";
        let metadata = wire::answer(issuer.address, &request("GET", target, &[])).json();
        issuer.identifier = metadata["issuer"].as_str().map(str::to_owned);
        issuer
    }

    /// What it printed on standard error; empty for one in this process.
    pub fn stderr(&self) -> String {
        match &self.running {
            Running::Process(process) => process.stderr().join("\n"),
            Running::Thread { .. } => String::new(),
        }
    }

    /// Runs `actgate issuer` with its data in a folder. Its identifier is the same after a restart.
    pub fn start_in(folder: &Path) -> Self {
        let identifier = "http://issuer.test";
        let secret = folder.with_extension("secret");
        std::fs::write(&secret, ADMIN_SECRET).expect("a file");
        let (folder, secret) = (folder.to_string_lossy(), secret.to_string_lossy());
        let arguments = [
            "--data",
            &folder,
            "--issuer",
            identifier,
            "--admin-secret-file",
            &secret,
        ];
        let issuer = Self::start_as(&arguments);
        Self {
            identifier: Some(identifier.to_owned()),
            ..issuer
        }
    }

    /// Runs in this process, with the handle that sets its clock and rotates its keys.
    pub fn start_with_handle() -> (Self, IssuerHandle) {
        let registry = Registry::demo().expect("the built-in registry");
        let admin_secret = Some(AdminSecret::new(ADMIN_SECRET));
        let settings = Settings {
            admin_secret,
            ..Settings::default()
        };
        Self::start_here(registry, settings)
    }

    /// The same with this registry and these settings.
    pub fn start_here(registry: Registry, settings: Settings) -> (Self, IssuerHandle) {
        let runtime = Runtime::new().expect("a runtime");
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = runtime
            .block_on(Server::bind(loopback, settings, registry))
            .expect("a free port");
        let (address, handle) = (server.local_addr(), server.handle());
        runtime.spawn(server.serve(std::future::pending()));
        let running = Running::Thread { _runtime: runtime };
        let issuer = Self {
            running,
            address,
            identifier: None,
            cookie: Mutex::default(),
        };
        (issuer, handle)
    }

    /// Limits the size of the files that the process writes from now on, in bytes or `unlimited`. It needs `prlimit` of Linux.
    pub fn limit_files(&self, size: &str) {
        if let Running::Process(process) = &self.running {
            let (id, limit) = (process.id().to_string(), format!("--fsize={size}:"));
            let status = Command::new("prlimit").args(["--pid", &id, &limit]).status();
            assert!(status.expect("prlimit runs").success());
        }
    }

    /// Stops the process in order, so that it closes its store.
    pub fn stop(self) {
        if let Running::Process(mut process) = self.running {
            process.terminate();
            process.wait();
        }
    }

    /// The issuer identifier: the address it listens on.
    pub fn url(&self) -> String {
        match &self.identifier {
            Some(identifier) => identifier.clone(),
            None => format!("http://{}", self.address),
        }
    }

    /// Sends `form` to the token endpoint with the secret of `client`.
    pub fn token(&self, client: &str, form: &[(&str, &str)]) -> Answer {
        self.post_as(client, "/token", form)
    }

    /// Sends `form` to an endpoint with the secret of `client`.
    pub fn post_as(&self, client: &str, target: &str, form: &[(&str, &str)]) -> Answer {
        let secret = STANDARD.encode(format!("{client}:{client}-secret"));
        let line = format!("Authorization: Basic {secret}");
        wire::post_form(self.address, target, &[&line], form)
    }

    /// Uses a refresh token.
    pub fn refresh(&self, client: &str, refresh_token: &str, scope: &str) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("scope", scope),
        ];
        self.token(client, &form)
    }

    /// Whether introspection by `client` says that a token is active.
    pub fn is_active(&self, client: &str, token: &str) -> bool {
        let answer = self.post_as(client, "/introspect", &[("token", token)]);
        assert_eq!(answer.status, 200, "{}", answer.everything());
        answer.json()["active"].as_bool().expect("a boolean")
    }

    /// Requests a token with the client credentials grant.
    pub fn client_credentials(&self, client: &str, resource: &str, scope: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", resource),
            ("scope", scope),
        ];
        self.token(client, &form)
    }

    /// Sends a request to the administration API, with [`ADMIN_SECRET`].
    pub fn administer(&self, method: &str, target: &str, body: &str) -> Answer {
        let token = wire::bearer(ADMIN_SECRET);
        let length = format!("Content-Length: {}", body.len());
        let mut bytes = request(
            method,
            &format!("/admin/{target}"),
            &["Host: localhost", &token, &length],
        );
        bytes.extend_from_slice(body.as_bytes());
        wire::answer(self.address, &bytes)
    }

    /// Exchanges `subject_token`: `client` becomes the current actor.
    pub fn exchange(&self, client: &str, subject_token: &str, resource: &str, scope: &str) -> Answer {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", resource),
            ("scope", scope),
        ];
        self.token(client, &form)
    }

    /// As [`BundledIssuer::exchange`], with a token of `client` as the actor token.
    pub fn exchange_with_actor_token(&self, client: &str, subject_token: &str, resource: &str, scope: &str) -> Answer {
        let own = access_token(&self.client_credentials(client, resource, "orders:read"));
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", subject_token),
            ("subject_token_type", ACCESS_TOKEN),
            ("actor_token", &own),
            ("actor_token_type", ACCESS_TOKEN),
            ("resource", resource),
            ("scope", scope),
        ];
        self.token(client, &form)
    }

    /// Signs a person in through the pages, with PKCE, and redeems the code.
    pub fn sign_in(&self, client: &str, login: Login, resource: &str, scope: &str) -> Answer {
        let verifier = base64url(digest(&SHA256, client.as_bytes()));
        let callback = format!("https://{client}.example/callback");
        let code = self.code(client, login, resource, scope, &verifier);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", &verifier),
        ];
        self.token(client, &form)
    }
}

/// The access token of a successful answer.
pub fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.everything());
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("no token: {}", answer.text()))
}

/// The refresh token of a successful answer.
pub fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.everything());
    let token = answer.json()["refresh_token"].as_str().map(str::to_owned);
    token.unwrap_or_else(|| panic!("no refresh token: {}", answer.text()))
}

/// The status and the OAuth error code of an error response.
pub fn error(answer: &Answer) -> (u16, String) {
    let code = answer.json()["error"].as_str().unwrap_or("?").to_owned();
    (answer.status, code)
}

/// The unverified claims of a token.
pub fn claims(token: &str) -> Value {
    let payload = crate::mint::parts(token)[1];
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
    serde_json::from_slice(&bytes.expect("Base64url")).expect("claims")
}

/// A gate with `audience` that finds the keys of this issuer by discovery.
pub fn gate_for(issuer: &BundledIssuer, upstream: SocketAddr, audience: &str, policy: &str) -> Gate {
    let gate = Gate::run(&format!(
        "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: {audience}\nissuers:\n  - issuer: {}\n    chain_completeness: complete\n    prior_actors: enforce\n    keys: {{ refresh: 300ms, cooldown: 100ms, timeout: 2s, max_stale: 1h }}\n{policy}",
        upstream,
        issuer.url(),
    ));
    let deadline = std::time::Instant::now() + wire::DEADLINE;
    while wire::answer(gate.admin, &request("GET", "/readyz", &[])).status != 200 {
        assert!(std::time::Instant::now() < deadline, "never ready");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    gate
}
