//! The `actgate` binary: a reverse proxy that judges every request by who acts, and on whose authority.
//!
//! A request takes one way: [`http1`] watches its bytes, [`gate`] refuses what has two readings, the library judges it, [`log`]
//! writes the verdict down, and [`proxy`] forwards or refuses it. [`config`] reads the file that says how, [`server`] holds the sockets. The
//! commands are in [`cli`].

mod admin;
mod cli;
mod config;
mod exit;
mod gate;
mod headers;
mod http1;
mod log;
mod proxy;
mod server;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::arguments::{Cli, Command};
use crate::cli::check::Output;
use crate::cli::demo::Staying;
use crate::exit::Failure;
use crate::log::process_log::ProcessLog;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let level = cli.log_level.unwrap_or(cli.command.default_log_level());
    let log = match ProcessLog::start(level, cli.log_format) {
        Ok(log) => log,
        Err(error) => {
            cli::terminal::tell(&format!("actgate: standard error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = match outcome(cli.command, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = failure.to_string();
            match failure {
                // A list to be read from the beginning, by a pager if need be; nothing runs yet that would be held up.
                Failure::Configuration(_) => cli::terminal::tell(&told),
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
        Command::Run(file) => cli::run::run(&file.config, log).await,
        Command::Check { file, json } => cli::check::check(&file.config, output(json)),
        Command::Explain(arguments) => cli::explain::explain(&arguments, output(arguments.json)).await,
        Command::Issuer(arguments) => cli::issuer::issuer(&arguments).await,
        Command::Demo { once, json } => cli::demo::demo(staying(once), output(json)).await,
    }
}

fn output(json: bool) -> Output {
    if json { Output::Json } else { Output::Text }
}

fn staying(once: bool) -> Staying {
    if once { Staying::Once } else { Staying::Up }
}
