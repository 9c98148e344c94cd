//! Equality of header names to servers that normalize them.

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

/// Names, and beginnings of names, that a header is looked up among in any spelling.
#[derive(Clone, Copy, Debug)]
pub struct NameList {
    names: &'static [&'static str],
    prefixes: &'static [&'static str],
    /// Whether a name is there by its first letter, and the lengths of such names: few usual headers are looked up any further.
    lengths: [u64; LETTERS],
}

/// The letters, and one place for everything else.
const LETTERS: usize = 27;

/// More than the longest name of a list.
const LONGEST: usize = 40;

impl NameList {
    /// A list of `names` and of `prefixes`. Both are sorted, of lower case with `-`, and shorter than 40 bytes; no prefix begins with
    /// another.
    ///
    /// # Panics
    /// For an empty name or a longer one; a constant does not compile then. It does NOT check the order.
    pub const fn new(names: &'static [&'static str], prefixes: &'static [&'static str]) -> Self {
        let mut lengths = [0; LETTERS];
        let mut index = 0;
        while index < names.len() {
            let name = names[index].as_bytes();
            assert!(name.len() < LONGEST);
            lengths[letter(name[0])] |= 1 << name.len();
            index += 1;
        }
        index = 0;
        while index < prefixes.len() {
            let prefix = prefixes[index].as_bytes();
            assert!(prefix.len() < LONGEST);
            // It and everything longer.
            lengths[letter(prefix[0])] |= u64::MAX << prefix.len();
            index += 1;
        }
        NameList {
            names,
            prefixes,
            lengths,
        }
    }

    /// Whether some server treats `name` as one of the list.
    pub fn contains(&self, name: &str) -> bool {
        let Some(first) = name.bytes().next() else {
            return false;
        };
        let length = name.len().min(LONGEST);
        self.lengths[letter(first)] >> length & 1 == 1 && self.contains_folded(name, length)
    }

    fn contains_folded(&self, name: &str, length: usize) -> bool {
        let mut folded = [0; LONGEST];
        for (folded, byte) in folded.iter_mut().zip(name.bytes()) {
            *folded = fold(byte);
        }
        let folded = &folded[..length];
        // A prefix of the name sorts directly before it.
        let after = self.prefixes.partition_point(|prefix| prefix.as_bytes() <= folded);
        let prefix = after.checked_sub(1).and_then(|before| self.prefixes.get(before));
        prefix.is_some_and(|prefix| folded.starts_with(prefix.as_bytes()))
            || self
                .names
                .binary_search_by(|known| known.as_bytes().cmp(folded))
                .is_ok()
    }
}

const fn letter(byte: u8) -> usize {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => (letter - b'a') as usize,
        _ => LETTERS - 1,
    }
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

    #[test]
    fn a_list_has_every_spelling_of_its_names_and_no_other_name() {
        const LIST: NameList = NameList::new(&["forwarded", "x-real-ip"], &["x-forwarded-"]);
        for name in [
            "forwarded",
            "Forwarded",
            "X_Real.IP",
            "x-forwarded-for",
            "X_FORWARDED_A",
        ] {
            assert!(LIST.contains(name), "{name}");
        }
        let long = "x".repeat(100);
        for name in [
            "",
            "1forwarded",
            "_real-ip",
            "~",
            "forward",
            "forwardedx",
            "x-forwarded",
            "x-real-ips",
            &long,
        ] {
            assert!(!LIST.contains(name), "{name}");
        }
    }
}
