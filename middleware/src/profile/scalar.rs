//! Values that a claim is compared with.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::json::Json;
use crate::look::Look;

/// A text, a whole number or a boolean, compared with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text(Box<str>),
    Number(i64),
    Flag(bool),
}

impl Scalar {
    pub(super) fn is(&self, value: &Json<'_>) -> bool {
        match (self, value) {
            (Scalar::Text(own), Json::String(other)) => **own == **other,
            (Scalar::Number(own), Json::Number(other)) => other.as_i64() == Some(*own),
            (Scalar::Flag(own), Json::Bool(other)) => own == other,
            _ => false,
        }
    }

    /// Whether one of these is the value; [`None`] if the value is of a type that none of these has.
    pub(super) fn find(values: &[Scalar], value: &Json<'_>) -> Option<bool> {
        let is_alike = |own: &Scalar| {
            matches!(
                (own, value),
                (Scalar::Text(_), Json::String(_))
                    | (Scalar::Number(_), Json::Number(_))
                    | (Scalar::Flag(_), Json::Bool(_))
            )
        };
        let found = values.iter().any(|own| own.is(value));
        values.iter().any(is_alike).then_some(found)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Text(text) => write!(f, "`{text}`"),
            Scalar::Number(number) => write!(f, "{number}"),
            Scalar::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// A text that looks like a pattern.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "LiteralValue"))]
struct Literal {
    /// The text, as the token has it.
    /// Example: `a*`
    literal: Box<str>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A text, a whole number, `true` or `false`. A text that looks like a pattern is written as `{ literal: TEXT }`.
    Scalar = "EvidenceValue", { "anyOf": [
        { "type": "string", "pattern": r"^[^*]*[^*\s][^*]*$" },
        { "type": ["integer", "boolean"] },
        generator.subschema_for::<Literal>(),
    ] };
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, or `true` or `false`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Scalar, E> {
                if text.trim().is_empty() {
                    return Err(E::custom("a blank text is no evidence\nwrite the value of the claim"));
                }
                if Look::is_expanded(text) {
                    return Err(E::custom(format!(
                        "`{text}` looks like a pattern, and values are compared as they are\nwrite each value, another test such as `{{ prefix: … }}`, or `{{ literal: … }}` if the token has this very text"
                    )));
                }
                Ok(Scalar::Text(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
                let Literal { literal } = Literal::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Scalar::Text(literal))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Scalar, E> {
                i64::try_from(number)
                    .map(Scalar::Number)
                    .map_err(|_| E::custom("the number is too large\nput it in quotes if the claim is a text"))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}
