//! The configuration of each provider: the binary reads it without a mistake.

use std::fs;
use std::path::PathBuf;

use actgate::profile::Profile;

use crate::check::output_text;
use crate::deployment::gate::run_to_end;
use crate::schemas::SCHEMA_LINE;
use crate::structure::source::root;

/// Most lines of one example, without the one that names its schema for editors.
const MAX_LINES: usize = 12;

fn folder() -> PathBuf {
    root().join("sidecar/examples/providers")
}

#[test]
fn every_preset_has_a_configuration_of_a_few_lines() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    let mut expected: Vec<String> = Profile::names().iter().map(|name| format!("{name}.yaml")).collect();
    files.sort();
    expected.sort();
    assert_eq!(files, expected);
    for name in Profile::names() {
        let text = fs::read_to_string(folder().join(format!("{name}.yaml"))).expect("the example");
        assert!(text.starts_with("# Replace: "), "{name}");
        let lines = text.lines().filter(|line| !line.starts_with(SCHEMA_LINE));
        assert!(lines.count() <= MAX_LINES, "{name} is too long");
        assert!(
            text.contains(&format!("    profile: {name}\n")),
            "{name} has another profile"
        );
    }
}

#[test]
fn the_binary_reads_every_example() {
    for name in Profile::names() {
        let path = folder().join(format!("{name}.yaml"));
        let output = run_to_end(&["check", "--config", &path.to_string_lossy()], "");
        let said = output_text(&output);
        assert!(output.status.success(), "{name}: {said}");
        // The files of a cluster are on its machines.
        let mut warnings = said.lines().filter(|line| line.starts_with("warning"));
        assert!(
            warnings.all(|line| line.contains("/var/run/secrets/")),
            "{name}: {said}"
        );
    }
}

#[test]
fn the_table_of_providers_names_every_example() {
    let page = fs::read_to_string(folder().join("README.md")).expect("the table");
    for name in Profile::names() {
        let link = format!("| [{name}.yaml]({name}.yaml) |");
        assert_eq!(page.matches(&link).count(), 1, "{name}");
    }
}
