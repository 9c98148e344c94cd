//! ARCHITECTURE.md names every product file, and no other.

use std::fs;

use crate::structure::order::CRATES;
use crate::structure::source::{self, root};

#[test]
fn the_map_names_every_file_and_no_other() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut differences = Vec::new();
    for (folder, _) in CRATES {
        let files: Vec<String> = source::read(folder).into_iter().map(|file| file.path).collect();
        let named: Vec<String> = named(&page, folder).map(|name| format!("{folder}/{name}")).collect();
        for name in named.iter().filter(|name| !root().join(name).exists()) {
            differences.push(format!("{name} does not exist"));
        }
        // A row can name a whole folder; the files that declare modules need no row.
        let is_named = |file: &String| {
            named
                .iter()
                .any(|name| file == name || name.ends_with('/') && file.starts_with(name))
        };
        let is_declaration = |file: &&String| ["lib.rs", "mod.rs"].iter().any(|name| file.ends_with(name));
        for file in files.iter().filter(|file| !is_declaration(file) && !is_named(file)) {
            differences.push(format!("{file} is not named"));
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// The paths in the first column of the table under the heading with `folder`.
fn named<'p>(page: &'p str, folder: &str) -> impl Iterator<Item = &'p str> {
    let heading = format!("`{folder}`");
    let section = page
        .split("\n## ")
        .find(|section| section.lines().next().is_some_and(|line| line.contains(&heading)));
    let rows = section
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split(" |").next());
    cells.flat_map(|cell| {
        cell.split('`')
            .filter(|name| name.ends_with(".rs") || name.ends_with('/') || name.ends_with(".yaml"))
    })
}
