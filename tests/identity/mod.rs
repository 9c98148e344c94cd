//! What the upstream learns of the caller: the internal token of the gate, an exchanged token, an API key.

mod api_key;
mod bundled_issuer;
mod example;
mod exchange;
mod exchange_failures;
mod internal_token;
mod mistakes;
mod several_upstreams;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::{self, Upstream};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;

/// A gate whose upstream has these further lines, each indented by two, with `top` at the top level and these files.
fn deployment(upstream_lines: &str, top: &str, files: &[(&str, &str)]) -> Deployment {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let upstream = Upstream::start();
    let text = configuration(&upstream, &key_server, upstream_lines, top);
    let gate = Gate::run_beside(&text, files);
    gate.wait_until_ready();
    Deployment {
        gate,
        upstream,
        key_server,
        issuer,
    }
}

fn configuration(upstream: &Upstream, key_server: &KeyServer, upstream_lines: &str, top: &str) -> String {
    let configuration = Configuration {
        top: top.to_owned(),
        ..Configuration::default()
    };
    let text = configuration.text(upstream.address(), key_server);
    let url = format!("upstream: http://{}\n", upstream.address());
    let mapping = format!("upstream:\n  url: http://{}\n{upstream_lines}", upstream.address());
    assert!(text.contains(&url));
    text.replace(&url, &mapping)
}

/// A server that answers each request with these bytes and closes the connection.
fn answering(bytes: String) -> Upstream {
    let server = Upstream::start();
    server.conduct(answer_with(bytes));
    server
}

fn answer_with(bytes: String) -> upstream::Conduct {
    upstream::Conduct::AnswerWith(bytes.leak())
}

/// A response of a token endpoint.
fn response(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{fields}\r\n{body}")
}
