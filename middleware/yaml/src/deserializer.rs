//! The deserializer over a tree of nodes. A mistake names the innermost node being read.
//!
//! What reads a value is not inlined: it would be repeated for each key of that type.

use std::iter::once;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::mistake::Mistake;
use crate::node::{Kind, Node};
use crate::spanned::{ONE_OR_MANY, SPANNED, Spanned};

/// Reads one node.
#[derive(Clone, Copy)]
pub(crate) struct NodeDeserializer<'de>(pub(crate) &'de Node);

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Mistake;

    #[inline(never)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let read = match &self.0.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Unsigned(value) => visitor.visit_u64(*value),
            Kind::Signed(value) => visitor.visit_i64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(value) => visitor.visit_borrowed_str(value),
            Kind::Sequence(items) => visitor.visit_seq(Items { items, index: 0 }),
            Kind::Mapping(pairs) => {
                let mut pairs = Pairs {
                    pairs,
                    index: 0,
                    key: None,
                };
                let read = visitor.visit_map(&mut pairs);
                read.map_err(|mistake| pairs.of_key(mistake))
            }
        };
        read.map_err(|mistake| mistake.at(self.0.span))
    }

    /// No value is a mistake even where a key is optional: a check that was commented out would be gone unnoticed.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0.kind {
            Kind::Null => Err(Mistake::missing_value().at(self.0.span)),
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        match (name, &self.0.kind) {
            (SPANNED, _) => visitor.visit_map(MapDeserializer::new(once((self.0.span.packed(), self)))),
            (ONE_OR_MANY, Kind::Sequence(_)) => self.deserialize_any(visitor),
            (ONE_OR_MANY, _) => visitor.visit_seq(SeqDeserializer::new(once(self))),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let read = match (name.strip_prefix("shorthand "), &self.0.kind) {
            (_, Kind::Mapping(_) | Kind::Null) => self.deserialize_any(visitor),
            (Some(key), _) => visitor.visit_map(MapDeserializer::new(once((key, self)))),
            // The visitors that serde derives would take a list for the fields in their order.
            (None, Kind::Sequence(_)) => Err(Mistake::invalid_type(Unexpected::Seq, &visitor)),
            (None, _) => self.deserialize_any(visitor),
        };
        read.map_err(|mistake| mistake.at(self.0.span))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match &self.0.kind {
            Kind::Text(word) => {
                let read = visitor.visit_enum(BorrowedStrDeserializer::new(word));
                read.map_err(|mistake: Mistake| mistake.at(self.0.span))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for NodeDeserializer<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// The items of a list.
struct Items<'de> {
    items: &'de [Node],
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mistake;

    #[inline(never)]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some(item) = self.items.get(self.index) else {
            return Ok(None);
        };
        let read = seed.deserialize(NodeDeserializer(item));
        self.index += 1;
        read.map(Some)
            .map_err(|mistake| mistake.at(item.span).within(self.index - 1))
    }
}

/// Reads a key, which can be [`Spanned`].
#[derive(Clone, Copy)]
struct KeyDeserializer<'de>(&'de Spanned<String>);

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_borrowed_str(&self.0.value)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        match name {
            SPANNED => visitor.visit_map(MapDeserializer::new(once((self.0.span().packed(), self)))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        BorrowedStrDeserializer::new(&self.0.value).deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Mistake> for KeyDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The pairs of a mapping.
struct Pairs<'de> {
    pairs: &'de [(Spanned<String>, Node)],
    index: usize,
    /// The key that was read last, until its value is read.
    key: Option<&'de Spanned<String>>,
}

impl Pairs<'_> {
    /// A mistake without a place after a key was read is one of that key.
    fn of_key(&self, mistake: Mistake) -> Mistake {
        match self.key {
            Some(key) if !mistake.has_place() => mistake.at(key.span()).within(self.index),
            _ => mistake,
        }
    }
}

impl<'de> MapAccess<'de> for &mut Pairs<'de> {
    type Error = Mistake;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mistake> {
        let Some((key, value)) = self.pairs.get(self.index) else {
            return Ok(None);
        };
        if value.repeated {
            return Err(Mistake::repeated_key(&key.value).at(key.span()).within(self.index));
        }
        self.key = Some(key);
        seed.deserialize(KeyDeserializer(key)).map(Some)
    }

    #[inline(never)]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        self.key = None;
        let Some((_, value)) = self.pairs.get(self.index) else {
            return Err(Mistake::missing_value());
        };
        let read = seed.deserialize(NodeDeserializer(value));
        self.index += 1;
        read.map_err(|mistake| mistake.at(value.span).within(self.index - 1))
    }
}
