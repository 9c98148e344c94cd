//! When two header names are the same to an upstream that is careless about them.

/// True when some upstream could take the two names for one.
///
/// CGI, WSGI and their kin turn a header into a variable and, doing so, every character that is no letter or digit into `_`; so all
/// of them are equal here, as is the case of letters.
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(one, other)| fold(one) == fold(other))
}

/// True when some upstream could take `name` for one that begins with `prefix`.
pub fn begins_with(name: &str, prefix: &str) -> bool {
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
    fn prefixes_too() {
        assert!(begins_with("X_Forwarded_For", "x-forwarded-"));
        assert!(!begins_with("x-forwarded", "x-forwarded-"));
    }
}
