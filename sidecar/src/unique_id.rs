//! The ids of decisions and of tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{Builder, Uuid};

/// A new id: UUID version 7 (RFC 9562 section 5.7), of the current time. It is unique, and it may be guessed.
#[expect(clippy::disallowed_methods, reason = "a part of an id, which no decision depends on")]
pub(crate) fn unique_id() -> Uuid {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let [random @ .., _, _, _, _, _, _] = fastrand::u128(..).to_ne_bytes();
    Builder::from_unix_timestamp_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), &random).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_are_of_version_7() {
        let (one, other) = (unique_id(), unique_id());
        assert_ne!(one, other);
        assert_eq!((one.get_version_num(), one.get_variant()), (7, uuid::Variant::RFC4122));
    }
}
