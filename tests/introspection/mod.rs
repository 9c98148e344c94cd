//! Tokens that the issuer is asked about, and the list of revoked tokens, at a running gate.

mod example;
mod faults;
mod mistakes;
mod opaque;
mod revocations;

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::{self, Upstream};
use crate::deployment::{Configuration, Deployment};
use crate::mint::{TokenIssuer, claims};

/// A gate whose issuer is asked at an endpoint of the test.
struct Asking {
    deployment: Deployment,
    endpoint: Upstream,
}

impl Asking {
    /// `keys` are further keys of `introspection`.
    fn start(keys: &str) -> Asking {
        Asking::start_with(keys, "")
    }

    /// The same with these lines at the top of the configuration.
    fn start_with(keys: &str, top: &str) -> Asking {
        let endpoint = Upstream::start();
        let url = format!("http://{}/introspect", endpoint.address());
        Asking {
            deployment: Asking::deployment(&url, keys, top),
            endpoint,
        }
    }

    /// A gate that asks at this URL.
    fn start_at(url: &str, keys: &str) -> Deployment {
        Asking::deployment(url, keys, "")
    }

    fn deployment(url: &str, keys: &str, top: &str) -> Deployment {
        let issuer = TokenIssuer::new();
        let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = Upstream::start();
        let lines = format!(
            "    introspection: {{ endpoint: '{url}', client_id: 'gate+', client_secret_file: gate.secret{keys} }}\n"
        );
        let configuration = Configuration {
            top: top.to_owned(),
            ..Configuration::of_issuer(&lines)
        };
        let text = configuration.text(upstream.address(), &key_server);
        let gate = Gate::run_beside(&text, &[("gate.secret", "s:cret\n")]);
        gate.wait_until_ready();
        Deployment {
            gate,
            upstream,
            key_server,
            issuer,
        }
    }

    /// Sets the bytes of every later answer.
    fn answer(&self, bytes: String) {
        self.endpoint.conduct(upstream::Conduct::AnswerWith(bytes.leak()));
    }

    /// Sets the JSON of every later answer.
    fn answer_with(&self, answer: &Value) {
        self.answer(response(
            "200 OK",
            "content-type: application/json\r\n",
            &answer.to_string(),
        ));
    }

    /// The status and the code of a request with a token.
    fn decide(&self, token: &str) -> (u16, String) {
        self.deployment.gate.decide("GET", "/orders/1", token)
    }
}

/// The claims of an active token with these changes.
fn active(changes: Value) -> Value {
    let mut answer = claims(json!({ "active": true, "token_type": "Bearer" }));
    for (name, value) in changes.as_object().expect("an object") {
        answer[name] = value.clone();
    }
    answer
}

fn response(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n{body}")
}
