//! Values with their places, and lists that may be written as a single value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The newtype names that the deserializer recognises.
pub(crate) const SPANNED: &str = "$actgate_yaml::Spanned";
pub(crate) const ONE_OR_MANY: &str = "$actgate_yaml::OneOrMany";

/// A place in a document. Lines and columns count from 1, columns in characters; 0 means unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Span {
    /// A value at the place.
    pub(crate) fn of<T>(self, value: T) -> Spanned<T> {
        Spanned {
            value,
            line: self.line,
            column: self.column,
        }
    }

    /// The place in one number, as the deserializer hands it to [`Spanned`].
    pub(crate) fn packed(self) -> u64 {
        self.line << 32 | self.column
    }
}

/// A value together with its place. The place is unknown unless the value was read by [`read`](crate::read).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its line.
    pub line: u64,
    /// Its column.
    pub column: u64,
}

impl<T> Spanned<T> {
    /// The place alone.
    pub fn span(&self) -> Span {
        Span {
            line: self.line,
            column: self.column,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Placed<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Placed<T> {
            type Value = (u64, T);
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(u64, T), A::Error> {
                map.next_entry()?.ok_or_else(|| A::Error::invalid_length(0, &self))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<(u64, T), D::Error> {
                T::deserialize(other).map(|value| (0, value))
            }
        }
        let (place, value) = deserializer.deserialize_newtype_struct(SPANNED, Placed(PhantomData))?;
        Ok(Spanned {
            value,
            line: place >> 32,
            column: place & u64::from(u32::MAX),
        })
    }
}

/// A list, which is written as its only item where it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Deref for OneOrMany<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list of them")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany<T>, A::Error> {
                std::iter::from_fn(|| items.next_element().transpose())
                    .collect::<Result<_, _>>()
                    .map(OneOrMany)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, other: D) -> Result<OneOrMany<T>, D::Error> {
                other.deserialize_seq(self)
            }
        }
        deserializer.deserialize_newtype_struct(ONE_OR_MANY, Items(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read;

    #[test]
    fn a_value_knows_its_place_wherever_it_is() {
        #[derive(Debug, serde::Deserialize)]
        struct Places {
            a: Spanned<Vec<Spanned<String>>>,
            b: Option<Spanned<u8>>,
            c: std::collections::BTreeMap<String, OneOrMany<Spanned<bool>>>,
        }
        let text = "a:\n  - ä\n  - { x: y }\n".replace("{ x: y }", "\"é\"") + "b: 7\nc: { é: true, f: [false] }\n";
        let places = read::<Places>(&text).value.unwrap();
        let of = |span: Span| (span.line, span.column);
        assert_eq!(of(places.a.span()), (2, 3));
        assert_eq!(of(places.a.value[1].span()), (3, 5));
        assert_eq!(of(places.b.unwrap().span()), (4, 4));
        assert_eq!(of(places.c["é"].0[0].span()), (5, 9));
        assert_eq!(of(places.c["f"].0[0].span()), (5, 19));
    }

    #[test]
    fn a_key_knows_its_place() {
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        struct Key(String, u64, u64);
        impl<'de> Deserialize<'de> for Key {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let Spanned { value, line, column } = Spanned::<String>::deserialize(deserializer)?;
                Ok(Key(value, line, column))
            }
        }
        let keys = read::<std::collections::BTreeMap<Key, u8>>("a: 1\n\n'é':\n  2\n")
            .value
            .unwrap();
        let keys: Vec<(&str, u64, u64)> = keys
            .keys()
            .map(|Key(text, line, column)| (&**text, *line, *column))
            .collect();
        assert_eq!(keys, [("a", 1, 1), ("é", 3, 1)]);
    }

    #[test]
    fn other_formats_have_no_places() {
        let value: Spanned<u8> = serde_json::from_str("7").unwrap();
        assert_eq!((value.value, value.span()), (7, Span::default()));
        let list: OneOrMany<u8> = serde_json::from_str("[7]").unwrap();
        assert_eq!(list, OneOrMany(vec![7]));
    }
}
