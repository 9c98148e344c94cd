//! The comparison: rows, alternating rounds, ratios.

use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;
use crate::bars;
use crate::clients::{Load, Perf, Usage};
use crate::environment::Environment;
use crate::options::Options;
use crate::plot;
use crate::process::Cores;
use crate::programs::{Arrangement, Program, Protocol};
use crate::requests;
use crate::rows::{ROWS, Row, Shape};
use crate::table;
use crate::tokens::Tokens;
use crate::verification;

/// A program as it is run in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrant {
    pub program: Program,
    pub cores: Cores,
}

/// One program in one round.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub usage: Usage,
    /// Resident memory in MiB: before the load, and the most.
    pub idle: f64,
    pub peak: f64,
}

/// Everything that was measured of a row.
pub struct Results {
    pub row: &'static Row,
    pub entrants: Vec<Entrant>,
    /// Of each entrant, by round.
    pub measured: Vec<Vec<Measured>>,
    /// The seconds of one verification on the core of the proxies, by round, where each token is new.
    pub verification: Vec<f64>,
}

impl Results {
    /// What was measured of a program on one core, by round.
    pub fn on_one_core(&self, program: &Program) -> Option<&[Measured]> {
        self.of(program, |cores| !cores.are_two())
    }

    /// What was measured of a program on two cores, by round.
    pub fn on_two_cores(&self, program: &Program) -> Option<&[Measured]> {
        self.of(program, Cores::are_two)
    }

    fn of(&self, program: &Program, on: impl Fn(&Cores) -> bool) -> Option<&[Measured]> {
        let mut entrants = self.entrants.iter().zip(&self.measured);
        let found = entrants.find(|(entrant, _)| entrant.program == *program && on(&entrant.cores));
        found.map(|(_, measured)| measured.as_slice())
    }
}

/// Runs every row and prints its table, and the bars at the end.
pub fn compare(words: &[&str]) -> Result<(), Failure> {
    let options = Options::read(words)?;
    let mut environment = Environment::start(options.envoy.clone())?;
    let perf = Perf::probe();
    println!(
        "{} rounds of {} s, each program in turn; medians\ninstructions: {}",
        options.rounds,
        options.duration.as_secs(),
        match perf {
            Perf::Counts => "counted by perf",
            Perf::Missing => "perf cannot count them on this machine",
        }
    );
    let mut failures = Vec::new();
    let mut all = Vec::new();
    for row in ROWS.iter().filter(|row| row.name.contains(&options.rows)) {
        let (entrants, skipped): (Vec<_>, Vec<_>) = entrants(row, &options.binaries)
            .into_iter()
            .partition(|entrant| options.envoy.is_some() || !entrant.program.is_envoy());
        println!("\n## {}\n", row.name);
        for program in skipped.iter().map(|entrant| &entrant.program) {
            println!("SKIPPED, as Envoy is not installed: {program}\n");
        }
        if entrants.is_empty() {
            continue;
        }
        if let Tokens::New(algorithm) = row.tokens {
            environment.mint_new(algorithm, options.new_tokens())?;
        }
        let (results, absent) = run(&mut environment, row, entrants, &options, perf)?;
        table::print(&results);
        failures.extend(absent);
        all.push(results);
    }
    bars::print(&all, &options);
    if let Err(error) = plot::write(&all, &options) {
        failures.push(format!("the plot: {error}"));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("without figures:\n{}", failures.join("\n")).into()),
    }
}

/// The programs of a row, each build of actgate at the end.
fn entrants(row: &Row, binaries: &[PathBuf]) -> Vec<Entrant> {
    let gate: fn(PathBuf) -> Program = match row.shape {
        Shape::ExtAuthz => Program::EnvoyAsks,
        _ => Program::Gate,
    };
    let programs = row.beside.iter().cloned().chain(binaries.iter().cloned().map(gate));
    let arrangements = match row.shape {
        Shape::TwoCores => Cores::one_and_two().to_vec(),
        _ => vec![Cores::apart()],
    };
    let entrant = |program: Program| {
        let own = arrangements.iter().cloned();
        own.map(move |cores| Entrant {
            program: program.clone(),
            cores,
        })
    };
    programs.flat_map(entrant).collect()
}

/// Measures each entrant in each round, and returns why one has no figures.
fn run(
    environment: &mut Environment,
    row: &'static Row,
    entrants: Vec<Entrant>,
    options: &Options,
    perf: Perf,
) -> Result<(Results, Vec<String>), Failure> {
    let mut results = Results {
        row,
        measured: entrants.iter().map(|_| Vec::new()).collect(),
        entrants,
        verification: Vec::new(),
    };
    let count = results.entrants.len();
    let mut absent: Vec<Option<String>> = vec![None; count];
    for round in 0..options.rounds {
        if let Tokens::New(algorithm) = row.tokens {
            let core = &Cores::apart().proxy;
            let seconds = verification::seconds(core, algorithm, environment.folder())?;
            results.verification.push(seconds);
        }
        for at in (0..count).map(|turn| (round + turn) % count) {
            if absent[at].is_some() {
                continue;
            }
            match measure(environment, &results.entrants[at], row, options, perf) {
                Ok(measured) => results.measured[at].push(measured),
                Err(error) => absent[at] = Some(error.to_string()),
            }
        }
    }
    let reasons = results.entrants.iter().zip(absent);
    let reasons =
        reasons.filter_map(|(entrant, reason)| Some(format!("{}: {}: {}", row.name, entrant.program, reason?)));
    let reasons = reasons.collect();
    Ok((results, reasons))
}

fn measure(
    environment: &mut Environment,
    entrant: &Entrant,
    row: &Row,
    options: &Options,
    perf: Perf,
) -> Result<Measured, Failure> {
    let algorithm = row.tokens.algorithm();
    let arrangement = Arrangement {
        protocol: row.protocol,
        algorithm,
        cores: entrant.cores.clone(),
        listen: None,
    };
    let proxy = entrant.program.start(environment, &arrangement)?;
    let idle = proxy.memory("VmRSS")?;
    let checks_tokens = entrant.program.checks_tokens();
    if checks_tokens && row.protocol == Protocol::Http1 {
        requests::check(proxy.address, environment.token(algorithm))?;
    }
    let load = Load {
        proxy: &proxy,
        cores: &entrant.cores,
        protocol: row.protocol,
        tokens: row.tokens,
        connections: row.connections,
        token: environment.token(algorithm),
        folder: environment.folder(),
        once: checks_tokens,
    };
    if options.warms_up() {
        // Fills caches and pools, but not with tokens that have to be new.
        let tokens = match row.tokens {
            Tokens::New(_) => Tokens::Same(algorithm),
            tokens => tokens,
        };
        Load { tokens, ..load }.run(Duration::from_secs(1), Perf::Missing)?;
    }
    let usage = load.run(options.duration, perf)?;
    let peak = proxy.memory("VmHWM")?;
    Ok(Measured { usage, idle, peak })
}

/// The median of the ratios of two programs, round by round.
pub fn ratio(own: &[Measured], other: &[Measured], figure: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
    let pairs = own.iter().zip(other);
    median(pairs.filter_map(|(own, other)| Some(figure(own)? / figure(other)?)))
}

pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => None,
        0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}
