//! The programs of the load comparison: the bare hyper proxy, the upstream, and what runs and measures them all.
//! `tests/load/run` builds and starts it.

mod bars;
mod clients;
mod compare;
mod configurations;
mod environment;
mod gate_output;
mod least_gate;
#[path = "../mint/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod mint;
mod options;
mod plot;
mod process;
mod programs;
mod relay;
mod requests;
mod rows;
mod scale;
mod servers;
mod start;
mod table;
mod tokens;
mod verification;

use std::process::ExitCode;

use least_gate::LeastGate;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["upstream"] => servers::upstream(),
        ["authorize"] => servers::authorize(),
        ["proxy", address, protocol, upstream, folder] => servers::proxy(address, protocol, upstream, folder, None),
        ["writing-proxy", address, protocol, upstream, folder] => LeastGate::that_writes(folder.as_ref())
            .and_then(|gate| servers::proxy(address, protocol, upstream, folder, Some(gate))),
        ["verifying-proxy", address, protocol, upstream, folder] => LeastGate::that_verifies(folder.as_ref())
            .and_then(|gate| servers::proxy(address, protocol, upstream, folder, Some(gate))),
        ["relay", address, upstream] => relay::relay(address, upstream),
        ["verify", algorithm, folder] => verification::verify(algorithm, folder),
        ["compare", options @ ..] => compare::compare(options),
        ["scale", options @ ..] => scale::scale(options),
        ["start", options @ ..] => start::start(options),
        _ => Err(format!("unknown arguments {words:?}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tests/load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A failure, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;
