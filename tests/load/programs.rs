//! How each proxy of the comparison is started.

use std::fmt;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::Failure;
use crate::mint::certificate::CertificateAuthority;
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, chain, now};
use crate::process::{LOAD_CORE, PROXY_CORE, Process, pinned};
use crate::servers::ANNOUNCEMENT;

/// The certificate and the key of every proxy, in DER.
pub const CERTIFICATE_FILE: &str = "tls.der";
pub const KEY_FILE: &str = "key.der";

/// As many tokens as one row has.
const TOKENS: usize = 5_000;

/// What the clients of a row use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http1Tls,
    Http2,
    Http2Tls,
}

impl Protocol {
    pub fn has_tls(self) -> bool {
        matches!(self, Self::Http1Tls | Self::Http2Tls)
    }

    pub fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2Tls)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "http1",
            Self::Http1Tls => "http1-tls",
            Self::Http2 => "http2",
            Self::Http2Tls => "http2-tls",
        })
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Http1, Self::Http1Tls, Self::Http2, Self::Http2Tls];
        let named = all.into_iter().find(|protocol| protocol.to_string() == text);
        named.ok_or_else(|| format!("{text} is no protocol"))
    }
}

/// A proxy of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    BareHyper,
    HaProxy,
    /// A build of actgate.
    Gate(PathBuf),
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareHyper => f.write_str("bare hyper"),
            Self::HaProxy => f.write_str("HAProxy"),
            Self::Gate(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The upstream, and the files that the proxies and the load read.
pub struct Environment {
    folder: tempfile::TempDir,
    upstream: SocketAddr,
    _upstream: Process,
    tokens: Vec<String>,
}

impl Environment {
    pub fn start() -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
        let issuer = TokenIssuer::new();
        write("keys.json", issuer.document().as_bytes())?;
        let tokens: Vec<String> = (0..TOKENS)
            .map(|_| {
                issuer.token(json!({
                    "scope": "orders:read orders:write refunds:read refunds:write items:read items:write",
                    "act": chain(&["refund-agent", "planner"]),
                    "nbf": now() - 5,
                    "exp": now() + 3600,
                }))
            })
            .collect();
        write("tokens", tokens.join("\n").as_bytes())?;
        write("tokens.lua", include_bytes!("tokens.lua"))?;

        let server = CertificateAuthority::new("load").server();
        write(CERTIFICATE_FILE, &server.certificate)?;
        write(KEY_FILE, &server.key)?;
        let (certificate, key) = (pem("CERTIFICATE", &server.certificate), pem("PRIVATE KEY", &server.key));
        write("tls.crt", certificate.as_bytes())?;
        write("tls.key", key.as_bytes())?;
        write("tls.pem", (certificate + &key).as_bytes())?;

        let mut command = pinned(LOAD_CORE, std::env::current_exe()?);
        let (process, upstream) = Process::announced(command.arg("upstream"), ANNOUNCEMENT)?;
        Ok(Self {
            folder,
            upstream,
            _upstream: process,
            tokens,
        })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first token, with which one row asks all the time.
    pub fn token(&self) -> &str {
        &self.tokens[0]
    }

    /// Starts `program` alone on its core.
    pub fn run(&self, program: &Program, protocol: Protocol) -> Result<(Process, SocketAddr), Failure> {
        match program {
            Program::BareHyper => {
                let mut command = pinned(PROXY_CORE, std::env::current_exe()?);
                command.args(["proxy", &protocol.to_string(), &self.upstream.to_string()]);
                Process::announced(command.arg(self.folder()), ANNOUNCEMENT)
            }
            Program::HaProxy => self.run_haproxy(protocol),
            Program::Gate(path) => {
                let file = self.folder().join("actgate.yaml");
                std::fs::write(&file, self.configuration(protocol))?;
                let mut command = pinned(PROXY_CORE, path);
                command.args(["run", "--config"]).arg(file);
                Process::announced(&mut command, "actgate: listening on ")
            }
        }
    }

    /// HAProxy on one thread, with pooled connections to the upstream.
    fn run_haproxy(&self, protocol: Protocol) -> Result<(Process, SocketAddr), Failure> {
        // It cannot choose a port by itself and announce it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let pem = self.folder().join("tls.pem");
        let options = match protocol {
            Protocol::Http1 => String::new(),
            Protocol::Http2 => " proto h2".to_owned(),
            Protocol::Http1Tls => format!(" ssl crt {} alpn http/1.1", pem.display()),
            Protocol::Http2Tls => format!(" ssl crt {} alpn h2", pem.display()),
        };
        let configuration = format!(
            "global\n  nbthread 1\n  maxconn 4096\n  log stderr local0 emerg\ndefaults\n  mode http\n  http-reuse always\n  \
             timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nfrontend load\n  bind {address}{options}\n  \
             default_backend upstream\nbackend upstream\n  server upstream {}\n",
            self.upstream
        );
        let file = self.folder().join("haproxy.cfg");
        std::fs::write(&file, configuration)?;
        let process = Process::spawn(pinned(PROXY_CORE, "haproxy").args(["-db", "-q", "-f"]).arg(file))?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err("HAProxy does not listen in time".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok((process, address))
    }

    /// A gate with a policy, identity headers and the decision log in a file.
    fn configuration(&self, protocol: Protocol) -> String {
        let tls = match protocol.has_tls() {
            true => "tls: { certificate: tls.crt, key: tls.key }\n",
            false => "",
        };
        format!(
            "listen: 127.0.0.1:0\n{tls}upstream: http://{}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\ndecision_log: decisions.log\n\
             issuers:\n  - issuer: {ISSUER}\n    jwks_file: keys.json\n    chain_completeness: complete\n    prior_actors: enforce\n\
             requirements:\n  human-must-initiate:\n    initiator: {{ kind: human }}\n\
             routes:\n  - match: GET /health\n    public: true\n  - match: GET /orders/{{id}}\n    scopes: [orders:read]\n    \
             require: [human-must-initiate]\n    actor: {{ one_of: [refund-agent] }}\n    chain: {{ max_depth: 2 }}\n",
            self.upstream
        )
    }
}

/// `bytes` of DER as PEM.
fn pem(label: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
