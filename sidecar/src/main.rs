//! The `actgate` binary: a reverse proxy that judges every request by who acts, and on whose authority.
//!
//! A request takes one way: [`wire`] watches its bytes, [`head`] refuses what has two readings, the library judges it, [`decision_log`]
//! writes the verdict down, and [`gate`] forwards or refuses it. [`config`] reads the file that says how, [`serve`] holds the sockets. The
//! commands are [`run`], [`check`], `explain`, `issuer` and `demo`.

mod admin;
mod check;
mod claimed_chain;
mod cli;
mod config;
mod decision_id;
mod decision_log;
mod demo;
mod exit;
mod explain;
mod form;
mod gate;
mod head;
mod header_name;
mod hop;
mod identity_headers;
mod issuer;
mod line_writer;
mod open_files;
mod own_names;
mod process_log;
mod refusal;
mod run;
mod serve;
mod stops;
mod terminal;
mod tree;
mod upstream;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use crate::check::Output;
use crate::cli::{Cli, Command};
use crate::demo::Staying;
use crate::exit::Failure;
use crate::process_log::ProcessLog;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = cli.log_level.unwrap_or(cli.command.default_log_level());
    let log = match ProcessLog::start(level, cli.log_format) {
        Ok(log) => log,
        Err(error) => {
            terminal::tell(&format!("actgate: standard error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = match outcome(cli.command, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = failure.to_string();
            match failure {
                // A list to be read from the beginning, by a pager if need be; nothing runs yet that would be held up.
                Failure::Configuration(_) => terminal::tell(&told),
                _ if told.is_empty() => {}
                _ => log.tell(&told),
            }
            failure.code()
        }
    };
    log.close();
    code
}

fn outcome(command: Command, log: &ProcessLog) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime("runtime", error))?;
    let outcome = runtime.block_on(act(command, log));
    // Connections that are cut off must not hold the process up.
    runtime.shutdown_background();
    outcome
}

async fn act(command: Command, log: &ProcessLog) -> Result<(), Failure> {
    match command {
        Command::Run(file) => run::run(&file.config, log).await,
        Command::Check { file, json } => check::check(&file.config, output(json)),
        Command::Explain(arguments) => explain::explain(&arguments, output(arguments.json)).await,
        Command::Issuer(arguments) => issuer::issuer(&arguments).await,
        Command::Demo { once, json } => demo::demo(staying(once), output(json)).await,
    }
}

fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}

fn staying(once: bool) -> Staying {
    if once { Staying::Once } else { Staying::Up }
}
