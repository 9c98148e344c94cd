//! The time from the start of a program to the first request that it allows, and the size of its binary.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Failure;
use crate::compare::median;
use crate::configurations;
use crate::environment::Environment;
use crate::options::Options;
use crate::process::{Cores, Process, free_address, pinned};
use crate::programs::{Arrangement, Prepared, Program, Protocol, gate};
use crate::requests::Connection;
use crate::table::cell;
use crate::tokens::Algorithm;

/// How often a program is asked whether it is there.
const INTERVAL: Duration = Duration::from_micros(200);
/// The longest wait for the first request.
const DEADLINE: Duration = Duration::from_secs(20);
/// The audience of the built-in clients of `actgate issuer`.
const AUDIENCE: &str = "https://orders.example";

/// What is started.
enum Entrant {
    /// No program of the comparison: what the start of a process costs by itself.
    True,
    Program(Program),
    /// A build of actgate that reads the keys from `actgate issuer`, which runs.
    GateOfIssuer(PathBuf),
}

impl fmt::Display for Entrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::True => f.write_str("`true`, until it ends"),
            Self::Program(program) => program.fmt(f),
            Self::GateOfIssuer(path) => write!(f, "{}, keys from `actgate issuer`", path.display()),
        }
    }
}

pub fn start(words: &[&str]) -> Result<(), Failure> {
    let mut options = Options::read(words)?;
    // They take milliseconds.
    options.rounds = options.rounds.max(1) * if options.smoke { 1 } else { 5 };
    let mut environment = Environment::start(options.envoy.clone())?;
    let programs = [
        Program::BareHyper,
        Program::HaProxy,
        Program::HaProxyJwt,
        Program::Nginx,
    ];
    let mut entrants = vec![Entrant::True];
    entrants.extend(programs.map(Entrant::Program));
    match options.envoy {
        Some(_) => entrants.push(Entrant::Program(Program::EnvoyCache)),
        None => println!("SKIPPED, as Envoy is not installed: {}", Program::EnvoyCache),
    }
    for path in &options.binaries {
        entrants.push(Entrant::Program(Program::Gate(path.clone())));
        entrants.push(Entrant::GateOfIssuer(path.clone()));
    }
    let mut measured: Vec<Vec<f64>> = entrants.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds {
        for at in (0..entrants.len()).map(|turn| (round + turn) % entrants.len()) {
            let seconds = first_request(&mut environment, &entrants[at]);
            let seconds = seconds.map_err(|error| format!("{}: {error}", entrants[at]))?;
            measured[at].push(seconds);
        }
    }
    println!(
        "\n## From exec to the first request that is allowed; {} starts, medians\n\n\
         | program | ms | ÷ bare hyper | binary MiB |\n|---|--:|--:|--:|",
        options.rounds
    );
    for (entrant, own) in entrants.iter().zip(&measured) {
        // The second is bare hyper.
        let pairs = own.iter().zip(&measured[1]);
        let ratio = median(pairs.map(|(own, bare)| own / bare));
        let milliseconds = median(own.iter().map(|seconds| seconds * 1e3));
        let cells = [milliseconds, ratio, size(entrant, &environment)].map(cell);
        println!("| {entrant} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// The seconds until the program allows a request. What it needs, such as an issuer, runs before.
fn first_request(environment: &mut Environment, entrant: &Entrant) -> Result<f64, Failure> {
    let cores = Cores::apart();
    let arrangement = |listen: SocketAddr| Arrangement {
        protocol: Protocol::Http1,
        algorithm: Algorithm::Es256,
        cores: cores.clone(),
        listen: Some(listen),
    };
    let listen = free_address()?;
    match entrant {
        Entrant::True => {
            let start = Instant::now();
            pinned(&cores.proxy, "true").stdin(Stdio::null()).status()?;
            Ok(start.elapsed().as_secs_f64())
        }
        Entrant::Program(program) => {
            let prepared = program.prepare(environment, &arrangement(listen))?;
            until_allowed(prepared, listen, environment.token(Algorithm::Es256))
        }
        Entrant::GateOfIssuer(path) => {
            let mut command = pinned(&cores.load, path);
            command.args(["issuer", "--listen", "127.0.0.1:0"]);
            let (_issuer, address) = Process::announced(&mut command, "actgate: issuer on ")?;
            let token = token_of(address)?;
            let issuers = format!("issuers:\n  - issuer: http://{address}\n");
            let routes = "routes:\n  - match: GET /orders/{id}\n    scopes: [orders:read]\n";
            let upstream = environment.upstream(&cores)?;
            let text = configurations::gate_with(listen, upstream, Protocol::Http1, &issuers, routes);
            let text = text.replace(crate::mint::AUDIENCE, AUDIENCE);
            let prepared = gate(path, environment.folder(), &text, &cores)?;
            until_allowed(prepared, listen, &token)
        }
    }
}

fn until_allowed(prepared: Prepared, address: SocketAddr, token: &str) -> Result<f64, Failure> {
    let start = Instant::now();
    let _process = prepared.spawn()?;
    loop {
        let status = Connection::open(address).and_then(|mut connection| connection.ask(token));
        match status {
            Ok(200) => return Ok(start.elapsed().as_secs_f64()),
            _ if start.elapsed() > DEADLINE => return Err(format!("it allows no request in time: {status:?}").into()),
            _ => std::thread::sleep(INTERVAL),
        }
    }
}

/// A token of a built-in client of `actgate issuer`.
fn token_of(issuer: SocketAddr) -> Result<String, Failure> {
    let form = format!("grant_type=client_credentials&resource={AUDIENCE}&scope=orders:read");
    let request = format!(
        "POST /token HTTP/1.1\r\nhost: {issuer}\r\nauthorization: Basic {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        STANDARD.encode("warehouse:warehouse-secret"),
        form.len()
    );
    let response = Connection::open(issuer)?.send(&request)?;
    let answer: Value = serde_json::from_str(&response.body)?;
    let token = answer["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| format!("no token: {}", response.body).into())
}

/// The size of the binary in MiB. That of bare hyper is this program, which has much more in it.
fn size(entrant: &Entrant, environment: &Environment) -> Option<f64> {
    let path = match entrant {
        Entrant::True | Entrant::Program(Program::BareHyper) => return None,
        Entrant::GateOfIssuer(path) | Entrant::Program(Program::Gate(path)) => path.clone(),
        Entrant::Program(program) if program.is_envoy() => environment.envoy.clone()?,
        Entrant::Program(Program::Nginx) => found("nginx")?,
        Entrant::Program(_) => found("haproxy")?,
    };
    let bytes = std::fs::metadata(path).ok()?.len();
    Some(bytes as f64 / (1024.0 * 1024.0))
}

/// Where a program is installed.
fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| Some(folder.join(program)).filter(|path: &PathBuf| Path::is_file(path)))
}
