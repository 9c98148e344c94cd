//! `max`: how many bytes of a body are read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of bytes, from one to [`BodyLimit::MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BodyLimit(u64);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A size from 1B to 1MiB.
    BodyLimit = "BodySize", { "type": "string", "pattern": "^0*[1-9][0-9]*(B|KiB|MiB)$" };
}

impl BodyLimit {
    pub(super) const DEFAULT: BodyLimit = BodyLimit(64 * 1024);
    /// Each request that is decided on keeps as much.
    const MOST: u64 = 1024 * 1024;

    pub(super) fn bytes(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for BodyLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = BodyLimit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size with a unit\nwrite it as `64KiB`, at most `1MiB`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<BodyLimit, E> {
                let shown = text.replace(char::is_control, " ");
                let digits = text.trim_end_matches(|character: char| !character.is_ascii_digit());
                let unit = match text.strip_prefix(digits) {
                    Some("B") => 1,
                    Some("KiB") => 1024,
                    Some("MiB") => 1024 * 1024,
                    _ => {
                        return Err(E::custom(format!(
                            "`{shown}` is not a size\nwrite it as `64KiB`, at most `1MiB`"
                        )));
                    }
                };
                let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
                let bytes = bytes.filter(|bytes| (1..=BodyLimit::MOST).contains(bytes));
                bytes.map(BodyLimit).ok_or_else(|| {
                    E::custom(format!(
                        "`{shown}` is out of range: from 1B to 1MiB\nwrite a size in this range"
                    ))
                })
            }
        }
        deserializer.deserialize_str(Size)
    }
}
