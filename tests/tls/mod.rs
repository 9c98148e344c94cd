//! Clients that connect by TLS.

mod certificates;
mod client_certificates;
mod handshakes;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::mint::certificate::Certificate;

/// The usual pair of files.
const PAIR: &str = "certificate: tls.crt, key: tls.key";

/// A gate with `tls: { … }` and these files beside its configuration.
pub fn deployment(tls: &str, files: &[(&str, &str)]) -> Deployment {
    deployment_of(Configuration::default(), tls, files)
}

/// The same with a configuration that has its own policy.
pub fn deployment_of(configuration: Configuration, tls: &str, files: &[(&str, &str)]) -> Deployment {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let upstream = Upstream::start();
    let configuration = Configuration {
        top: format!("tls: {{ {tls} }}\ntimeouts: {{ header: 2s }}\n"),
        ..configuration
    };
    let gate = Gate::run_beside(&configuration.text(upstream.address(), &key_server), files);
    let deployment = Deployment {
        gate,
        upstream,
        key_server,
        issuer,
    };
    deployment.wait_until_ready();
    deployment
}

/// A gate with this certificate.
pub fn with_certificate(server: &Certificate) -> Deployment {
    let files = [("tls.crt", &*server.pem()), ("tls.key", &*server.key_pem())];
    deployment(PAIR, &files)
}
