//! Equality of header names to servers that normalize them.

/// More than the longest name in a list of [`is_among`].
pub const LONGEST: usize = 40;

/// Whether some server treats the two names as one.
///
/// CGI, WSGI and similar interfaces turn a header into a variable, and every character other than a letter or a digit
/// into `_`: all of these are equal here, as are upper and lower case.
///
/// ```
/// use actgate::request::header_name::same;
///
/// assert!(same("X_Auth.Subject", "x-auth-subject"));
/// assert!(!same("xauthsubject", "x-auth-subject"));
/// ```
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(one, other)| fold(one) == fold(other))
}

/// Whether some server treats `name` as one that begins with `prefix`.
pub fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| same(start, prefix))
}

/// Whether some server treats `name` as one of `names`, or as one that begins with one of `prefixes`. Both lists are sorted,
/// of lower case with `-`, and without a name of [`LONGEST`] bytes; no prefix begins with another.
pub fn is_among(name: &str, names: &[&str], prefixes: &[&str]) -> bool {
    let mut folded = [0; LONGEST];
    let length = name.len().min(LONGEST);
    for (folded, byte) in folded.iter_mut().zip(name.bytes()) {
        *folded = fold(byte);
    }
    let folded = &folded[..length];
    // A prefix of the name sorts directly before it.
    let after = prefixes.partition_point(|prefix| prefix.as_bytes() <= folded);
    let prefix = after.checked_sub(1).and_then(|before| prefixes.get(before));
    prefix.is_some_and(|prefix| folded.starts_with(prefix.as_bytes()))
        || names.binary_search_by(|known| known.as_bytes().cmp(folded)).is_ok()
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
