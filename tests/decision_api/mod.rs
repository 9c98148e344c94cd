//! Decisions for servers that enforce them: each API answers as the gate does.

mod authzen;
pub mod check;
mod envoy_headers;
mod examples;
mod ext_authz;
pub mod forward_auth;
mod mistakes;
pub mod rows;
mod validate;

use std::net::{SocketAddr, UdpSocket};

use serde_json::{Value, json};

use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::{self, Answer};

/// A gate with a listener for decisions.
pub struct Decisions {
    pub deployment: Deployment,
    pub address: SocketAddr,
}

impl Decisions {
    /// One with the policy of [`rows`] and these lines under `decision_api`, each indented by two.
    pub fn start(apis: &str) -> Self {
        Self::start_with(apis, Configuration::of_policy(rows::POLICY))
    }

    /// The same with another configuration.
    pub fn start_with(apis: &str, configuration: Configuration) -> Self {
        Self::start_at("127.0.0.1:0", apis, configuration)
    }

    /// One that may have no keys.
    pub fn start_cold(apis: &str, issuer: TokenIssuer, keys: KeyServer, configuration: Configuration) -> Self {
        Self::listen("127.0.0.1:0", apis, (issuer, keys), configuration)
    }

    /// One that listens on `address`.
    pub fn start_at(address: &str, apis: &str, configuration: Configuration) -> Self {
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let decisions = Self::listen(address, apis, (issuer, keys), configuration);
        decisions.deployment.wait_until_ready();
        decisions
    }

    fn listen(
        address: &str,
        apis: &str,
        (issuer, keys): (TokenIssuer, KeyServer),
        mut configuration: Configuration,
    ) -> Self {
        let top = &configuration.top;
        configuration.top = format!("decision_api:\n  listen: {address}\n{apis}{top}");
        let mut deployment = Deployment::start_beside(issuer, keys, &configuration);
        let address = deployment.gate.process.address("actgate: decisions on ");
        Self { deployment, address }
    }

    /// Sends a request to the listener for decisions; returns the answer and the line in the decision log.
    pub fn ask(&self, request: &[u8]) -> (Answer, Value) {
        self.exchange(self.address, request)
    }

    /// Sends a request to `address`, and waits for the line of the decision.
    pub fn exchange(&self, address: SocketAddr, request: &[u8]) -> (Answer, Value) {
        let known = self.deployment.gate.decisions().len();
        let answer = wire::answer(address, request);
        let line = self.deployment.gate.decision_after(known);
        (answer, line)
    }
}

/// What of a line is the decision.
pub fn decision(line: &Value) -> [&Value; 5] {
    ["decision", "status", "code", "route", "chain"].map(|member| &line[member])
}

#[test]
fn an_unknown_path_is_not_found() {
    let decisions = Decisions::start("  forward_auth: nginx\n");
    for path in [
        "/",
        "/forward-auth/x",
        "/validate?method=GET&url=https://a.example/",
        "/access/v1/evaluation",
        "/livez",
    ] {
        let answer = wire::answer(decisions.address, &wire::request("GET", path, &[]));
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (404, Some("not_found")),
            "{path}"
        );
    }
    assert!(decisions.deployment.gate.decisions().is_empty());
}

#[test]
fn a_peer_that_is_no_trusted_proxy_gets_denials_alone() {
    // The address of this machine in its network. Nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
    let Some(own) = own.ok().filter(|own| !own.ip().is_loopback()) else {
        return println!("this machine has no address but those of the loopback");
    };
    let apis = "  forward_auth: { proxy: caddy, bodies: passed }\n  ext_authz: {}\n  authzen: {}\n  validate: true\n";
    let of_network = |top: &str| {
        let configuration = Configuration {
            top: top.to_owned(),
            ..Configuration::of_policy(rows::POLICY)
        };
        let mut decisions = Decisions::start_at("0.0.0.0:0", apis, configuration);
        decisions.address.set_ip(own.ip());
        decisions
    };
    let asked = [
        forward_auth::asked("caddy", "GET", "/open/a", &[]),
        wire::request(
            "GET",
            "/validate?method=GET&url=https%3A%2F%2Forders.example.com%2Fopen%2Fa",
            &[],
        ),
    ];
    let open = check::http("GET", "/open/a", &[]);
    let decisions = of_network("");
    for request in &asked {
        let (answer, line) = decisions.ask(request);
        assert_eq!(
            (answer.status, &line["code"]),
            (403, &json!("untrusted_peer")),
            "{}",
            answer.everything()
        );
    }
    let denied = check::Checker::connect(decisions.address).check(open.clone());
    assert_eq!(denied.denied().map(|(status, ..)| status), Some(403));
    assert_eq!(check::status_before_the_message(decisions.address), 200);
    let evaluation = wire::request("POST", "/access/v1/evaluation", &["Content-Length: 0"]);
    assert_eq!(wire::answer(decisions.address, &evaluation).status, 403);
    // The same peer as a trusted proxy.
    let decisions = of_network(&format!("trusted_proxies: ['{}']\n", own.ip()));
    for request in &asked {
        assert_eq!(decisions.ask(request).0.status, 200);
    }
    assert!(
        check::Checker::connect(decisions.address)
            .check(open)
            .permitted()
            .is_some()
    );
}
