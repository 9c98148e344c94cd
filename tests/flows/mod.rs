//! Flows of people and agents, one file for each: tokens of the bundled issuer at gates in front of APIs, with a row for
//! each request and its decision.

mod agents;
mod authorization_code;
mod backchannel;
mod client_credentials;
mod credential_life;
mod key_rotation;
mod on_behalf_of;
mod ping;
mod refresh;
mod revocation;
mod sample;
mod step_up;
mod token_kinds;

use actgate_issuer::{AdminSecret, IssuerHandle, Registry, Settings};
use serde_json::Value;

use crate::deployment::bundled_issuer::{
    ACCESS_TOKEN, ADMIN_SECRET, BundledIssuer, EXCHANGE, Login, access_token, error, gate_for,
};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire::{self, Answer, bearer, request};

/// The person of the flows, with a second factor and without it.
pub const U1: Login = ("u1", "password-of-u1", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
pub const U1_BY_PASSWORD: Login = ("u1", "password-of-u1", "");

pub const ORDERS: &str = "https://orders.example";
pub const ORCH: &str = "https://orch.example";
pub const PLAN: &str = "https://plan.example";
pub const TOOL: &str = "https://tool.example";
pub const FLIGHTS: &str = "https://flights.example";

/// The issuer with the parties of `registry.yaml`, and the handle of its clock and keys.
pub fn issuer() -> (BundledIssuer, IssuerHandle) {
    let settings = Settings {
        admin_secret: Some(AdminSecret::new(ADMIN_SECRET)),
        ..Settings::default()
    };
    let registry = Registry::from_yaml(include_str!("registry.yaml")).expect("a registry");
    BundledIssuer::start_here(registry, settings)
}

/// The token of `agent` for itself.
pub fn own_token(issuer: &BundledIssuer, agent: &str, resource: &str, scope: &str) -> String {
    access_token(&issuer.client_credentials(agent, resource, scope))
}

/// Exchanges `subject_token`, with a token of the agent as the actor token.
pub fn exchange(issuer: &BundledIssuer, agent: &str, subject_token: &str, resource: &str, scope: &str) -> Answer {
    exchange_for(issuer, agent, subject_token, &[resource], scope)
}

/// The same with any number of resources.
pub fn exchange_for(
    issuer: &BundledIssuer,
    agent: &str,
    subject_token: &str,
    resources: &[&str],
    scope: &str,
) -> Answer {
    let own = access_token(&issuer.token(
        agent,
        &[
            ("grant_type", "client_credentials"),
            ("resource", &format!("https://{agent}.example")),
        ],
    ));
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", subject_token),
        ("subject_token_type", ACCESS_TOKEN),
        ("actor_token", &own),
        ("actor_token_type", ACCESS_TOKEN),
        ("scope", scope),
    ];
    form.extend(resources.iter().map(|resource| ("resource", *resource)));
    issuer.token(agent, &form)
}

/// What is tried, the request with its token, the decision, and the chain in the decision log: the initiator, then the
/// actors from the oldest to the current one. A request that is denied before its token is verified has no chain.
pub type Row<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

/// A gate in front of an API.
pub struct Api {
    pub gate: Gate,
    _upstream: Upstream,
}

impl Api {
    /// Starts a gate with this audience and policy, which trusts the issuer.
    pub fn protect(issuer: &BundledIssuer, audience: &str, policy: &str) -> Api {
        let upstream = Upstream::start();
        let gate = gate_for(issuer, upstream.address(), audience, policy);
        Api::over(gate, upstream)
    }

    /// A gate that runs.
    pub fn over(gate: Gate, upstream: Upstream) -> Api {
        Api {
            gate,
            _upstream: upstream,
        }
    }

    /// Sends `METHOD TARGET` with a token; returns the answer and the event of the decision log.
    pub fn send(&self, line: &str, token: &str) -> (Answer, Value) {
        let known = self.gate.decisions().len();
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let answer = wire::answer(self.gate.address, &request(method, target, &[&bearer(token)]));
        (answer, self.gate.decision_after(known))
    }

    /// Checks each row of a table: the status, the code and the chain in the decision log.
    #[track_caller]
    pub fn check(&self, rows: &[Row<'_>]) {
        for (what, line, token, decision, chain) in rows {
            let (answer, event) = self.send(line, token);
            let found = match event["decision"].as_str() {
                Some("allow") => format!("{} allowed", answer.status),
                _ => format!("{} {}", answer.status, event["code"].as_str().unwrap_or("?")),
            };
            assert_eq!(
                (&*found, &*logged_chain(&event)),
                (*decision, *chain),
                "{what}: {event}"
            );
        }
    }
}

/// The chain of an event of the decision log, the oldest party first; empty without one.
pub fn logged_chain(event: &Value) -> String {
    let Some(chain) = event.get("chain") else {
        return String::new();
    };
    let name = |party: &Value| party["sub"].as_str().expect("a subject").to_owned();
    let actors = chain["actors"].as_array().expect("actors").iter().rev();
    let parties: Vec<String> = [&chain["initiator"]].into_iter().chain(actors).map(name).collect();
    parties.join(" > ")
}

/// Checks what the issuer answers: what is tried, the response, the status and the error.
#[track_caller]
pub fn check_issuer(rows: &[(&str, Answer, &str)]) {
    for (what, answer, expected) in rows {
        let (status, code) = error(answer);
        assert_eq!(&format!("{status} {code}"), expected, "{what}: {}", answer.everything());
    }
}
