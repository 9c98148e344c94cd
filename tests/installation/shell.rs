//! `actgate completions` and `actgate man`.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::gate::{binary, run_to_end};

/// The words that bash offers after `line`, by the completions of the binary.
fn offered(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let script = format!(
        "source <('{}' completions bash)\n\
         COMP_WORDS=({line}); COMP_CWORD={}\n\
         _actgate actgate \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        binary().display(),
        words.len() - 1
    );
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", output_text(&output));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn bash_completes_commands_arguments_and_values() {
    assert_eq!(offered("actgate exp"), ["explain"]);
    assert_eq!(offered("actgate run --conf"), ["--config"]);
    assert_eq!(offered("actgate schema dec"), ["decision-log"]);
    assert!(offered("actgate token ").contains(&"login".to_owned()));
}

#[test]
fn completions_exist_for_other_shells() {
    for (shell, part) in [
        ("zsh", "#compdef actgate"),
        ("fish", "complete -c actgate"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = run_to_end(&["completions", shell], "");
        assert_eq!(output.status.code(), Some(0));
        assert!(output_text(&output).contains(part), "{shell}");
    }
    assert_eq!(run_to_end(&["completions", "tcsh"], "").status.code(), Some(2));
}

#[test]
fn each_command_has_a_page_whose_examples_keep_their_lines() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("share/man1");
    let output = run_to_end(&["man", "--folder", &pages.to_string_lossy()], "");
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    let names: Vec<_> = fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    for name in [
        "actgate.1",
        "actgate-run.1",
        "actgate-token-login.1",
        "actgate-issuers-show.1",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let run = fs::read_to_string(pages.join("actgate-run.1")).unwrap();
    let notes = run.split_once(".SH NOTES\n.nf\n").expect("notes").1;
    assert!(notes.contains("\n\\&  \\- match: GET /projects/{id}\n"), "{notes}");
    let credentials = fs::read_to_string(pages.join("actgate-token-client-credentials.1")).unwrap();
    assert!(
        credentials.contains("actgate token client\\-credentials"),
        "{credentials}"
    );
    let overview = run_to_end(&["man"], "");
    assert_eq!(
        output_text(&overview),
        fs::read_to_string(pages.join("actgate.1")).unwrap()
    );
}
