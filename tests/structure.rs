//! What the compiler cannot hold: the size of files, the direction of imports, the names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library. Each imports only from those before it.
const ORDER: &[&str] = &[
    "limits",
    "error",
    "clock",
    "json",
    "yaml",
    "target",
    "credential",
    "keys",
    "token",
    "chain",
    "policy",
    "identity",
    "challenge",
    "trust",
    "authorizer",
    "explanation",
    "layer",
    "testing",
];

/// What the two pure modules must not know, and what stands for it in code.
const IMPURE: &[&str] = &[
    "http::",
    "tokio::",
    "SystemTime",
    "Instant",
    "crate::keys",
    "crate::clock",
    "aws_lc_rs",
];

const MOST_LINES: usize = 400;
const EXCUSE: &str = "//! Longer than 400 lines because ";

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "common", "manager", "managers", "handler", "handlers", "misc",
];

#[test]
fn no_file_is_longer_than_400_lines_without_a_reason() {
    let mut long = Vec::new();
    for file in rust_files(&root()) {
        let text = fs::read_to_string(&file).unwrap();
        let lines = code(&text).count();
        if lines > MOST_LINES && !text.lines().any(|line| line.starts_with(EXCUSE)) {
            long.push(format!("{}: {lines} lines", inside(&file)));
        }
    }
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn file_names_are_nouns_of_the_field() {
    let empty: Vec<PathBuf> = rust_files(&root())
        .into_iter()
        .filter(|file| {
            let path = file.strip_prefix(root()).unwrap().with_extension("");
            path.iter()
                .any(|name| EMPTY_NAMES.contains(&name.to_string_lossy().as_ref()))
        })
        .collect();
    assert!(empty.is_empty(), "{empty:?}");
}

#[test]
fn the_library_imports_only_downwards() {
    let library = Library::read();
    let mut upward = Vec::new();
    for (file, text) in &library.files {
        let Some(position) = position(&file.module) else {
            upward.push(format!("{}: its module has no place in the order", inside(&file.path)));
            continue;
        };
        for name in paths_after(text, "crate::") {
            let module = library.module_of(&name);
            let down = module == file.module || self::position(&module).is_some_and(|imported| imported < position);
            if !down {
                upward.push(format!("{}: crate::{name}", inside(&file.path)));
            }
        }
    }
    assert!(upward.is_empty(), "\n{}", upward.join("\n"));
    assert!(!library.files.is_empty());
}

#[test]
fn files_of_one_folder_import_each_other_without_a_ring() {
    let library = Library::read();
    let modules: BTreeSet<&str> = library.files.iter().map(|(file, _)| file.module.as_str()).collect();
    for module in modules {
        let edges = library.edges_inside(module);
        if let Some(ring) = ring(&edges) {
            panic!("middleware/src/{module}: {}", ring.join(" -> "));
        }
    }
}

#[test]
fn policy_and_chain_know_no_http_type_clock_key_or_runtime() {
    let library = Library::read();
    let mut seen = BTreeSet::new();
    for (file, text) in library
        .files
        .iter()
        .filter(|(file, _)| ["policy", "chain"].contains(&file.module.as_str()))
    {
        seen.insert(file.module.as_str());
        for word in IMPURE {
            assert!(!mentions(text, word), "{}: {word}", inside(&file.path));
        }
    }
    assert_eq!(seen.len(), 2, "policy and chain were not found");
}

#[test]
fn the_readme_shows_the_two_commands() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["cargo run -- demo", "cargo test --workspace"] {
        assert!(readme.contains(command), "{command}");
    }
}

