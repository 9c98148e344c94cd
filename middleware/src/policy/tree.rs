//! A policy as its text has it, with places, for what is read beside the rules.

use std::collections::BTreeMap;
use std::fmt;

use actgate_yaml::{Span, Spanned};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value with the place of every key and every item. Its nesting is bounded by the reader of the document.
#[derive(Debug)]
pub(crate) enum Tree {
    /// Each value with the place of its key.
    Mapping(BTreeMap<String, (Span, Spanned<Tree>)>),
    List(Vec<Spanned<Tree>>),
    Text(String),
    Other,
}

impl Tree {
    /// The value of a key of a mapping.
    pub(crate) fn member(&self, key: &str) -> Option<&Spanned<Tree>> {
        match self {
            Tree::Mapping(members) => members.get(key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The place of a key of a mapping.
    pub(crate) fn key_span(&self, key: &str) -> Option<Span> {
        match self {
            Tree::Mapping(members) => members.get(key).map(|(span, _)| *span),
            _ => None,
        }
    }

    /// The items of a list; none of another value.
    pub(crate) fn items(&self) -> &[Spanned<Tree>] {
        match self {
            Tree::List(items) => items,
            _ => &[],
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyTree;
        impl<'de> Visitor<'de> for AnyTree {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_none<E>(self) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
                let items = std::iter::from_fn(|| items.next_element().transpose());
                items.collect::<Result<_, _>>().map(Tree::List)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
                let pairs = std::iter::from_fn(|| members.next_entry::<Spanned<String>, _>().transpose());
                let placed = pairs.map(|pair| pair.map(|(key, value)| (key.value.clone(), (key.span(), value))));
                placed.collect::<Result<_, _>>().map(Tree::Mapping)
            }
        }
        deserializer.deserialize_any(AnyTree)
    }
}
