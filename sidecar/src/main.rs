//! The `actgate` binary: a reverse proxy that authorizes each request by its delegation chain and a policy.
//!
//! [`cli`] has one file for each command. [`config`] reads the configuration, and [`start`] makes a running gate of it:
//! [`server`] accepts connections, [`http1`] limits them, [`proxy`] forwards or denies each request as [`gate`]
//! decides, and [`log`] records the decision.

mod address_text;
mod admin;
mod cli;
mod config;
mod connection;
mod decision_api;
mod exit;
mod files;
mod gate;
mod headers;
mod http1;
mod log;
mod proxy;
mod server;
mod shared_limits;
mod start;
mod trace;
mod unique_id;

use std::process::ExitCode;

use actgate_yaml::Diagnostics;
use clap::{CommandFactory as _, Parser as _};
use tokio::runtime::{self, Runtime};
use tracing::Level;

use crate::cli::arguments::{Arguments, Command, IssuersCommand};
use crate::cli::check::Warnings;
use crate::cli::output::{Output, eprint_line, print_usage};
use crate::cli::source_excerpt::with_excerpts;
use crate::cli::terminal::printable_lines;
use crate::cli::{
    check, demo, explain, health, help, init, issuer, issuers, reload, run, schema, shell, tail, test, token,
};
use crate::exit::{Context as _, Failure};
use crate::log::process_log::ProcessLog;

/// It gives the memory of a flood of long heads back to the system. The allocator of glibc keeps it: 300 MiB of 9,000 heads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return print_usage(&usage),
    };
    let level = arguments.log_level.unwrap_or(arguments.command.default_log_level());
    let log = match ProcessLog::start(level, arguments.log_format) {
        Ok(log) => log,
        Err(error) => {
            eprint_line(&format!("actgate: standard error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = match execute(arguments.command, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            match &failure {
                // A long list may be read slowly, and delays nothing.
                Failure::Configuration(mistakes) => {
                    eprint_line(&log.format_mistakes(mistakes, Diagnostics::to_string));
                }
                Failure::CheckedConfiguration(mistakes) => eprint_line(&log.format_mistakes(mistakes, with_excerpts)),
                _ if text.is_empty() => {}
                // An argument is shown as it is written.
                _ => log.line(Level::ERROR, &printable_lines(&text)),
            }
            failure.code()
        }
    };
    log.close();
    code
}

fn execute(command: Command, log: &ProcessLog) -> Result<(), Failure> {
    match command {
        Command::Check {
            file,
            registry,
            guard,
            strict,
            json,
        } => match (registry, guard) {
            (Some(registry), _) => check::check_registry(&registry, Output::of(json)),
            (None, Some(guard)) => check::check_guard(&guard, Output::of(json)),
            (None, None) => check::check(&file.config, Output::of(json), Warnings::of(strict)),
        },
        Command::Run(file) => {
            // Its requests have threads of their own: see `server::cores`.
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            block_on_runtime(runtime.context("runtime")?, run::run(&file.config, log))
        }
        Command::Reload(arguments) => block_on(reload::reload(&arguments)),
        Command::Health(arguments) => block_on(health::health(&arguments)),
        Command::Tail(arguments) => tail::tail(&arguments),
        Command::Explain(arguments) => block_on(explain::explain(&arguments, log)),
        Command::Test(arguments) => test::test(&arguments),
        Command::Issuer(arguments) => block_on(issuer::issuer(&arguments, log)),
        Command::Token(arguments) => block_on(token::token(&arguments)),
        Command::Issuers { command, json } => match command {
            None => issuers::list(Output::of(json)),
            Some(IssuersCommand::Show { name }) => issuers::show(&name, Output::of(json)),
        },
        Command::Schema { schema } => schema::schema(schema),
        Command::Init(arguments) => init::init(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => shell::man(&arguments, Arguments::command()),
        Command::Help(arguments) => help::help(&arguments),
        Command::Demo { once, json } => block_on(demo::demo(once, Output::of(json))),
    }
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    block_on_runtime(Runtime::new().context("runtime")?, command)
}

fn block_on_runtime(runtime: Runtime, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let result = runtime.block_on(command);
    // Open connections must not delay the end of the process.
    runtime.shutdown_background();
    result
}
