//! What connections, tokens and large policies add.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use crate::Failure;
use crate::bars::{self, Bar, Must};
use crate::clients::{Load, Perf};
use crate::compare::median;
use crate::configurations::{self, ANY, POLICY};
use crate::environment::Environment;
use crate::mint::{ISSUER, chain};
use crate::options::Options;
use crate::process::{Cores, Running};
use crate::programs::{Arrangement, Program, Protocol, gate};
use crate::requests::Connection;
use crate::table::cell;
use crate::tokens::{self, Algorithm, Tokens};

/// Connections that are open and idle.
const IDLE: usize = 10_000;
/// Tokens after which the memory is read.
const DISTINCT: [usize; 2] = [200_000, 1_000_000];
/// Connections that send the tokens.
const SENDERS: usize = 8;
/// No token is sent after this time.
const LONGEST: Duration = Duration::from_secs(240);

/// Prints the three tables, and their bars.
pub fn scale(words: &[&str]) -> Result<(), Failure> {
    let options = Options::read(words)?;
    let mut environment = Environment::start(None)?;
    let mut of_gates: Vec<Vec<Bar>> = options.binaries.iter().map(|_| Vec::new()).collect();
    print_idle(&mut environment, &options, &mut of_gates)?;
    print_distinct(&mut environment, &options, &mut of_gates)?;
    print_cases(&mut environment, &options)?;
    for (path, bars) in options.binaries.iter().zip(of_gates) {
        bars::print_table(&path.display().to_string(), &bars);
    }
    Ok(())
}

fn print_idle(environment: &mut Environment, options: &Options, bars: &mut [Vec<Bar>]) -> Result<(), Failure> {
    // A proxy has a second connection for each in its limit.
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let possible = usize::try_from(files.saturating_sub(200) / 2)?;
    let count = if options.smoke { 500 } else { IDLE.min(possible) };
    println!(
        "\n## {} idle connections of HTTP/1.1, after one request each\n",
        thousands(count)
    );
    if count < IDLE && !options.smoke {
        println!(
            "As many of {} as the limit of {files} open files permits.\n",
            thousands(IDLE)
        );
    }
    println!("| program | KiB of resident memory a connection | ÷ bare hyper |\n|---|--:|--:|");
    let bare = idle(environment, &Program::BareHyper, count)?;
    println!(
        "| {} | {} | {} |",
        Program::BareHyper,
        cell(Some(bare)),
        cell(Some(1.0))
    );
    for (path, bars) in options.binaries.iter().zip(bars) {
        let own = idle(environment, &Program::Gate(path.clone()), count)?;
        let ratio = Some(own / bare);
        println!("| {} | {} | {} |", path.display(), cell(Some(own)), cell(ratio));
        let what = "resident memory of an idle connection ÷ bare hyper";
        bars.push(Bar::new("scale", what, Must::AtMost(1.2), ratio));
    }
    Ok(())
}

/// The KiB that each of `count` connections adds.
fn idle(environment: &mut Environment, program: &Program, count: usize) -> Result<f64, Failure> {
    let cores = Cores::apart();
    let proxy = match program {
        Program::Gate(path) => {
            let upstream = environment.upstream(&cores)?;
            let text = configurations::gate(ANY, upstream, Protocol::Http1);
            // With some to spare for those that are not closed yet.
            let text = format!("max_connections: {}\n{text}", count + 50);
            gate(path, environment.folder(), &text, &cores)?.start()?
        }
        other => other.start(environment, &plain(&cores))?,
    };
    let token = environment.token(Algorithm::Es256);
    let ask = || {
        let mut connection = Connection::open(proxy.address)?;
        match connection.ask(token)? {
            200 => Ok::<_, Failure>(connection),
            status => Err(format!("{program}: {status} on a new connection").into()),
        }
    };
    // What the first requests allocate is not of a connection.
    for _ in 0..200 {
        ask()?;
    }
    let before = proxy.memory("VmRSS")?;
    let connections: Vec<Connection> = (0..count).map(|_| ask()).collect::<Result<_, _>>()?;
    let after = proxy.memory("VmRSS")?;
    Ok((after - before) * 1024.0 / connections.len() as f64)
}

fn print_distinct(environment: &mut Environment, options: &Options, bars: &mut [Vec<Bar>]) -> Result<(), Failure> {
    let counts = if options.smoke { [1_000, 4_000] } else { DISTINCT };
    println!(
        "\n## {} distinct tokens (EdDSA), each sent once\n",
        thousands(counts[1])
    );
    println!(
        "| program | tokens | seconds | RSS MiB idle | after {} | at the end | ÷ |\n|---|--:|--:|--:|--:|--:|--:|",
        thousands(counts[0])
    );
    for (path, bars) in options.binaries.iter().zip(bars) {
        let proxy = Program::Gate(path.clone()).start(environment, &plain(&Cores::apart()))?;
        let (sent, start) = (AtomicUsize::new(0), Instant::now());
        let idle = proxy.memory("VmRSS")?;
        send_distinct(environment, &proxy, &sent, counts[0], start + LONGEST)?;
        let first = proxy.memory("VmRSS")?;
        send_distinct(environment, &proxy, &sent, counts[1], start + LONGEST)?;
        let last = proxy.memory("VmRSS")?;
        let (sent, seconds) = (sent.into_inner(), start.elapsed().as_secs_f64());
        let figures = [seconds, idle, first, last, last / first].map(|value| cell(Some(value)));
        println!("| {} | {} | {} |", path.display(), thousands(sent), figures.join(" | "));
        if sent < counts[1] {
            println!("\nNo more tokens in {} s.\n", LONGEST.as_secs());
        }
        let (sent, first_count) = (thousands(sent), thousands(counts[0]));
        let what = format!("resident memory after {sent} distinct tokens ÷ after {first_count}");
        bars.push(Bar::new("scale", what, Must::AtMost(1.1), Some(last / first)));
    }
    Ok(())
}

