//! The programs of the load comparison: the bare hyper proxy, the upstream, and what runs and measures them all.
//! `tests/load/run` builds and starts it.

mod clients;
mod compare;
#[path = "../mint/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod mint;
mod process;
mod programs;
mod servers;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["upstream"] => servers::upstream(),
        ["proxy", protocol, upstream, folder] => servers::proxy(protocol, upstream, folder),
        ["compare", options @ ..] => compare::compare(options),
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
