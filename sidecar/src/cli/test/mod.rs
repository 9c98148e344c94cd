//! The command `test`: runs the cases of policies.

mod bench;
mod case_report;
mod coverage_report;
mod junit;
mod report;
mod suite;

use actgate::clock::Clock;
use actgate_yaml::Diagnostics;
use serde::Serialize;

use self::junit::Junit;
use self::report::Report;
use self::suite::Suite;
use crate::cli::arguments::TestArguments;
use crate::cli::output::{Output, print, print_json};
use crate::exit::{Context as _, Failure};
use crate::files::text_file::write_text;

/// Runs every case that the filters leave, and prints the results. [`Failure::Denied`] where one is not as expected, or the coverage of a
/// policy is below the minimum.
pub(crate) fn test(arguments: &TestArguments) -> Result<(), Failure> {
    let suites = match &arguments.config {
        Some(config) => Suite::of_configuration(config, &arguments.cases).map(|suite| vec![suite]),
        None => Suite::of_folders(&arguments.folders),
    };
    let suites = match suites {
        Err(Failure::CheckedConfiguration(diagnostics)) if arguments.json => {
            print_json(&Mistakes {
                ok: false,
                diagnostics: &diagnostics,
            })?;
            return Err(Failure::ConfigurationReported);
        }
        suites => suites?,
    };
    if let Some(file) = &arguments.junit
        && suites.iter().any(|suite| suite.reads(file))
    {
        let message = format!(
            "`--junit {}` would replace a file of the cases or the policy",
            file.display()
        );
        return Err(Failure::Usage(message));
    }
    let now = Clock::system().now();
    let report = Report::of(&suites, arguments, now)?;
    if let Some(file) = &arguments.junit {
        write_text(file, &Junit(&report).to_string()).context(file.display())?;
    }
    match Output::of(arguments.json) {
        Output::Json => print_json(&report)?,
        Output::Text => print(&report.to_string())?,
    }
    match report.is_passed() {
        true => Ok(()),
        false => Err(Failure::Denied),
    }
}

/// What is wrong with the files, so that no case was run.
#[derive(Serialize)]
struct Mistakes<'a> {
    ok: bool,
    diagnostics: &'a Diagnostics,
}
