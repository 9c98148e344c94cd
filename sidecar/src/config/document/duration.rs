//! A duration as it is written.

use std::fmt;

use actgate_yaml::Spanned;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// The text of a duration. A number has no unit, and is reported with one.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Spanned<String>>, D::Error> {
    struct DurationText(String);
    impl<'de> Deserialize<'de> for DurationText {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Text;
            impl Visitor<'_> for Text {
                type Value = DurationText;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a duration\nwrite a number with its unit, as in 30s, 10m or 24h")
                }
                fn visit_str<E: Error>(self, text: &str) -> Result<DurationText, E> {
                    Ok(DurationText(text.to_owned()))
                }
                fn visit_u64<E: Error>(self, number: u64) -> Result<DurationText, E> {
                    let help = format!("write it as `{number}ms`, `{number}s`, `{number}m` or `{number}h`");
                    Err(E::custom(format!("`{number}` has no unit of time\n{help}")))
                }
            }
            deserializer.deserialize_any(Text)
        }
    }
    let read = Option::<Spanned<DurationText>>::deserialize(deserializer)?;
    Ok(read.map(|Spanned { value, line, column }| Spanned {
        value: value.0,
        line,
        column,
    }))
}