/// Sends tokens that are made meanwhile, until `count` are sent or the time is over.
fn send_distinct(
    environment: &Environment,
    proxy: &Running,
    sent: &AtomicUsize,
    count: usize,
    deadline: Instant,
) -> Result<(), Failure> {
    let issuer = &environment.issuer;
    let send = || {
        let mut connection = Connection::open(proxy.address)?;
        while Instant::now() < deadline {
            if sent.fetch_add(1, Ordering::Relaxed) >= count {
                sent.fetch_sub(1, Ordering::Relaxed);
                break;
            }
            let status = connection.ask(&tokens::token(issuer, Algorithm::EdDsa, json!({})))?;
            if status != 200 {
                return Err(format!("{status} for a new token").into());
            }
        }
        Ok::<_, Failure>(())
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        let results = senders.into_iter().map(|sender| sender.join().expect("a sender"));
        results.collect()
    })
}

/// A configuration of the gate, with the token that it allows.
struct Case {
    name: &'static str,
    issuers: String,
    policy: String,
    changes: Value,
}

fn cases() -> [Case; 4] {
    let case = |name| Case {
        name,
        issuers: configurations::issuers([ISSUER]),
        policy: POLICY.to_owned(),
        changes: json!({}),
    };
    let names: Vec<String> = (1..=20).map(|at| format!("https://idp-{at}.example.com")).collect();
    let routes: String = (1..1_000)
        .map(|at| {
            format!(
                "  - match: GET /area-{at}/{{id}}\n    scopes: [area-{at}:read]\n    require: [human-must-initiate]\n"
            )
        })
        .collect();
    let actors: Vec<String> = (1..16).map(|at| format!("planner-{at}")).collect();
    let actors: Vec<&str> = std::iter::once("refund-agent")
        .chain(actors.iter().map(String::as_str))
        .collect();
    [
        case("small: two routes, two actors, one issuer"),
        Case {
            policy: POLICY.to_owned() + &routes,
            ..case("1,000 routes")
        },
        Case {
            policy: POLICY.replace("max_depth: 2", "max_depth: 16"),
            changes: json!({ "act": chain(&actors) }),
            ..case("a chain of 16 actors")
        },
        Case {
            issuers: configurations::issuers(names.iter().map(String::as_str)),
            changes: json!({ "iss": names.last() }),
            ..case("20 issuers")
        },
    ]
}

fn print_cases(environment: &mut Environment, options: &Options) -> Result<(), Failure> {
    let (cores, cases, perf) = (Cores::apart(), cases(), Perf::probe());
    let upstream = environment.upstream(&cores)?;
    for path in &options.binaries {
        println!("\n## The same token, 32 connections: {}\n", path.display());
        println!("| configuration | CPU µs a request | ÷ small | instructions | ÷ small |\n|---|--:|--:|--:|--:|");
        let mut measured: Vec<Vec<[Option<f64>; 2]>> = cases.iter().map(|_| Vec::new()).collect();
        for round in 0..options.rounds {
            for at in (0..cases.len()).map(|turn| (round + turn) % cases.len()) {
                let case = &cases[at];
                let text = configurations::gate_with(ANY, upstream, Protocol::Http1, &case.issuers, &case.policy);
                let token = tokens::token(&environment.issuer, Algorithm::Es256, case.changes.clone());
                let usage = of_case(path, environment.folder(), &text, &token, options, perf);
                measured[at].push(usage.map_err(|error| format!("{}: {error}", case.name))?);
            }
        }
        for (case, own) in cases.iter().zip(&measured) {
            let figure = |at: usize| median(own.iter().filter_map(|figures| figures[at]));
            let ratio = |at: usize| {
                let pairs = own.iter().zip(&measured[0]);
                median(pairs.filter_map(|(own, small)| Some(own[at]? / small[at]?)))
            };
            let cells = [figure(0).map(|cpu| cpu * 1e6), ratio(0), figure(1), ratio(1)].map(cell);
            println!("| {} | {} |", case.name, cells.join(" | "));
        }
    }
    Ok(())
}

/// The processor time and the instructions of a request.
fn of_case(
    path: &Path,
    folder: &Path,
    configuration: &str,
    token: &str,
    options: &Options,
    perf: Perf,
) -> Result<[Option<f64>; 2], Failure> {
    let cores = Cores::apart();
    let proxy = gate(path, folder, configuration, &cores)?.start()?;
    let load = Load {
        proxy: &proxy,
        cores: &cores,
        protocol: Protocol::Http1,
        tokens: Tokens::Same(Algorithm::Es256),
        connections: 32,
        token,
        folder,
        once: false,
    };
    if options.warms_up() {
        load.run(Duration::from_secs(1), Perf::Missing)?;
    }
    let usage = load.run(options.duration, perf)?;
    Ok([Some(usage.cpu), usage.instructions])
}

fn plain(cores: &Cores) -> Arrangement {
    Arrangement {
        protocol: Protocol::Http1,
        algorithm: Algorithm::Es256,
        cores: cores.clone(),
        listen: None,
    }
}

/// A number with a comma before each three digits.
fn thousands(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1_000), number % 1_000),
    }
}
