//! The imports of a crate: which file uses an item of which other file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::structure::paths::{CodePath, PathSource};
use crate::structure::source::{self, SourceFile};

/// A crate and its imports.
pub struct Crate {
    pub files: Vec<SourceFile>,
}

impl Crate {
    /// Reads the crate whose sources are in `folder`.
    pub fn read(folder: &str) -> Self {
        let files = source::read(folder);
        assert!(!files.is_empty(), "{folder} has no source file");
        Self { files }
    }

    /// A crate of these files, each with its path inside `src`.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile::new("src", Path::new(path), text);
        Self {
            files: files.iter().map(file).collect(),
        }
    }

    /// The imports that do not go down `floors`, the ground floor first; modules of one floor import nothing of each other.
    /// `lib.rs` and `main.rs` are above all floors.
    pub fn upward_imports(&self, floors: &[&[&str]]) -> Vec<String> {
        let mut upward = Vec::new();
        let floor = |file: &SourceFile| match file.module.first() {
            None => Some(floors.len()),
            Some(module) => floors.iter().position(|floor| floor.contains(&module.as_str())),
        };
        for file in self.files.iter().filter(|file| floor(file).is_none()) {
            upward.push(format!("{}: its module is not in the order", file.path));
        }
        for (from, to) in self.imports() {
            let (from, to) = (&self.files[from], &self.files[to]);
            if from.module.first() != to.module.first() && floor(to) >= floor(from) {
                upward.push(format!("{} imports {}", from.path, to.path));
            }
        }
        upward
    }

    /// For each folder the ring between its files and folders, if there is one.
    pub fn rings(&self) -> Vec<String> {
        let imports = self.imports();
        let folders = self.files.iter().filter(|file| file.declares_folder);
        folders
            .filter_map(|folder| {
                let depth = folder.module.len();
                // A file inside a nested folder counts as that folder.
                let member = |file: &SourceFile| {
                    let inside = file.module.starts_with(&folder.module);
                    inside.then(|| file.module.get(depth).cloned().unwrap_or_else(|| "mod".to_owned()))
                };
                let mut edges = BTreeMap::<String, BTreeSet<String>>::new();
                for (from, to) in &imports {
                    if let (Some(from), Some(to)) = (member(&self.files[*from]), member(&self.files[*to]))
                        && from != to
                    {
                        edges.entry(from).or_default().insert(to);
                    }
                }
                ring(&edges).map(|ring| format!("{}: {}", folder.path, ring.join(" -> ")))
            })
            .collect()
    }

    /// The imports between files, as pairs of positions in `files`.
    fn imports(&self) -> BTreeSet<(usize, usize)> {
        let mut imports = BTreeSet::new();
        for (from, file) in self.files.iter().enumerate() {
            for path in &file.paths {
                if let Some(to) = self.resolve(file, &path.scope, &path.segments)
                    && to != from
                    && !self.is_reexport(file, path, to)
                {
                    imports.insert((from, to));
                }
            }
        }
        imports
    }

    /// Whether `path` only offers an item from inside the folder that `file` declares.
    fn is_reexport(&self, file: &SourceFile, path: &CodePath, to: usize) -> bool {
        let PathSource::Use {
            exported,
            named_in_code,
            ..
        } = path.source
        else {
            return false;
        };
        file.declares_folder && exported && !named_in_code && self.files[to].module.starts_with(&file.module)
    }

    /// The file that a path leads to; `None` for a path into another crate.
    fn resolve(&self, file: &SourceFile, scope: &[String], segments: &[String]) -> Option<usize> {
        let mut module = [file.module.as_slice(), scope].concat();
        let mut rest = segments;
        match rest.first()?.as_str() {
            "crate" => {
                module.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                let child = [module.as_slice(), &[first.to_owned()]].concat();
                if self.file_of(&child).is_none() {
                    // A name that a `use` item of this file brings into scope, such as `keys` in `keys::fetch`.
                    let item = imported(file, scope, first).filter(|path| path.segments != segments)?;
                    let behind = [item.segments.as_slice(), &rest[1..]].concat();
                    return if item.segments[0] == first {
                        None
                    } else {
                        self.resolve(file, &item.scope, &behind)
                    };
                }
            }
        }
        self.walk(module, rest)
    }

    /// The file of the item at `rest`, seen from `module`: the deepest module on the way, or where its `use` item leads.
    fn walk(&self, mut module: Vec<String>, mut rest: &[String]) -> Option<usize> {
        while let Some(next) = rest.first() {
            module.push(next.clone());
            if self.file_of(&module).is_none() {
                module.pop();
                break;
            }
            rest = &rest[1..];
        }
        // An inline module belongs to the file around it.
        while self.file_of(&module).is_none() && module.pop().is_some() {}
        let at = self.file_of(&module)?;
        let file = &self.files[at];
        let reexport = rest.first().and_then(|name| imported(file, &[], name));
        let behind = reexport.and_then(|path| self.resolve(file, &path.scope, &path.segments));
        Some(behind.unwrap_or(at))
    }

    /// The file of a module.
    fn file_of(&self, module: &[String]) -> Option<usize> {
        self.files.iter().position(|file| file.module == module)
    }
}

/// The `use` item of `file` that brings `name` into the scope of an inline module, or of the file.
fn imported<'f>(file: &'f SourceFile, scope: &[String], name: &str) -> Option<&'f CodePath> {
    let brings = |path: &&CodePath| matches!(&path.source, PathSource::Use { name: found, .. } if found == name);
    file.paths.iter().filter(|path| path.scope == scope).find(brings)
}

/// A ring among the edges, its first member repeated at its end.
fn ring(edges: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'e>(
        at: &'e str,
        edges: &'e BTreeMap<String, BTreeSet<String>>,
        trail: &mut Vec<&'e str>,
        done: &mut BTreeSet<&'e str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|seen| *seen == at) {
            let ring = trail[start..].iter().chain([&at]);
            return Some(ring.map(|name| (*name).to_owned()).collect());
        }
        if !done.insert(at) {
            return None;
        }
        trail.push(at);
        let next = edges.get(at).into_iter().flatten();
        let found = next.into_iter().find_map(|next| visit(next, edges, trail, done));
        trail.pop();
        found
    }
    let mut done = BTreeSet::new();
    edges
        .keys()
        .find_map(|start| visit(start, edges, &mut Vec::new(), &mut done))
}
