//! A time in a document, as RFC 3339 writes it.

use std::fmt;

use actgate_yaml::{Diagnostics, Spanned};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A time as it is written, before it is read.
#[derive(Debug)]
pub(crate) struct TimeDocument(String);

impl<'de> Deserialize<'de> for TimeDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = TimeDocument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time\nwrite it as in `2026-01-01T12:00:00Z`")
            }

            // Seconds are no time here; the help is the same as for a text with them.
            fn visit_u64<E: Error>(self, seconds: u64) -> Result<TimeDocument, E> {
                Ok(TimeDocument(seconds.to_string()))
            }

            fn visit_i64<E: Error>(self, seconds: i64) -> Result<TimeDocument, E> {
                Ok(TimeDocument(seconds.to_string()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TimeDocument, E> {
                Ok(TimeDocument(text.to_owned()))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}

/// Times since 1970 are read.
pub(crate) fn read(written: &Spanned<TimeDocument>, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    let text = &written.value.0;
    let time = text.parse::<Timestamp>().ok();
    let time = time.filter(|time| *time >= Timestamp::UNIX_EPOCH);
    if time.is_none() {
        let message = format!("`{text}` is no time since 1970 with its offset");
        let seconds = text.parse().ok();
        let help = match seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
            Some(time) => format!("write it as `{time}`"),
            None => "write it as in `2026-01-01T12:00:00Z`".to_owned(),
        };
        diagnostics.push(written.span(), message, help);
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Document {
        at: Spanned<TimeDocument>,
    }

    /// The nanoseconds since 1970, or the only mistake.
    fn nanoseconds(text: &str) -> Result<i128, String> {
        let text = format!("at: {text}");
        let read =
            actgate_yaml::read::<Document>(&text).check(|document, _, diagnostics| read(&document.at, diagnostics));
        read.map(|time| time.as_nanosecond()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_has_its_offset_and_is_since_1970() {
        assert_eq!(nanoseconds("1970-01-01T00:00:00Z"), Ok(0));
        assert_eq!(nanoseconds("'1970-01-01T01:00:09.5+01:00'"), Ok(9_500_000_000));
        for (text, expected) in [
            ("1969-12-31T23:59:59.9Z", "write it as in `2026-01-01T12:00:00Z`"),
            ("2026-01-01T12:00:00", "is no time since 1970 with its offset"),
            ("soon", "`soon` is no time since 1970"),
            ("1767225600", "write it as `2026-01-01T00:00:00Z`"),
            ("-1", "write it as `1969-12-31T23:59:59Z`"),
            ("[1]", "expected a time"),
        ] {
            let mistake = nanoseconds(text).unwrap_err();
            assert!(mistake.contains(expected), "{text}: {mistake}");
        }
    }
}
