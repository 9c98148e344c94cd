//! The JSON Schemas of `sidecar/schemas`, in the examples and beside what actgate itself rejects.

pub mod mistakes;

use std::fs;
use std::path::{Path, PathBuf};

use crate::structure::source::{files_below, has_extension, root};

/// What the line of an example begins with that names its schema for yaml-language-server.
pub const SCHEMA_LINE: &str = "# yaml-language-server: $schema=";

/// A kind of documents with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    Policy,
    Cases,
    Configuration,
}

impl Document {
    pub const ALL: [Document; 3] = [Document::Policy, Document::Cases, Document::Configuration];

    /// As the command `schema` names it.
    pub fn name(self) -> &'static str {
        match self {
            Document::Policy => "policy",
            Document::Cases => "cases",
            Document::Configuration => "configuration",
        }
    }

    /// Its schema.
    pub fn schema(self) -> PathBuf {
        root().join(format!("sidecar/schemas/{}.schema.json", self.name()))
    }

    /// Every example of it in the repository.
    pub fn examples(self) -> Vec<PathBuf> {
        let files = ["policy-examples", "sidecar/examples"].map(|folder| files_below(&root().join(folder)));
        let mut examples: Vec<PathBuf> = files.into_iter().flatten().collect();
        examples.retain(|path| has_extension(path, "yaml") && Document::of_example(path) == Some(self));
        examples
    }

    /// [`None`] for the registry of an issuer and for a list of revoked tokens, which have no schema.
    fn of_example(path: &Path) -> Option<Document> {
        match &*path.file_name()?.to_string_lossy() {
            "registry.yaml" | "revoked.yaml" => None,
            "policy.yaml" => Some(Document::Policy),
            "cases.yaml" => Some(Document::Cases),
            _ => Some(Document::Configuration),
        }
    }
}

#[test]
fn each_example_names_its_schema_in_one_of_its_first_lines() {
    for (document, least) in Document::ALL.into_iter().zip([60, 60, 25]) {
        let examples = document.examples();
        assert!(examples.len() >= least, "{document:?}: {examples:?}");
        for path in examples {
            let text = fs::read_to_string(&path).unwrap();
            let named: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(SCHEMA_LINE)).collect();
            let [named] = named[..] else {
                panic!("{}: {named:?}", path.display());
            };
            let schema = path.parent().unwrap().join(named);
            let schema = schema.canonicalize();
            let schema = schema.unwrap_or_else(|error| panic!("{}: {named}: {error}", path.display()));
            assert_eq!(schema, document.schema().canonicalize().unwrap(), "{}", path.display());
            let comments = text.lines().take_while(|line| line.starts_with('#'));
            assert!(
                comments.take(3).any(|line| line.starts_with(SCHEMA_LINE)),
                "{}",
                path.display()
            );
        }
    }
}
