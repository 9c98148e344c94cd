//! How each program of the comparison is started.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::Failure;
use crate::configurations::{self, Authentication};
use crate::environment::Environment;
use crate::process::{Cores, Process, Running, free_address, pinned};
use crate::servers::ANNOUNCEMENT;
use crate::tokens::Algorithm;

/// What a gate writes before the address for clients.
pub const GATE_ANNOUNCEMENT: &str = "actgate: listening on ";

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

/// A program of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A relay that reads no HTTP.
    Relay,
    BareHyper,
    /// Bare hyper that writes what a gate does.
    WritingHyper,
    /// The same with the least that a gate does for a token.
    VerifyingHyper,
    HaProxy,
    /// HAProxy that verifies signatures.
    HaProxyJwt,
    Nginx,
    /// Envoy that verifies tokens anew with each request.
    Envoy,
    /// The same with its cache of tokens.
    EnvoyCache,
    /// Envoy that asks a server which permits everything.
    EnvoyAsksNothing,
    /// Envoy that asks a build of actgate.
    EnvoyAsks(PathBuf),
    /// A build of actgate.
    Gate(PathBuf),
}

impl Program {
    /// Whether it uses Envoy.
    pub fn is_envoy(&self) -> bool {
        matches!(
            self,
            Self::Envoy | Self::EnvoyCache | Self::EnvoyAsksNothing | Self::EnvoyAsks(_)
        )
    }

