//! Random changes to the text of a token.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A change to the text of a token; the result is ASCII.
#[derive(Clone, Debug)]
pub enum Edit {
    Replace(Index, char),
    Insert(Index, char),
    Remove(Index),
    Cut(Index),
    Double(Index),
    SwapParts(Index, Index),
}

pub fn edit() -> impl Strategy<Value = Edit> {
    let character = || {
        prop_oneof![
            select("ABab01-_.=+/ \t\n\"%".chars().collect::<Vec<_>>()),
            proptest::char::range('!', '~')
        ]
    };
    prop_oneof![
        (any::<Index>(), character()).prop_map(|(at, with)| Edit::Replace(at, with)),
        (any::<Index>(), character()).prop_map(|(at, with)| Edit::Insert(at, with)),
        any::<Index>().prop_map(Edit::Remove),
        any::<Index>().prop_map(Edit::Cut),
        any::<Index>().prop_map(Edit::Double),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Edit::SwapParts(one, other)),
    ]
}

impl Edit {
    /// The text with this change.
    pub fn apply(&self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        if characters.is_empty() {
            return String::new();
        }
        let length = characters.len();
        match self {
            Edit::Replace(at, with) => characters[at.index(length)] = *with,
            Edit::Insert(at, with) => characters.insert(at.index(length + 1), *with),
            Edit::Remove(at) => {
                characters.remove(at.index(length));
            }
            Edit::Cut(at) => characters.truncate(at.index(length)),
            Edit::Double(at) => {
                let at = at.index(length);
                characters.insert(at, characters[at]);
            }
            Edit::SwapParts(one, other) => {
                let mut parts: Vec<&str> = text.split('.').collect();
                let count = parts.len();
                parts.swap(one.index(count), other.index(count));
                return parts.join(".");
            }
        }
        characters.into_iter().collect()
    }
}
