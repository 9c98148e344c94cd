//! What a document says, without how it is written.

use std::cell::Cell;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use crate::node::{Kind, Node};

/// The members of a document that its type has a field for, with every value within them.
///
/// It serializes as a mapping whose keys, and those of each mapping in it, are in the order of their bytes. A comment, the order of keys, the
/// style of a text and an anchor do not change it; the order of a list does.
#[derive(Debug)]
pub struct Written {
    pub(crate) root: Node,
    /// The names of the fields; none for a type without names, which has every member.
    pub(crate) fields: Option<&'static [&'static str]>,
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.root.kind {
            Kind::Mapping(pairs) => {
                let is_field = |key: &str| self.fields.is_none_or(|fields| fields.contains(&key));
                let members = pairs.iter().filter(|(key, _)| is_field(&key.value));
                sorted(members.map(|(key, value)| (&*key.value, value)), serializer)
            }
            _ => self.root.serialize(serializer),
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Null => serializer.serialize_unit(),
            Kind::Bool(value) => serializer.serialize_bool(*value),
            Kind::Unsigned(value) => serializer.serialize_u64(*value),
            Kind::Signed(value) => serializer.serialize_i64(*value),
            Kind::Float(value) => serializer.serialize_f64(*value),
            Kind::Text(value) => serializer.serialize_str(value),
            Kind::Sequence(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Kind::Mapping(pairs) => sorted(pairs.iter().map(|(key, value)| (&*key.value, value)), serializer),
        }
    }
}

fn sorted<'n, S: Serializer>(
    pairs: impl Iterator<Item = (&'n str, &'n Node)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(key, _)| *key);
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    pairs
        .into_iter()
        .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
    map.end()
}

/// The names of the fields of a struct; [`None`] of any other type.
pub(crate) fn fields<'de, T: Deserialize<'de>>() -> Option<&'static [&'static str]> {
    let names = Cell::new(None);
    // It reads nothing, and fails.
    let _ = T::deserialize(FieldNames(&names));
    names.get()
}

/// Takes note of the fields that a type asks for.
struct FieldNames<'n>(&'n Cell<Option<&'static [&'static str]>>);

impl<'de> Deserializer<'de> for FieldNames<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("there is no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(Some(fields));
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option newtype_struct
        unit unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use crate::read;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Members {
        routes: Vec<BTreeMap<String, serde_json::Value>>,
        #[serde(rename = "for")]
        reason: Option<String>,
    }

    fn written<T: DeserializeOwned>(text: &str) -> String {
        serde_json::to_string(read::<T>(text).written().unwrap()).unwrap()
    }

    #[test]
    fn the_members_of_the_type_are_written_in_the_order_of_their_keys() {
        let expected = r#"{"for":"it","routes":[{"a":[1,-2,0.5,true,"x"],"b":{"d":"1","e":"two words"}}]}"#;
        for text in [
            "routes: [{ b: { e: two words, d: '1' }, a: [1, -2, 0.5, true, x] }]\nfor: it",
            "other: 1\nfor: 'it' # a comment\nroutes:\n  - a: [1, -2, 0.50, true, \"x\"]\n    b:\n      d: \"1\"\n      e: >-\n        two\n        words\n",
            "listen: &a [1, -2, 0.5, true, x]\nroutes:\n- { a: *a, b: { d: '1', e: two words } }\nfor: it\n",
        ] {
            assert_eq!(written::<Members>(text), expected, "{text}");
        }
        assert_eq!(written::<Members>("# nothing"), "{}");
    }

    #[test]
    fn every_value_and_the_order_of_a_list_make_a_difference() {
        let mut all: Vec<String> = [
            "routes: []",
            "routes: [{ a: 1 }]",
            "routes: [{ a: '1' }]",
            "routes: [{ a: 1 }, { b: 1 }]",
            "routes: [{ b: 1 }, { a: 1 }]",
            "for: ''",
            "for: 'routes: []'",
            "routes: [{ a: [1, [2]] }]",
            "routes: [{ a: [[1], 2] }]",
            "{}",
        ]
        .map(written::<Members>)
        .into();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10, "{all:#?}");
    }

    #[test]
    fn a_type_without_names_has_every_member() {
        assert_eq!(written::<BTreeMap<String, u8>>("{ b: 1, a: 2 }"), r#"{"a":2,"b":1}"#);
        assert!(read::<Members>("routes: [").written().is_none());
    }
}
