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
mod own_names;
mod refusal;
mod run;
mod serve;
mod stops;
mod terminal;
mod tree;
mod upstream;
mod wire;

use std::{io, process::ExitCode};

use clap::Parser as _;
use tracing::level_filters::LevelFilter;

use crate::{
    check::Output,
    cli::{Cli, Command, LogFormat, LogLevel},
    demo::Staying,
    exit::Failure,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.log_level.unwrap_or(cli.command.default_log_level()), cli.log_format);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::tell(&format!("actgate: runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(act(cli.command));
    // Connections that are cut off must not hold the process up.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let told = failure.to_string();
            if !told.is_empty() {
                terminal::tell(&told);
            }
            failure.code()
        }
    }
}

async fn act(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(file) => run::run(&file.config).await,
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

fn log_to_stderr(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
