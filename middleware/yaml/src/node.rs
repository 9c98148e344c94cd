//! A document as a tree of nodes, each with its place.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::diagnostic::Diagnostic;
use crate::spanned::{Span, Spanned};
use crate::syntax;

/// Deepest nesting of lists and mappings: bounds the stack that parsing takes.
const MAX_DEPTH: usize = 32;

/// One value of a document.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
    /// The keys of a mapping that were left out, and those that unknown ones most likely mean.
    pub(crate) lost: Vec<String>,
    /// Whether an earlier pair of the mapping has the same key.
    pub(crate) repeated: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// Parses one document. An empty one is an empty mapping.
    pub(crate) fn parse(text: &str) -> Result<Node, Diagnostic> {
        let options = serde_saphyr::options! {
            strict_booleans: true,
            with_snippet: false,
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
            // Reported with the other mistakes, when the pair is read.
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        };
        let mut root: Node =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| syntax::diagnostic(&error, text))?;
        if matches!(root.kind, Kind::Null) {
            root.kind = Kind::Mapping(Vec::new());
        }
        Ok(root)
    }

    /// The node at the end of a path.
    pub(crate) fn at(&mut self, path: &[usize]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, index| match &mut node.kind {
            Kind::Sequence(items) => items.get_mut(*index),
            Kind::Mapping(pairs) => pairs.get_mut(*index).map(|(_, value)| value),
            _ => None,
        })
    }

    /// Leaves out an item or a pair; `meant` is the key that an unknown one most likely means.
    pub(crate) fn remove(&mut self, index: usize, meant: Option<&str>) {
        match &mut self.kind {
            Kind::Sequence(items) => drop(items.remove(index)),
            Kind::Mapping(pairs) => self.lost.push(pairs.remove(index).0.value),
            _ => {}
        }
        self.lost.extend(meant.map(str::to_owned));
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Node {
            span: spanned.referenced.into(),
            kind: spanned.value,
            lost: Vec::new(),
            repeated: false,
        })
    }
}

impl From<serde_saphyr::Location> for Span {
    fn from(location: serde_saphyr::Location) -> Self {
        Span {
            line: location.line(),
            column: location.column(),
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyKind;
        impl<'de> Visitor<'de> for AnyKind {
            type Value = Kind;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Kind, E> {
                Ok(Kind::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
                Ok(Kind::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
                Ok(Kind::Unsigned(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
                Ok(Kind::Signed(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
                Ok(Kind::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
                Ok(Kind::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
                let items = std::iter::from_fn(|| items.next_element().transpose());
                items.collect::<Result<_, _>>().map(Kind::Sequence)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                let (mut pairs, mut keys) = (Vec::new(), HashSet::new());
                while let Some((key, mut value)) = map.next_entry::<serde_saphyr::Spanned<String>, Node>()? {
                    value.repeated = !keys.insert(key.value.clone());
                    pairs.push((Span::from(key.referenced).of(key.value), value));
                }
                Ok(Kind::Mapping(pairs))
            }
        }
        deserializer.deserialize_any(AnyKind)
    }
}