#[test]
fn the_checks_see_what_they_are_there_for() {
    assert_eq!(paths_after("use crate::keys::KeySet;", "crate::"), ["keys::KeySet"]);
    assert_eq!(
        paths_after("use crate::{error::Error, keys::{a, b},\n    Policy};", "crate::"),
        ["error::Error", "keys::a", "keys::b", "Policy"]
    );
    assert_eq!(
        code("a\n/// crate::x\n#[cfg(test)]\nmod tests {\n}").collect::<Vec<_>>(),
        ["a", "/// crate::x"]
    );
    assert!(mentions("use http::Method;", "http::") && !mentions("use my_http::Method;", "http::"));
    let edges = |pairs: &[(&str, &str)]| -> BTreeMap<String, BTreeSet<String>> {
        let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
        for (from, to) in pairs {
            edges.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        edges
    };
    assert_eq!(ring(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    assert_eq!(
        ring(&edges(&[("a", "b"), ("b", "c"), ("c", "b")])).unwrap(),
        ["b", "c", "b"]
    );
}

/// The library's code, without comments and unit tests.
struct Library {
    files: Vec<(SourceFile, String)>,
    /// What the root offers under a shorter name, with the module it comes from.
    root_names: BTreeMap<String, String>,
}

struct SourceFile {
    path: PathBuf,
    /// The first part of its module path, such as `keys`.
    module: String,
    /// Its name inside that module; `mod` for the folder's own file.
    name: String,
}

impl Library {
    fn read() -> Library {
        let source = root().join("middleware/src");
        let mut files = Vec::new();
        let mut root_names = BTreeMap::new();
        for path in rust_files(&source) {
            let text = without_comments(&fs::read_to_string(&path).unwrap());
            let inside = path.strip_prefix(&source).unwrap().with_extension("");
            let parts: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if parts == ["lib"] {
                root_names = offered_names(&text);
                continue;
            }
            let name = if parts.len() == 1 {
                "mod".to_owned()
            } else {
                parts[1..].join("/")
            };
            files.push((
                SourceFile {
                    path,
                    module: parts[0].clone(),
                    name,
                },
                text,
            ));
        }
        Library { files, root_names }
    }

    /// The module behind a path that follows `crate::`.
    fn module_of(&self, path: &str) -> String {
        let first = first_of(path);
        self.root_names.get(first).cloned().unwrap_or_else(|| first.to_owned())
    }

    /// Which file of a folder imports which other one.
    fn edges_inside(&self, module: &str) -> BTreeMap<String, BTreeSet<String>> {
        let files = || self.files.iter().filter(|(file, _)| file.module == module);
        let names: BTreeSet<&str> = files().map(|(file, _)| file.name.as_str()).collect();
        let offered = files()
            .find(|(file, _)| file.name == "mod")
            .map(|(_, text)| offered_names(text))
            .unwrap_or_default();
        let mut edges = BTreeMap::new();
        for (file, text) in files() {
            let mut paths = paths_after(text, &format!("crate::{module}::"));
            if file.name == "mod" {
                // What the folder's own file declares or offers is no import; what it uses itself is one.
                for line in text.lines().filter(|line| line.starts_with("use ")) {
                    paths.extend(
                        paths_after(line, "use ")
                            .into_iter()
                            .filter(|path| names.contains(first_of(path))),
                    );
                }
                paths.extend(paths_after(text, "self::"));
            } else {
                paths.extend(paths_after(text, "super::"));
            }
            let to: BTreeSet<String> = paths
                .iter()
                .filter(|path| !path.starts_with("super"))
                .map(|path| {
                    let first = first_of(path);
                    match offered.get(first) {
                        _ if names.contains(first) => first.to_owned(),
                        Some(sibling) => sibling.clone(),
                        None => "mod".to_owned(),
                    }
                })
                .filter(|to| *to != file.name)
                .collect();
            edges.insert(file.name.clone(), to);
        }
        edges
    }
}

fn first_of(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

fn position(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

/// The names of `pub use module::{Name, …}` lines, each with its module.
fn offered_names(text: &str) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for start in ["pub use ", "pub(crate) use ", "pub(super) use "] {
        for path in paths_after(text, start) {
            if let (Some((module, _)), Some((_, name))) = (path.split_once("::"), path.rsplit_once("::")) {
                names.insert(name.to_owned(), module.to_owned());
            }
        }
    }
    names
}

/// Every path that follows `start` in the text, groups in braces written out.
fn paths_after(text: &str, start: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices(start) {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_') {
            continue;
        }
        spell_out(&text[at + start.len()..], "", &mut paths);
    }
    paths
}

/// Reads one path or one group in braces; returns what follows it.
fn spell_out<'a>(text: &'a str, prefix: &str, paths: &mut Vec<String>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut group) = text.strip_prefix('{') {
        loop {
            group = group.trim_start_matches([' ', '\n', ',']);
            if let Some(rest) = group.strip_prefix('}') {
                return rest;
            }
            let rest = spell_out(group, prefix, paths);
            if rest.len() == group.len() {
                return rest;
            }
            group = rest;
        }
    }
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = format!("{prefix}{name}");
    match rest.strip_prefix("::") {
        Some(rest) if rest.starts_with(|c: char| c == '{' || c == '_' || c.is_alphanumeric()) => {
            spell_out(rest, &format!("{path}::"), paths)
        }
        _ => {
            if !name.is_empty() {
                paths.push(path);
            }
            rest
        }
    }
}

/// Some ring among the edges, its first member repeated at its end.
fn ring(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(at: &str, edges: &BTreeMap<String, BTreeSet<String>>, trail: &mut Vec<String>) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|seen| seen == at) {
            let mut ring = trail[start..].to_vec();
            ring.push(at.to_owned());
            return Some(ring);
        }
        trail.push(at.to_owned());
        let found = edges
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| walk(next, edges, trail));
        trail.pop();
        found
    }
    edges.keys().find_map(|start| walk(start, edges, &mut Vec::new()))
}

/// Whether `word` stands in the text as a word of its own.
fn mentions(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

/// The lines before the unit tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let tests = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..tests].lines()
}

fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = code(text).filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// A path as it stands in the repository.
fn inside(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
