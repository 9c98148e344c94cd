//! The README's example of the library, in a crate of its own with the README's dependencies.

use std::fs;
use std::process::Command;

use crate::structure::source::root;

/// `cargo test -p actgate-tests -- --ignored readme::`, which `.ci/run` does.
#[test]
#[ignore = "it can download crates that the workspace does not use"]
fn the_example_of_the_library_compiles_with_the_dependencies_beside_it() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("The library\n"));
    let section = section.expect("a section `The library`");
    let (dependencies, example) = (block(section, "toml"), block(section, "rust"));
    let path = "path = \"../actgate/middleware\"";
    assert!(dependencies.contains(path), "{dependencies}");
    let middleware = root().join("middleware");
    let dependencies = dependencies.replace(path, &format!("path = {middleware:?}"));

    // With the lock file, the profile and the target folder of the workspace, most crates are compiled already.
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, profile) = workspace.split_once("[profile.dev]").expect("a profile");
    let package = "[workspace]\n[package]\nname = \"readme\"\nedition = \"2024\"\n";
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "Cargo.toml",
        &format!("{package}{dependencies}\n[profile.dev]{profile}"),
    );
    fs::create_dir(folder.path().join("src")).unwrap();
    write("src/lib.rs", example);
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();

    let checked = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--target-dir"])
        .arg(root().join("target"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{errors}");
}

/// The first block of `language` in `section`.
fn block<'s>(section: &'s str, language: &str) -> &'s str {
    let (_, after) = section.split_once(&format!("```{language}")).expect(language);
    let (_, text) = after.split_once('\n').expect("a block");
    text.split("```").next().unwrap_or_default()
}
