//! The load: wrk for HTTP/1.1, h2load for HTTP/2.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::process::{Cores, Running, pinned};
use crate::programs::Protocol;
use crate::tokens::Tokens;
use crate::verification::new_tokens_file;

/// Connections of HTTP/2, and streams of each.
const CONNECTIONS: &str = "8";
const STREAMS: &str = "4";

/// The events that perf counts.
const INSTRUCTIONS: &str = "instructions:u,instructions:k";

/// What the load saw and what the proxy used meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time of the processor for a request.
    pub cpu: f64,
    /// The part of it of the process that the load connects to.
    pub own_cpu: f64,
    /// Instructions for a request, where the machine counts them.
    pub instructions: Option<f64>,
    /// The median and the 99th percentile of the latency in seconds, where the client reports them.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// Requests in a second, where the client reports them.
    pub rate: Option<f64>,
}

/// A row's load on one proxy.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    pub proxy: &'a Running,
    pub cores: &'a Cores,
    pub protocol: Protocol,
    pub tokens: Tokens,
    /// Connections of HTTP/1.1, with one request in flight each.
    pub connections: usize,
    /// The token that is sent where all requests have the same.
    pub token: &'a str,
    /// Where the files with the other tokens are.
    pub folder: &'a Path,
    /// Whether no request may repeat a token of [`Tokens::New`].
    pub once: bool,
}

impl Load<'_> {
    /// Runs for `duration` and returns what the proxy used for each request. `perf` counts if it can.
    pub fn run(&self, duration: Duration, perf: Perf) -> Result<Usage, Failure> {
        let counted = self.folder.join("perf.csv");
        let mut command = self.command(duration, perf, &counted)?;
        let before = (self.proxy.cpu_time()?, self.proxy.own_cpu_time()?);
        let output = command.stdin(Stdio::null()).output()?;
        let used = self.proxy.cpu_time()? - before.0;
        let own = self.proxy.own_cpu_time()? - before.1;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let requests = match self.protocol.is_http2() {
            true => h2load_requests(&text),
            false => wrk_requests(&text),
        };
        let requests = requests.map_err(|reason| {
            let errors = String::from_utf8_lossy(&output.stderr);
            let figures = ["requests", "status codes", "responses", "errors"];
            let lines = text
                .lines()
                .filter(|line| figures.iter().any(|word| line.contains(word)));
            let lines: Vec<&str> = lines.chain(errors.lines()).map(str::trim).collect();
            format!("{reason}: {}", lines.join("; "))
        })?;
        let instructions = match perf {
            Perf::Counts => Some(instructions(&std::fs::read_to_string(counted)?)? / requests),
            Perf::Missing => None,
        };
        let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
        Ok(Usage {
            cpu: used.as_secs_f64() / requests,
            own_cpu: own.as_secs_f64() / requests,
            instructions,
            p50: percentile(&text, "50%"),
            p99: percentile(&text, "99%"),
            rate: rate.and_then(|rate| rate.trim().parse().ok()),
        })
    }

    fn command(&self, duration: Duration, perf: Perf, counted: &Path) -> Result<Command, Failure> {
        let seconds = duration.as_secs().max(1).to_string();
        let client = if self.protocol.is_http2() { "h2load" } else { "wrk" };
        let mut command = match perf {
            Perf::Counts => {
                let mut command = pinned(&self.cores.load, "perf");
                command.args(["stat", "-x", ";", "-e", INSTRUCTIONS, "-o"]).arg(counted);
                command.args(["-p", &self.proxy.ids(), "--", client]);
                command
            }
            Perf::Missing => pinned(&self.cores.load, client),
        };
        let scheme = if self.protocol.has_tls() { "https" } else { "http" };
        let url = format!("{scheme}://{}/orders/42", self.proxy.address);
        let bearer = format!("authorization: Bearer {}", self.token);
        if self.protocol.is_http2() {
            let Tokens::Same(_) = self.tokens else {
                return Err("h2load sends one token only".into());
            };
            command.args(["-t", "1", "-c", CONNECTIONS, "-m", STREAMS, "-D", &seconds]);
            command.args(["-H", &bearer, &url]);
            return Ok(command);
        }
        let threads = if self.cores.load.contains('-') { "2" } else { "1" };
        let connections = self.connections.to_string();
        command.args(["-t", threads, "-c", &connections, "-d", &seconds, "--latency"]);
        let file = match self.tokens {
            Tokens::Same(_) => {
                command.args(["-H", &bearer, &url]);
                return Ok(command);
            }
            Tokens::Many => "tokens".to_owned(),
            Tokens::New(algorithm) => new_tokens_file(algorithm),
        };
        command.arg("-s").arg(self.folder.join("tokens.lua"));
        command.arg(&url).arg("--").arg(self.folder.join(file));
        command.arg(if self.once { "once" } else { "again" });
        Ok(command)
    }
}

/// Whether perf counts instructions of a process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Perf {
    Counts,
    Missing,
}

impl Perf {
    pub fn probe() -> Self {
        let output = Command::new("perf")
            .args(["stat", "-x", ";", "-e", INSTRUCTIONS, "--", "true"])
            .output();
        let counts = output.is_ok_and(|output| instructions(&String::from_utf8_lossy(&output.stderr)).is_ok());
        if counts { Self::Counts } else { Self::Missing }
    }
}

/// The sum of the counts in the CSV of perf.
fn instructions(csv: &str) -> Result<f64, Failure> {
    let lines = csv.lines().filter(|line| line.contains("instructions"));
    let counts: Vec<f64> = lines
        .map(|line| line.split(';').next().unwrap_or_default().parse::<f64>())
        .collect::<Result<_, _>>()?;
    match counts.is_empty() {
        true => Err("perf counts nothing".into()),
        false => Ok(counts.iter().sum()),
    }
}

/// The number of requests that wrk reports, if every answer was a success.
fn wrk_requests(text: &str) -> Result<f64, Failure> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err("wrk saw failures".into());
    }
    let line = text.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next());
    positive(count.ok_or("wrk reports no requests")?)
}

/// The same of h2load.
fn h2load_requests(text: &str) -> Result<f64, Failure> {
    let field = |line: &str, name: &str| {
        let line = text.lines().find_map(|text| text.strip_prefix(line))?;
        let part = line.split(',').find(|part| part.trim_end().ends_with(name))?;
        part.split_whitespace().next().map(str::to_owned)
    };
    let failed = field("requests:", " failed").ok_or("h2load reports no requests")?;
    // A response whose head arrived before the end and whose body did not has a status, and is not done.
    let others = [" 3xx", " 4xx", " 5xx"].map(|class| field("status codes:", class));
    if failed != "0" || others.iter().any(|count| count.as_deref() != Some("0")) {
        return Err("h2load saw failures".into());
    }
    let done = field("requests:", " done");
    positive(&done.ok_or("h2load reports no requests")?)
}

fn positive(count: &str) -> Result<f64, Failure> {
    match count.parse()? {
        count if count > 0.0 => Ok(count),
        _ => Err("not one request".into()),
    }
}

/// A latency that wrk prints in a line that begins with its share.
fn percentile(text: &str, share: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(share))?.trim();
    let digits = value.trim_end_matches(char::is_alphabetic);
    let factor = match &value.as_bytes()[digits.len()..] {
        [b'u', b's'] => 1e-6,
        [b'm', b's'] => 1e-3,
        [b's'] => 1.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}
