//! A method in a parameter `_method` of a query or a body, which some frameworks serve in place of the method of the request
//! (Rails, Laravel, Symfony, Slim, Express with `method-override`).
//!
//! Servers read queries, forms, multipart bodies and JSON in many ways, and lenient ones. The scan therefore knows no syntax: it
//! looks for the name of the parameter as a word, and after it for a method as a word.

/// The names of the parameter, as [`MethodScan`] reads words.
const NAMES: [&[u8]; 4] = [
    b"_method",
    b"x_http_method_override",
    b"x_method_override",
    b"x_http_method",
];

/// The longest word that is compared.
const MAX_WORD_BYTES: usize = 64;

/// The methods that a parameter `_method` of one request must not name: they would lead to another access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeniedMethods(Box<[Denied]>);

/// A method, and the word that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Denied {
    method: Box<str>,
    word: Box<[u8]>,
}

impl DeniedMethods {
    pub(crate) fn new<'m>(methods: impl IntoIterator<Item = &'m str>) -> Self {
        let denied = |method: &str| Denied {
            method: method.into(),
            word: method.bytes().filter_map(letter).collect(),
        };
        DeniedMethods(methods.into_iter().map(denied).collect())
    }

    /// The method that a query names, for an explanation.
    pub(crate) fn named_in(self, query: &str) -> Option<Box<str>> {
        let mut scan = self.scan();
        scan.finds(query.as_bytes()).then_some(())?;
        scan.denied().map(|denied| denied.method.clone())
    }

    /// Whether every method is permitted, so that a body need not be scanned.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A scan for these methods.
    pub fn scan(self) -> MethodScan {
        MethodScan {
            denied: self,
            escape: Vec::new(),
            word: Vec::new(),
            is_named: false,
        }
    }
}

/// Finds a denied method in the bytes of a query or of a body as they arrive.
///
/// A word consists of ASCII letters, digits and `_`; case, backslashes, escapes (`%5f`, `\u005f`) and the difference between `_`, `.` and `-`
/// are ignored. Any text that has `_method` as a word and a denied method as a word after it is found, a parameter or not.
///
/// It does NOT decode Base64, compression, or UTF-7 and EBCDIC.
#[derive(Clone, Debug)]
pub struct MethodScan {
    denied: DeniedMethods,
    /// The beginning of an escape.
    escape: Vec<u8>,
    /// The word so far, up to its limit and one more byte.
    word: Vec<u8>,
    /// Whether the name of the parameter was read.
    is_named: bool,
}

impl MethodScan {
    /// Reads more bytes. Returns whether they contain a denied method; one that may continue in later bytes counts.
    pub fn finds(&mut self, data: &[u8]) -> bool {
        data.iter().any(|byte| self.read(*byte)) || self.denied().is_some()
    }

    fn read(&mut self, byte: u8) -> bool {
        match (&self.escape[..], byte) {
            ([], b'%' | b'\\') => self.escape.push(byte),
            ([], byte) => return self.decoded(byte),
            ([b'\\'], b'u') => self.escape.push(byte),
            // Any other backslash is dropped.
            ([b'\\'], byte) => {
                self.escape.clear();
                return self.read(byte);
            }
            (_, byte) if byte.is_ascii_hexdigit() => {
                self.escape.push(byte);
                let digits = match &self.escape[..] {
                    [b'%', digits @ ..] if digits.len() == 2 => digits,
                    [b'\\', b'u', digits @ ..] if digits.len() == 4 => digits,
                    _ => return false,
                };
                let digit = |value: u32, digit: &u8| value * 16 + char::from(*digit).to_digit(16).unwrap_or_default();
                let value = digits.iter().fold(0, digit);
                self.escape.clear();
                // A character outside of ASCII ends a word, whichever it is.
                return self.decoded(u8::try_from(value).unwrap_or(b' '));
            }
            _ => {
                // No escape: it ends a word, and its digits may begin one.
                let mut found = self.decoded(b' ');
                for digit in std::mem::take(&mut self.escape).into_iter().skip(1) {
                    found |= self.decoded(digit);
                }
                return self.read(byte) || found;
            }
        }
        false
    }

    fn decoded(&mut self, byte: u8) -> bool {
        match letter(byte) {
            Some(letter) => {
                if self.word.len() <= MAX_WORD_BYTES {
                    self.word.push(letter);
                }
                false
            }
            // UTF-16 has one beside each letter, and some servers cut a name at it.
            None if byte == 0 => {
                self.is_named |= NAMES.contains(&&self.word[..]);
                false
            }
            // The word is kept, so that the method that was found is known.
            None if self.denied().is_some() => true,
            None => {
                self.is_named |= NAMES.contains(&&self.word[..]);
                self.word.clear();
                false
            }
        }
    }

    fn denied(&self) -> Option<&Denied> {
        let mut denied = self.denied.0.iter();
        denied.find(|denied| self.is_named && *denied.word == *self.word)
    }
}

