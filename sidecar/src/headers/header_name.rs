//! Equality of header names to upstreams that normalize them.

/// Whether some upstream treats the two names as one.
///
/// CGI, WSGI and similar interfaces turn a header into a variable, and every character other than a letter or a digit
/// into `_`: all of these are equal here, as are upper and lower case.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(one, other)| fold(one) == fold(other))
}

/// Writes the normalized form of a name into `space`, and cuts what is longer. Names of one length are the same if their
/// forms are equal.
pub(crate) fn fold_into<'a>(name: &str, space: &'a mut [u8]) -> &'a [u8] {
    let length = name.len().min(space.len());
    for (folded, byte) in space.iter_mut().zip(name.bytes()) {
        *folded = fold(byte);
    }
    &space[..length]
}

/// Whether some upstream treats `name` as one that begins with `prefix`.
pub(crate) fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| same(start, prefix))
}

fn fold(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'-'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_the_same() {
        for spelling in [
            "x-auth-subject",
            "X_Auth_Subject",
            "x.auth.subject",
            "X-AUTH_subject",
            "x~auth+subject",
        ] {
            assert!(same(spelling, "x-auth-subject"), "{spelling}");
        }
        for other in ["x-auth-subjects", "xauthsubject", "x-auth-subjec", "x--auth-subject"] {
            assert!(!same(other, "x-auth-subject"), "{other}");
        }
    }

    #[test]
    fn spellings_of_a_prefix_are_the_same() {
        assert!(begins_with("X_Forwarded_For", "x-forwarded-"));
        assert!(!begins_with("x-forwarded", "x-forwarded-"));
    }
}
