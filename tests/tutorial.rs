//! The tutorial of the policy examples: its files, its commands and what they print.

use std::fs;

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::gate::binary;
use crate::structure::source::root;

/// The blocks of code of a text, each with its language.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = text.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.split_once('\n'))
}

/// Whether an output has a line. An ellipsis is any rest.
fn shows(output: &str, line: &str) -> bool {
    match line.split_once('…') {
        Some((start, _)) => output.lines().any(|shown| shown.starts_with(start)),
        None => output.lines().any(|shown| shown == line),
    }
}

#[test]
fn every_command_of_the_tutorial_prints_what_it_says() {
    let readme = fs::read_to_string(root().join("policy-examples/README.md")).unwrap();
    let (_, tutorial) = readme.split_once("## A policy from the first line").unwrap();
    let (tutorial, _) = tutorial.split_once("\n## ").unwrap();
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("orders-policy")).unwrap();
    let mut output = String::new();
    let mut commands = 0;
    for (language, block) in blocks(tutorial) {
        match language {
            "yaml" => {
                let (name, _) = block.split_once('\n').unwrap();
                fs::write(folder.path().join(name.trim_start_matches("# ")), block).unwrap();
            }
            "json" => fs::write(folder.path().join("claims.json"), block).unwrap(),
            "sh" => {
                let mut words = block.split_whitespace();
                assert_eq!(words.next(), Some("actgate"), "{block}");
                let mut command = std::process::Command::new(binary());
                output = output_text(&command.args(words).current_dir(folder.path()).output().unwrap());
                commands += 1;
            }
            "text" => {
                for line in block.lines() {
                    assert!(shows(&output, line), "{line}\n---\n{output}");
                }
            }
            "console" => {}
            other => panic!("{other}"),
        }
    }
    assert!(output.contains("1 of 5 cases failed"), "{output}");
    assert_eq!(commands, 5);
}