    /// Whether it checks tokens, so that one that it had before can be less work.
    pub fn checks_tokens(&self) -> bool {
        !matches!(
            self,
            Self::Relay | Self::BareHyper | Self::WritingHyper | Self::HaProxy | Self::Nginx | Self::EnvoyAsksNothing
        )
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Relay => f.write_str("relay of bytes, no HTTP"),
            Self::BareHyper => f.write_str("bare hyper"),
            Self::WritingHyper => f.write_str("bare hyper that writes as much as a gate"),
            Self::VerifyingHyper => f.write_str("the same, which verifies tokens and keeps them"),
            Self::HaProxy => f.write_str("HAProxy"),
            Self::HaProxyJwt => f.write_str("HAProxy, jwt_verify"),
            Self::Nginx => f.write_str("nginx"),
            Self::Envoy => f.write_str("Envoy, jwt_authn + RBAC"),
            Self::EnvoyCache => f.write_str("Envoy, jwt_authn + RBAC, cache of 10,000"),
            Self::EnvoyAsksNothing => f.write_str("Envoy, ext_authz to a server that does nothing"),
            Self::EnvoyAsks(path) => write!(f, "Envoy, ext_authz to {}", path.display()),
            Self::Gate(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How a program is run.
#[derive(Clone, Debug)]
pub struct Arrangement {
    pub protocol: Protocol,
    /// Of the tokens.
    pub algorithm: Algorithm,
    pub cores: Cores,
    /// Where it listens; None: where the system chooses.
    pub listen: Option<SocketAddr>,
}

impl Program {
    /// Starts the program on its cores.
    pub fn start(&self, environment: &mut Environment, arrangement: &Arrangement) -> Result<Running, Failure> {
        self.prepare(environment, arrangement)?.start()
    }

    /// Writes the configuration of the program, and starts the servers that it asks.
    pub fn prepare(&self, environment: &mut Environment, arrangement: &Arrangement) -> Result<Prepared, Failure> {
        let Arrangement { protocol, cores, .. } = arrangement;
        let upstream = environment.upstream(cores)?;
        let folder = environment.folder();
        let envoy = |authentication: Authentication| {
            let path = environment.envoy.as_deref().ok_or("Envoy is not installed")?;
            let listen = arrangement.listen.map_or_else(free_address, Ok)?;
            let text = configurations::envoy(folder, listen, upstream, authentication);
            let file = write(folder, "envoy.yaml", &text)?;
            let mut command = pinned(&cores.proxy, path);
            command.args([
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "--log-level",
                "error",
                "-c",
            ]);
            command.arg(file);
            Ok::<_, Failure>(Prepared::that_listens(command, listen))
        };
        let haproxy = |algorithm: Option<Algorithm>| {
            let listen = arrangement.listen.map_or_else(free_address, Ok)?;
            let text = configurations::haproxy(folder, listen, upstream, *protocol, algorithm);
            let file = write(folder, "haproxy.cfg", &text)?;
            let mut command = pinned(&cores.proxy, "haproxy");
            command.args(["-db", "-q", "-f"]).arg(file);
            Ok::<_, Failure>(Prepared::that_listens(command, listen))
        };
        match self {
            Self::Relay => {
                let mut command = pinned(&cores.proxy, std::env::current_exe()?);
                let listen = arrangement.listen.unwrap_or(configurations::ANY).to_string();
                command.args(["relay", &listen, &upstream.to_string()]);
                Ok(Prepared::that_announces(command, ANNOUNCEMENT))
            }
            Self::BareHyper | Self::WritingHyper | Self::VerifyingHyper => {
                let mut command = pinned(&cores.proxy, std::env::current_exe()?);
                let listen = arrangement.listen.unwrap_or(configurations::ANY).to_string();
                let role = match self {
                    Self::WritingHyper => "writing-proxy",
                    Self::VerifyingHyper => "verifying-proxy",
                    _ => "proxy",
                };
                command.args([role, &listen, &protocol.to_string(), &upstream.to_string()]);
                command.arg(folder);
                Ok(Prepared::that_announces(command, ANNOUNCEMENT))
            }
            Self::HaProxy => haproxy(None),
            Self::HaProxyJwt => haproxy(Some(arrangement.algorithm)),
            Self::Nginx => {
                let listen = arrangement.listen.map_or_else(free_address, Ok)?;
                let text = configurations::nginx(folder, listen, upstream, *protocol);
                let file = write(folder, "nginx.conf", &text)?;
                let mut command = pinned(&cores.proxy, "nginx");
                command.args(["-e", "stderr", "-p"]).arg(folder).arg("-c").arg(file);
                Ok(Prepared::that_listens(command, listen))
            }
            Self::Envoy => envoy(Authentication::Jwt { cache: None }),
            Self::EnvoyCache => envoy(Authentication::Jwt { cache: Some(10_000) }),
            Self::EnvoyAsksNothing => {
                let mut command = pinned(&cores.proxy, std::env::current_exe()?);
                let (process, address) = Process::announced(command.arg("authorize"), ANNOUNCEMENT)?;
                Ok(envoy(Authentication::Asked(address))?.that_asks(process))
            }
            Self::EnvoyAsks(path) => {
                let file = write(folder, "deciding.yaml", &configurations::deciding_gate())?;
                let mut command = pinned(&cores.proxy, path);
                command.args(["run", "--config"]).arg(file);
                let (process, address) = Process::announced(&mut command, "actgate: decisions on ")?;
                Ok(envoy(Authentication::Asked(address))?.that_asks(process))
            }
            Self::Gate(path) => {
                let listen = arrangement.listen.unwrap_or(configurations::ANY);
                let text = configurations::gate(listen, upstream, *protocol);
                gate(path, folder, &text, cores)
            }
        }
    }
}

/// A build of actgate with this configuration.
pub fn gate(path: &Path, folder: &Path, configuration: &str, cores: &Cores) -> Result<Prepared, Failure> {
    let file = write(folder, "actgate.yaml", configuration)?;
    let mut command = pinned(&cores.proxy, path);
    command.args(["run", "--config"]).arg(file);
    Ok(Prepared::that_announces(command, GATE_ANNOUNCEMENT))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let file = folder.join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A program that can be started.
pub struct Prepared {
    command: std::process::Command,
    found: Found,
    asked: Option<Process>,
}

/// How the address of a program is known.
enum Found {
    /// The program writes it after these words.
    After(&'static str),
    At(SocketAddr),
}

impl Prepared {
    fn that_announces(command: std::process::Command, announcement: &'static str) -> Self {
        Self {
            command,
            found: Found::After(announcement),
            asked: None,
        }
    }

    fn that_listens(command: std::process::Command, address: SocketAddr) -> Self {
        Self {
            command,
            found: Found::At(address),
            asked: None,
        }
    }

    fn that_asks(mut self, process: Process) -> Self {
        self.asked = Some(process);
        self
    }

    /// Starts it and waits until it listens.
    pub fn start(mut self) -> Result<Running, Failure> {
        let started = match self.found {
            Found::After(announcement) => Process::announced(&mut self.command, announcement)?,
            Found::At(address) => Process::listening(&mut self.command, address)?,
        };
        let running = Running::one(started);
        Ok(match self.asked {
            Some(process) => running.with(process),
            None => running,
        })
    }

    /// Starts it and waits for nothing.
    pub fn spawn(mut self) -> Result<Process, Failure> {
        let command = self.command.stdout(std::process::Stdio::null());
        Process::spawn(command.stderr(std::process::Stdio::null()))
    }
}
