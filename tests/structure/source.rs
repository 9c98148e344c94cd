//! Reads source files: the module each file is, its lines before the unit tests, and the paths in its code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::structure::paths::{self, CodePath};

/// A source file of a crate.
pub struct SourceFile {
    /// The path in the repository.
    pub path: String,
    /// The module path, such as `["policy", "rules"]`; empty for `lib.rs` and `main.rs`.
    pub module: Vec<String>,
    /// Whether the file declares the modules of its folder: `lib.rs`, `main.rs` and `mod.rs`.
    pub declares_folder: bool,
    /// The text before the unit tests.
    pub code: String,
    /// The text from the unit tests on.
    pub tests: String,
    /// The paths in the code.
    pub paths: Vec<CodePath>,
}

impl SourceFile {
    /// The file `inside` a crate's `folder`, for example `policy/mod.rs` inside `middleware/src`.
    pub fn new(folder: &str, inside: &Path, text: &str) -> Self {
        let stem = inside.with_extension("");
        let mut module: Vec<String> = stem.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let declares_folder = match module.last().map(String::as_str) {
            Some("mod") => true,
            Some("lib" | "main") => module.len() == 1,
            _ => false,
        };
        if declares_folder {
            module.pop();
        }
        let (code, tests) = text.split_at(text.find("#[cfg(test)]\nmod ").unwrap_or(text.len()));
        Self {
            path: format!("{folder}/{}", inside.display()),
            module,
            declares_folder,
            code: code.to_owned(),
            tests: tests.to_owned(),
            paths: paths::paths(code),
        }
    }

    /// Whether the code follows its unit tests.
    pub fn continues_after_tests(&self) -> bool {
        let end = self.tests.find("\n}\n");
        end.is_some_and(|end| !self.tests[end + 3..].trim().is_empty())
    }

    /// The paths with `name` among their segments, written out.
    pub fn mentions(&self, name: &str) -> Vec<String> {
        let with_name = |path: &&CodePath| path.segments.iter().any(|segment| segment == name);
        self.paths
            .iter()
            .filter(with_name)
            .map(|path| path.segments.join("::"))
            .collect()
    }
}

/// The source files below `folder` of the repository.
pub fn read(folder: &str) -> Vec<SourceFile> {
    let source = root().join(folder);
    let files = files_below(&source)
        .into_iter()
        .filter(|path| has_extension(path, "rs"));
    files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            SourceFile::new(folder, path.strip_prefix(&source).unwrap(), &text)
        })
        .collect()
}

/// All files below `folder`, sorted, without build output and hidden folders.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.is_dir() {
            files.push(path);
        } else if name != "target" && (!name.starts_with('.') || name == ".ci") {
            files.extend(files_below(&path));
        }
    }
    files.sort();
    files
}

pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// The paths of the files that are in the repository.
pub fn tracked_files() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let listed = String::from_utf8(listed.expect("git runs").stdout).expect("paths in UTF-8");
    listed.lines().map(str::to_owned).collect()
}

/// The path of a file in the repository.
pub fn in_repository(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}
