//! The table of a row.

use crate::compare::{Measured, Results, median, ratio};
use crate::programs::Program;
use crate::rows::Shape;
use crate::tokens::Tokens;

pub fn print(results: &Results) {
    match results.row.shape {
        Shape::TwoCores => print_two_cores(results),
        _ => print_alone(results),
    }
    if results.row.shape == Shape::ExtAuthz {
        for (entrant, own) in results.entrants.iter().zip(&results.measured) {
            let alone = median(own.iter().map(|measured| measured.usage.own_cpu * 1e6));
            println!("\n{}: {} µs of it are of Envoy", entrant.program, cell(alone));
        }
    }
    if let (Tokens::New(algorithm), Some(seconds)) = (results.row.tokens, median(results.verification.iter().copied()))
    {
        println!("\none verification of {}: {:.2} µs", algorithm.name(), seconds * 1e6);
    }
}

/// The first program of the row is what the others are compared with, and HAProxy where it is in the row.
fn print_alone(results: &Results) {
    let first = &results.entrants[0].program;
    let haproxy = [Program::HaProxy, Program::HaProxyJwt];
    let haproxy = haproxy.iter().find_map(|program| results.on_one_core(program));
    println!(
        "| program | CPU µs a request | ÷ first | ÷ HAProxy | instructions | ÷ first | ÷ HAProxy | p50 ms | p99 ms | \
         p99 ÷ first | RSS idle MiB | peak |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (entrant, own) in results.entrants.iter().zip(&results.measured) {
        let to = |other: Option<&[Measured]>, figure: fn(&Measured) -> Option<f64>| ratio(own, other?, figure);
        let first = results.on_one_core(first);
        let instructions = |measured: &Measured| measured.usage.instructions;
        let of_own = |figure: fn(&Measured) -> Option<f64>| median(own.iter().filter_map(figure));
        let cells = [
            of_own(|measured| Some(measured.usage.cpu * 1e6)),
            to(first, cpu),
            to(haproxy, cpu),
            of_own(instructions),
            to(first, instructions),
            to(haproxy, instructions),
            of_own(|measured| Some(measured.usage.p50? * 1e3)),
            of_own(|measured| Some(measured.usage.p99? * 1e3)),
            to(first, |measured| measured.usage.p99),
            of_own(|measured| Some(measured.idle)),
            of_own(|measured| Some(measured.peak)),
        ];
        println!("| {} | {} |", entrant.program, cells.map(cell).join(" | "));
    }
    print_builds(results);
}

/// What the first build of actgate needs, compared with the others.
fn print_builds(results: &Results) {
    let is_build = |program: &&Program| matches!(program, Program::Gate(_) | Program::EnvoyAsks(_));
    let mut builds = results.entrants.iter().map(|entrant| &entrant.program).filter(is_build);
    let Some(first) = builds.next() else { return };
    for other in builds {
        let figures = results.on_one_core(first).zip(results.on_one_core(other));
        let ratio = figures.and_then(|(first, other)| ratio(first, other, cpu));
        println!("\nCPU a request: {first} ÷ {other}: {}", cell(ratio));
    }
}

fn print_two_cores(results: &Results) {
    println!(
        "| program | requests a second on one core | on two | ÷ | CPU µs a request on one core | on two | ÷ |\n\
         |---|--:|--:|--:|--:|--:|--:|"
    );
    for entrant in results.entrants.iter().filter(|entrant| !entrant.cores.are_two()) {
        let one = results.on_one_core(&entrant.program).unwrap_or_default();
        let two = results.on_two_cores(&entrant.program).unwrap_or_default();
        let middle = |own: &[Measured], figure: fn(&Measured) -> Option<f64>| median(own.iter().filter_map(figure));
        let micros = |measured: &Measured| Some(measured.usage.cpu * 1e6);
        let cells = [
            middle(one, rate),
            middle(two, rate),
            ratio(two, one, rate),
            middle(one, micros),
            middle(two, micros),
            ratio(two, one, cpu),
        ];
        println!("| {} | {} |", entrant.program, cells.map(cell).join(" | "));
    }
    if results.entrants.iter().any(|entrant| entrant.cores.are_shared()) {
        println!("\nThe load and the upstream take their time from the same two cores: no program can reach 2.");
    }
}

pub fn cpu(measured: &Measured) -> Option<f64> {
    Some(measured.usage.cpu)
}

pub fn rate(measured: &Measured) -> Option<f64> {
    measured.usage.rate
}

pub fn cell(value: Option<f64>) -> String {
    value.map_or("–".to_owned(), |value| match value {
        value if value >= 1_000.0 => format!("{value:.0}"),
        value => format!("{value:.2}"),
    })
}
