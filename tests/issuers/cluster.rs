//! The API server of a cluster as an issuer: a private root, a token that it demands, and keys at another address.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::check::{Files, output_text};
use crate::deployment::BRISK;
use crate::deployment::gate::{Gate, run_to_end};
use crate::mint::certificate::CertificateAuthority;
use crate::mint::{TokenIssuer, claims};
use crate::wire;
use crate::wire::http1::Reader;

const NAME: &str = "https://kubernetes.default.svc.cluster.local";

/// A TLS server that answers only requests with its token.
struct ApiServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    documents: HashMap<&'static str, String>,
    /// The token that is accepted.
    token: String,
    /// The `Authorization` of every request, by its path.
    requests: Vec<(String, Option<String>)>,
}

impl ApiServer {
    fn start(authority: &CertificateAuthority) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = authority.server();
        let key = PrivatePkcs8KeyDer::from(server.key).into();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(server.certificate)], key)
            .expect("a certificate");
        let config = Arc::new(config);
        let shared = Arc::new(Mutex::new(Shared {
            documents: HashMap::new(),
            token: String::new(),
            requests: Vec::new(),
        }));
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, shared) = (Arc::clone(&config), Arc::clone(&served));
                std::thread::spawn(move || serve(stream, config, &shared));
            }
        });
        Self { address, shared }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    fn set(&self, path: &'static str, document: impl ToString) {
        let mut shared = self.shared.lock().expect("the documents");
        shared.documents.insert(path, document.to_string());
    }

    fn accept(&self, token: &str) {
        self.shared.lock().expect("the token").token = token.to_owned();
    }

    /// The values of `Authorization` in the requests for this path.
    fn presented(&self, path: &str) -> Vec<Option<String>> {
        let shared = self.shared.lock().expect("the requests");
        let requests = shared.requests.iter().filter(|(requested, _)| requested == path);
        requests.map(|(_, authorization)| authorization.clone()).collect()
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, shared: &Mutex<Shared>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(connection) = ServerConnection::new(config) else {
        return;
    };
    let mut stream = StreamOwned::new(connection, stream);
    let Ok(Some(head)) = Reader::new(&mut stream).head() else {
        return;
    };
    let path = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
    let authorization = head.value("authorization");
    let (status, body) = {
        let mut shared = shared.lock().expect("the requests");
        let is_accepted = authorization == Some(format!("Bearer {}", shared.token));
        shared.requests.push((path.clone(), authorization));
        match (is_accepted, shared.documents.get(&*path)) {
            (false, _) => (401, String::new()),
            (true, None) => (404, String::new()),
            (true, Some(document)) => (200, document.clone()),
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(head.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// The lines of an issuer whose files are beside the configuration.
fn lines(more: &str) -> String {
    format!("  - issuer: {NAME}\n    ca_file: ca.crt\n    token_file: token\n{more}{BRISK}")
}

fn log_has(gate: &Gate, text: &str) -> bool {
    gate.process.stderr().iter().any(|line| line.contains(text))
}

#[test]
fn keys_are_fetched_with_a_private_root_and_a_token_that_is_read_again() {
    let authority = CertificateAuthority::new("cluster");
    let (server, signer) = (ApiServer::start(&authority), TokenIssuer::new());
    server.set("/openid/v1/jwks", signer.document());
    server.accept("first-SECRET");
    let issuers = lines(&format!("    jwks_uri: {}/openid/v1/jwks\n", server.url()));
    let files = [("ca.crt", &*authority.pem()), ("token", "first-SECRET\n")];
    let gate = Gate::run_beside(&super::configuration(&issuers), &files);
    gate.wait_until_ready();
    let token = signer.signed(&claims(json!({ "iss": NAME })));
    assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 200);

    server.accept("second-SECRET");
    gate.wait_until("denied with the old token", || log_has(&gate, "status 401"));
    gate.write("token", "second-SECRET");
    gate.wait_until("fetched with the new token", || {
        log_has(&gate, "keys are available again")
    });
    let presented = server.presented("/openid/v1/jwks");
    assert!(
        presented.contains(&Some("Bearer second-SECRET".to_owned())),
        "{presented:?}"
    );

    gate.write("token", "two words");
    let reason = "there is no token to send: ";
    gate.wait_until("the token is unusable", || log_has(&gate, reason));
    assert_eq!(wire::get(gate.address, "/orders/1", &token).status, 200);
    assert!(!log_has(&gate, "SECRET"), "{:#?}", gate.process.stderr());
}

#[test]
fn without_its_root_no_key_is_fetched() {
    let (server, other) = (
        ApiServer::start(&CertificateAuthority::new("cluster")),
        CertificateAuthority::new("other"),
    );
    server.accept("token");
    let issuers = lines(&format!("    jwks_uri: {}/openid/v1/jwks\n", server.url()));
    let files = [("ca.crt", &*other.pem()), ("token", "token")];
    let gate = Gate::run_beside(&super::configuration(&issuers), &files);
    gate.wait_until("the certificate is rejected", || {
        log_has(&gate, "invalid peer certificate")
    });
    assert_eq!(gate.readiness(), 503);
    assert!(
        server.presented("/openid/v1/jwks").is_empty(),
        "no token before TLS is verified"
    );
}

/// The metadata of a cluster names its keys at the address of the API server, which is not that of the issuer.
#[test]
fn the_token_is_not_sent_to_another_origin_that_metadata_names() {
    let authority = CertificateAuthority::new("cluster");
    let (server, elsewhere) = (ApiServer::start(&authority), ApiServer::start(&authority));
    for server in [&server, &elsewhere] {
        server.accept("SECRET");
    }
    let (name, keys) = (server.url(), format!("{}/openid/v1/jwks", elsewhere.url()));
    server.set(
        "/.well-known/openid-configuration",
        json!({ "issuer": name, "jwks_uri": keys }),
    );
    let issuers = lines("").replace(NAME, &name);
    let files = [("ca.crt", &*authority.pem()), ("token", "SECRET")];
    let gate = Gate::run_beside(&super::configuration(&issuers), &files);
    let reason = format!(
        "{keys}: status 401; the token is sent to the configured addresses of the issuer only, so that this one must be \
        its `jwks_uri`"
    );
    gate.wait_until("the keys are denied", || log_has(&gate, &reason));
    let presented = server.presented("/.well-known/openid-configuration");
    assert_eq!(presented[0].as_deref(), Some("Bearer SECRET"));
    let presented = elsewhere.presented("/openid/v1/jwks");
    assert!(
        !presented.is_empty() && presented.iter().all(Option::is_none),
        "{presented:?}"
    );

    elsewhere.set("/openid/v1/jwks", TokenIssuer::new().document());
    let issuers = lines(&format!("    jwks_uri: {keys}\n"));
    let gate = Gate::run_beside(&super::configuration(&issuers), &files);
    gate.wait_until_ready();
}

/// The machine that checks may not be the one that runs the gate.
#[test]
fn a_file_that_is_missing_is_a_warning_of_check_and_an_error_of_run() {
    let issuers = lines("    jwks_uri: https://kubernetes.default.svc/openid/v1/jwks\n");
    let files = Files::new();
    let config = files.write("actgate.yaml", &super::configuration(&issuers));
    let folder = config.replace("actgate.yaml", "");
    let help = |key: &str, name: &str| {
        format!(
            "\n  help: write the path where `actgate run` finds it; in a cluster: `{key}: \
            /var/run/secrets/kubernetes.io/serviceaccount/{name}`"
        )
    };
    let roots = format!("{config}:7:14: `{folder}ca.crt`: the file cannot be read");
    let token = format!("{config}:8:17: `{folder}token`: the file cannot be read");
    for (command, code, before) in [("check", 0, "warning: "), ("run", 78, "")] {
        let output = run_to_end(&[command, "--config", &config], "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        for mistake in [&roots, &token] {
            assert!(text.contains(&format!("{before}{mistake}")), "{text}");
        }
        assert!(
            text.contains(&help("ca_file", "ca.crt")) && text.contains(&help("token_file", "token")),
            "{text}"
        );
    }
}
