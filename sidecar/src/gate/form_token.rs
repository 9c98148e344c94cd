//! Finds an access token among the parameters of a form as its bytes arrive.
//!
//! A name counts if some mainstream server reads it as `access_token`.

use actgate::request::names_access_token;

/// The longest name that is read: `access_token` with every byte escaped, and a bracket.
const MAX_NAME_BYTES: usize = 3 * "access_token".len() + 16;

/// How the parameters in a body are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart,
    /// The one for some servers, the other for others.
    Either,
    /// JSON, which holds no token (RFC 6750 section 2.2).
    Json,
}

/// Finds a parameter `access_token`.
#[derive(Debug)]
pub(super) struct TokenScan {
    url_encoded: Option<UrlEncoded>,
    multipart: Option<Multipart>,
}

impl TokenScan {
    pub(super) fn of(encoding: Encoding) -> Self {
        TokenScan {
            url_encoded: matches!(encoding, Encoding::UrlEncoded | Encoding::Either).then(UrlEncoded::default),
            multipart: matches!(encoding, Encoding::Multipart | Encoding::Either).then(Multipart::default),
        }
    }

    /// Reads more of the body. Returns whether the name of a token ends in it.
    pub(super) fn finds(&mut self, data: &[u8]) -> bool {
        let mut url_encoded = self.url_encoded.iter_mut();
        let mut multipart = self.multipart.iter_mut();
        url_encoded.any(|form| data.iter().any(|byte| form.read(*byte)))
            || multipart.any(|form| data.iter().any(|byte| form.read(*byte)))
    }
}

/// `application/x-www-form-urlencoded`.
#[derive(Debug, Default)]
struct UrlEncoded {
    /// The name so far.
    name: Vec<u8>,
    /// Within a value, or within a name that is too long.
    skips: bool,
}

impl UrlEncoded {
    /// Whether the name of a token ends here.
    fn read(&mut self, byte: u8) -> bool {
        match byte {
            // Some servers also separate parameters by semicolons.
            b'&' | b';' => *self = UrlEncoded::default(),
            _ if self.skips => {}
            b'=' => {
                self.skips = true;
                return names_access_token(&decoded(&self.name));
            }
            byte => {
                self.name.push(byte);
                // Some servers ignore blanks before a name, however many.
                if matches!(self.name.as_slice(), b"+" | b" " | b"%20") {
                    self.name.clear();
                }
                self.skips = self.name.len() > MAX_NAME_BYTES;
            }
        }
        false
    }
}

fn decoded(text: &[u8]) -> String {
    // The text has no `&` and no `=` that would separate it.
    let mut pairs = url::form_urlencoded::parse(text);
    pairs.next().map_or_else(String::new, |(text, _)| text.into_owned())
}

/// `multipart/form-data` (RFC 7578). It is read without its boundary and without the syntax of its headers: a line that begins with
/// `Content-Disposition` or `Content-ID`, or that continues such a line, is one of names. A file may contain one as well.
#[derive(Debug, Default)]
struct Multipart {
    line: Line,
    /// The beginning of a line, or a word of a line of names.
    word: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// At the beginning of a line, which may be one of names.
    #[default]
    Begins,
    Names,
    /// At the beginning of the line after one of names: a blank continues it.
    AfterNames,
    Other,
}

