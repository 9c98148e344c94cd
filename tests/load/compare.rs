//! The comparison: rows, alternating rounds, ratios.

use std::path::PathBuf;
use std::time::Duration;

use crate::Failure;
use crate::clients::{Load, Perf, Tokens, Usage};
use crate::programs::{Environment, Program, Protocol};

/// Traffic of one kind, which every proxy gets in turn.
struct Row {
    name: &'static str,
    protocol: Protocol,
    tokens: Tokens,
}

const ROWS: &[Row] = &[
    Row {
        name: "same token",
        protocol: Protocol::Http1,
        tokens: Tokens::Same,
    },
    Row {
        name: "5,000 tokens",
        protocol: Protocol::Http1,
        tokens: Tokens::Many,
    },
    Row {
        name: "HTTP/2, same token",
        protocol: Protocol::Http2,
        tokens: Tokens::Same,
    },
    Row {
        name: "TLS, same token",
        protocol: Protocol::Http1Tls,
        tokens: Tokens::Same,
    },
    Row {
        name: "HTTP/2 over TLS, same token",
        protocol: Protocol::Http2Tls,
        tokens: Tokens::Same,
    },
];

struct Options {
    rounds: usize,
    duration: Duration,
    rows: String,
    binaries: Vec<PathBuf>,
}

/// One proxy in one round.
struct Measured {
    usage: Usage,
    idle: f64,
    peak: f64,
}

/// Runs every row and prints its table.
pub fn compare(options: &[&str]) -> Result<(), Failure> {
    let options = read(options)?;
    let environment = Environment::start()?;
    let perf = Perf::probe();
    println!(
        "the proxy alone on one core, load and upstream on the other; {} rounds of {} s, each program in turn; medians\n\
         instructions: {}",
        options.rounds,
        options.duration.as_secs(),
        match perf {
            Perf::Counts => "counted by perf",
            Perf::Missing => "perf cannot count them on this machine",
        }
    );
    let mut programs = vec![Program::BareHyper, Program::HaProxy];
    programs.extend(options.binaries.iter().cloned().map(Program::Gate));
    let mut failures = Vec::new();
    for row in ROWS.iter().filter(|row| row.name.contains(&options.rows)) {
        let mut measured: Vec<Vec<Measured>> = programs.iter().map(|_| Vec::new()).collect();
        let mut absent: Vec<Option<String>> = programs.iter().map(|_| None).collect();
        for round in 0..options.rounds {
            for turn in 0..programs.len() {
                let at = (round + turn) % programs.len();
                if absent[at].is_some() {
                    continue;
                }
                match measure(&environment, &programs[at], row, options.duration, perf) {
                    Ok(result) => measured[at].push(result),
                    Err(error) => absent[at] = Some(error.to_string()),
                }
            }
        }
        print(row, &programs, &measured);
        let reasons = programs.iter().zip(absent);
        failures.extend(reasons.filter_map(|(program, reason)| Some(format!("{}: {program}: {}", row.name, reason?))));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("without figures:\n{}", failures.join("\n")).into()),
    }
}

fn measure(
    environment: &Environment,
    program: &Program,
    row: &Row,
    duration: Duration,
    perf: Perf,
) -> Result<Measured, Failure> {
    let (proxy, address) = environment.run(program, row.protocol)?;
    let idle = proxy.memory("VmRSS")?;
    let load = Load {
        environment,
        proxy: &proxy,
        address,
        protocol: row.protocol,
        tokens: row.tokens,
    };
    // Fills caches and pools.
    load.run(Duration::from_secs(1), Perf::Missing)?;
    let usage = load.run(duration, perf)?;
    let peak = proxy.memory("VmHWM")?;
    Ok(Measured { usage, idle, peak })
}

fn print(row: &Row, programs: &[Program], measured: &[Vec<Measured>]) {
    println!("\n## {}\n", row.name);
    println!(
        "| program | CPU µs a request | ÷ bare hyper | ÷ HAProxy | instructions | ÷ bare hyper | ÷ HAProxy | p99 ÷ bare hyper | RSS idle MiB | peak |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (program, own) in programs.iter().zip(measured) {
        let ratio = |to: usize, figure: fn(&Measured) -> Option<f64>| {
            let pairs = own.iter().zip(&measured[to]);
            median(pairs.filter_map(|(own, other)| Some(figure(own)? / figure(other)?)))
        };
        let cpu = |measured: &Measured| Some(measured.usage.cpu);
        let instructions = |measured: &Measured| measured.usage.instructions;
        let of_own = |figure: fn(&Measured) -> Option<f64>| median(own.iter().filter_map(figure));
        let cells = [
            of_own(|measured| Some(measured.usage.cpu * 1e6)),
            ratio(0, cpu),
            ratio(1, cpu),
            of_own(instructions),
            ratio(0, instructions),
            ratio(1, instructions),
            ratio(0, |measured| measured.usage.p99),
            of_own(|measured| Some(measured.idle)),
            of_own(|measured| Some(measured.peak)),
        ];
        let cells = cells.map(|cell| cell.map_or("–".to_owned(), |value| format!("{value:.2}")));
        println!("| {program} | {} |", cells.join(" | "));
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => None,
        0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

fn read(words: &[&str]) -> Result<Options, Failure> {
    let mut options = Options {
        rounds: 5,
        duration: Duration::from_secs(3),
        rows: String::new(),
        binaries: Vec::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        match *word {
            "--rounds" => options.rounds = value.parse()?,
            "--seconds" => options.duration = Duration::from_secs(value.parse()?),
            "--rows" => options.rows = (*value).to_owned(),
            "--binary" => options
                .binaries
                .push(std::fs::canonicalize(value).map_err(|error| format!("{value}: {error}"))?),
            _ => return Err(format!("unknown option {word}").into()),
        }
    }
    Ok(options)
}
