//! The numbers that `min` and `max` are written with.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::decimal::Decimal;
use crate::policy::exact;

/// The mistake of a number that YAML would round.
pub(super) const FRACTION: &str = "a number with a fraction or an exponent is not kept exactly\nwrite it in quotes under `min` and `max`: `{ max: '0.5' }`";

/// A number that is written without quotes if it is whole, else as a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound(pub(super) Decimal);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A number: a whole one, or another one in quotes.
    Bound = "Number", { "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "maxLength": 64 }] };
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Bound;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number\nwrite a whole number, or another one in quotes: `'0.5'`")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Bound, E> {
                Ok(Bound(number.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Bound, E> {
                Ok(Bound(number.into()))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Bound, E> {
                Err(E::custom(FRACTION))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bound, E> {
                let number = Some(text).filter(|text| text.len() <= 64).and_then(Decimal::read_plain);
                let shown = exact::shown(text);
                number.map(Bound).ok_or_else(|| {
                    E::custom(format!(
                        "`{shown}` is not a number\nwrite it as JSON does, without an exponent: `'0.5'`"
                    ))
                })
            }
        }
        deserializer.deserialize_any(Number)
    }
}