impl Multipart {
    /// Whether the name of a token ends here.
    fn read(&mut self, byte: u8) -> bool {
        const HEADERS: [&[u8]; 2] = [b"content-disposition", b"content-id"];
        let is_end = matches!(byte, b'\n' | b'\r');
        match self.line {
            Line::Other if !is_end => {}
            Line::Begins | Line::Other if is_end => self.enter(Line::Begins),
            Line::Begins | Line::Other => {
                // Some servers ignore blanks before a header.
                if !(self.word.is_empty() && matches!(byte, b' ' | b'\t')) {
                    self.word.push(byte.to_ascii_lowercase());
                }
                if HEADERS.contains(&&self.word[..]) {
                    self.enter(Line::Names);
                } else if !HEADERS.iter().any(|header| header.starts_with(&self.word)) {
                    self.enter(Line::Other);
                }
            }
            Line::AfterNames if matches!(byte, b' ' | b'\t') => self.enter(Line::Names),
            Line::AfterNames if is_end => {}
            Line::AfterNames => {
                self.enter(Line::Begins);
                return self.read(byte);
            }
            // What separates the words of the line. A backslash is dropped, as in a quoted string.
            Line::Names => match byte {
                b'\\' => {}
                b'"' | b'\'' | b';' | b'=' | b' ' | b'\t' | 0x0b | 0x0c | b'\r' | b'\n' | b':' | b',' => {
                    let found = names_access_token(&decoded(&self.word));
                    self.enter(if is_end { Line::AfterNames } else { Line::Names });
                    return found;
                }
                byte if self.word.len() <= MAX_NAME_BYTES => self.word.push(byte),
                _ => {}
            },
        }
        false
    }

    fn enter(&mut self, line: Line) {
        self.line = line;
        self.word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_token(body: &str, step: usize) -> bool {
        let encoding = match body.starts_with("--") {
            true => Encoding::Multipart,
            false => Encoding::UrlEncoded,
        };
        let mut scan = TokenScan::of(encoding);
        body.as_bytes().chunks(step).any(|data| scan.finds(data))
    }

    fn part(disposition: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n--b--\r\n")
    }

    #[test]
    fn a_token_is_found_at_any_place_and_in_any_fragmentation() {
        let long = "x".repeat(100_000);
        for form in [
            "access_token=a".to_owned(),
            "a=1&access_token=b".to_owned(),
            "access%5Ftoken=b".to_owned(),
            "%61%63%63%65%73%73%5f%74%6f%6b%65%6e=b".to_owned(),
            "a=1;access_token=b".to_owned(),
            "a&access_token=".to_owned(),
            format!("{long}={long}&access_token=b"),
            "+access_token=b".to_owned(),
            format!("{}access_token=b", "+".repeat(100)),
            format!("{}access_token=b", "%20".repeat(100)),
            "access+token=b".to_owned(),
            "access.token=b".to_owned(),
            "access_token[]=b".to_owned(),
            "access%20token%5B0%5D=b".to_owned(),
            part("name=\"access_token\"", "b"),
            part("name=access_token", "b"),
            part("Name=\"access_token[]\"; filename=a", "b"),
            part("name=\"access\\_token\"", "b"),
            part("name*=utf-8''access%5Ftoken", "b"),
            part("name='access_token'", "b"),
            part("x=\"name=\"; name=\"access_token\"", "b"),
            part(&format!("xname=\"{long}\"; name=\"access_token\""), "b"),
            part("name=\r\n \"access_token\"", "b"),
            part("name=\x0c\"access_token\"", "b"),
            part("name=\"access_token\"", "b").replace("\r\n", "\r"),
            "--b\r\n Content-Disposition: form-data; name=access_token\r\n\r\nb".to_owned(),
            "--b\r\nContent-ID: access_token\r\n\r\nb".to_owned(),
            "access_token%00=b".to_owned(),
        ] {
            for step in [1, 2, 7, 1000] {
                assert!(has_token(&form, step), "{form:.60} in steps of {step}");
            }
        }
    }

    #[test]
    fn other_names_pass() {
        for form in [
            "".to_owned(),
            "a=access_token".to_owned(),
            "a=1&b=access_token%3Db".to_owned(),
            "xaccess_token=1".to_owned(),
            "access_token_=1".to_owned(),
            "access_tokens=1".to_owned(),
            "access_token".to_owned(),
            "Access_Token=1".to_owned(),
            part("name=\"a\"", "access_token=b"),
            part("name=\"access_tokens\"", "b"),
            part("name=\"a\"", "<input name=\"access_token\">\r\n\r\nb"),
        ] {
            for step in [1, 5, 1000] {
                assert!(!has_token(&form, step), "{form} in steps of {step}");
            }
        }
    }
}