/// Whether a query has the name of the parameter.
pub(crate) fn names_method(query: &str) -> bool {
    let mut scan = DeniedMethods::default().scan();
    scan.finds(query.as_bytes());
    // The name is a word before the `=`.
    scan.is_named
}

/// A byte of a word as it is compared; none for any other byte.
fn letter(byte: u8) -> Option<u8> {
    match byte {
        b'.' | b'-' => Some(b'_'),
        b'_' => Some(byte),
        _ if byte.is_ascii_alphanumeric() => Some(byte.to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &[u8], step: usize) -> bool {
        let mut scan = DeniedMethods::new(["DELETE", "M-SEARCH"]).scan();
        text.chunks(step).any(|data| scan.finds(data))
    }

    #[test]
    fn a_denied_method_is_found_in_every_spelling_and_fragmentation() {
        let long = "x".repeat(1_000);
        for text in [
            "_method=DELETE".to_owned(),
            "a=1&_method=delete".to_owned(),
            "a;_method=Delete&b".to_owned(),
            "%5Fmethod=%44ELETE".to_owned(),
            "_METHOD=DELETE".to_owned(),
            ".method=DELETE".to_owned(),
            "_method[]=DELETE".to_owned(),
            "[_method]=DELETE".to_owned(),
            "]_method=DELETE".to_owned(),
            "_method]=DELETE".to_owned(),
            "+_method+=+DELETE+".to_owned(),
            "?_method=DELETE".to_owned(),
            format!("_method%00{long}=DELETE"),
            format!("_method\0{long}=DELETE"),
            "%_method=DELETE".to_owned(),
            "X-HTTP-Method-Override=DELETE".to_owned(),
            "{\"_method\": \"DELETE\"}".to_owned(),
            "{\"a\": 1, \"\\u005fmethod\":\"\\u0044elete\"}".to_owned(),
            "{\"_METHOD\":\"M-SEARCH\"}".to_owned(),
            "Content-Disposition: form-data; x=\"name=\"; name=\"_method\"\r\n\r\nDELETE\r\n".to_owned(),
            format!("form-data; xname=\"{long}\"; name=\"_method\"\n\nDELETE"),
            "form-data; name=\"\r\n _method\"\r\n\r\nDELETE".to_owned(),
            "form-data; name=\x0c'_meth\\od'\r\rDELETE".to_owned(),
            "form-data; name=\"_method\"\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\nD\0E\0L\0E\0T\0E\0"
                .to_owned(),
        ] {
            for step in [1, 2, 7, 10_000] {
                assert!(finds(text.as_bytes(), step), "{text:.80} in steps of {step}");
            }
        }
    }

    #[test]
    fn utf_16_and_utf_32_are_read() {
        let text = "{\"_method\": \"delete\"}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wide: Vec<u8> = text
            .chars()
            .flat_map(|character| u32::from(character).to_le_bytes())
            .collect();
        for bytes in [little, big, wide] {
            for step in [1, 2, 7, 10_000] {
                assert!(finds(&bytes, step), "{bytes:?} in steps of {step}");
            }
        }
        let other = "{\"payment_method\": \"delete\"}";
        let other: Vec<u8> = other.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(!finds(&other, 10_000));
    }

    #[test]
    fn other_words_pass() {
        for text in [
            "",
            "method=DELETE",
            "_methods=DELETE",
            "a_method=DELETE",
            "a=_method",
            "_method=",
            "_method=POST",
            "_method=DELETED",
            "DELETE=_method",
            "{\"payment_method\": \"card\", \"deleted\": false, \"note\": \"delete\"}",
            "_method=%44ELETE2",
        ] {
            assert!(!finds(text.as_bytes(), 10_000), "{text}");
        }
        assert!(!DeniedMethods::default().scan().finds(b"_method=DELETE"));
    }

    #[test]
    fn the_name_is_found_in_a_query() {
        assert!(names_method("a=1&_method=x") && names_method("_method&a") && names_method("[_method]=x"));
        assert!(!names_method("a=1&method=x") && !names_method("page=2"));
    }

    #[test]
    fn a_broken_escape_ends_a_word() {
        for text in ["_method=DELETE%4x", "_method=DELETE\\u00x", "_method=DELETE%"] {
            for step in [1, 10_000] {
                assert!(finds(text.as_bytes(), step), "{text} in steps of {step}");
            }
        }
    }

    #[test]
    fn the_method_that_a_query_names_is_known() {
        let denied = DeniedMethods::new(["DELETE", "M-SEARCH"]);
        assert!(!denied.is_empty() && DeniedMethods::default().is_empty());
        assert_eq!(
            denied.clone().named_in("a=1&_method=m-search").as_deref(),
            Some("M-SEARCH")
        );
        assert_eq!(denied.named_in("_method=POST"), None);
    }
}
