//! The configuration is read again while the gate runs.

mod commands;
mod decisions;
mod files;
mod kept;
mod load;
mod tls;

use crate::deployment::Deployment;
use crate::wire::{AnswerTo, Connection, Outcome};

/// The route of orders with this scope, and a public one.
fn routes(scope: &str) -> String {
    format!(
        "routes:\n  - match: GET /open/page\n    public: true\n  - match: GET /orders/{{id}}\n    scopes: [{scope}]\n"
    )
}

/// The text of the deployment's configuration with this policy.
fn text(deployment: &Deployment, policy: &str) -> String {
    let configuration = crate::deployment::Configuration::of_policy(policy);
    configuration.text(deployment.upstream.address(), &deployment.key_server)
}

/// Writes the configuration with this policy.
fn write(deployment: &Deployment, policy: &str) {
    deployment.gate.write("actgate.yaml", &text(deployment, policy));
}

/// A connection that is kept, whose requests have this `Authorization` line.
struct Client {
    connection: Connection,
    authorization: String,
}

impl Client {
    fn of(deployment: &Deployment) -> Self {
        Self {
            connection: Connection::open(deployment.gate.address).expect("a connection"),
            authorization: deployment.reader(),
        }
    }

    /// The status of GET `target`.
    fn get(&mut self, target: &str) -> u16 {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: orders.example.com\r\n{}\r\n\r\n",
            self.authorization
        );
        self.connection.send(request.as_bytes()).expect("sent");
        match self.connection.answer(AnswerTo::AnyMethod) {
            Outcome::Answered(answer) => answer.status,
            other => panic!("{target}: {other:?}"),
        }
    }
}
