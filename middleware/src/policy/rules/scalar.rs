//! The values that claims and members are compared with: text, whole numbers and booleans.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::policy::exact;
use crate::token::ExactValue;

/// A value that a claim is compared with. Text, whole numbers and booleans never equal each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar(Value);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A text, a whole number, `true` or `false`. A text that looks like a pattern is written as `{ literal: TEXT }`.
    Scalar = "Scalar", { "anyOf": [
        generator.subschema_for::<exact::ExactText>(),
        { "type": "string", "maxLength": 0 },
        { "type": ["integer", "boolean"] },
        generator.subschema_for::<exact::Literal>(),
    ] };
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a text, a whole number, `true` or `false`\nwrite a list under `one_of`, and other numbers in quotes",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                exact::check(text, "the claim").map(|()| Scalar(text.into()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Scalar, E> {
                Err(E::custom("expected a whole number\nwrite other numbers in quotes"))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
                exact::literal(map).map(|text| Scalar(text.into()))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar {
    pub(super) fn text(text: &str) -> Self {
        Scalar(text.into())
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }

    /// The value with a number as it is written.
    pub(super) fn exact(&self) -> ExactValue {
        match &self.0 {
            Value::Bool(value) => ExactValue::Bool(*value),
            Value::String(text) => ExactValue::Text((&**text).into()),
            number => ExactValue::Number(number.to_string().into()),
        }
    }
}
