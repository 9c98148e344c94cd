//! The parameters of a form that decide about its request, found as the bytes arrive: an access token, and a method.
//!
//! A name counts if some mainstream server reads it as the one or the other.

use actgate::request::{names_access_token, names_method};

/// The longest name that is read: `access_token` with every byte escaped, and a bracket.
const MAX_NAME_BYTES: usize = 3 * "access_token".len() + 16;

/// The longest method that is read, with escapes and blanks.
const MAX_METHOD_BYTES: usize = 128;

/// How a form is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/x-www-form-urlencoded`.
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart,
    /// The one for some servers, the other for others.
    Either,
}

/// A parameter that decides about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// `access_token`, whatever its value.
    AccessToken,
    /// `_method`, with its value so far.
    Method(String),
}

/// Reads the parameters of a form.
#[derive(Debug)]
pub(super) struct Parameters {
    url_encoded: Option<UrlEncoded>,
    multipart: Option<Multipart>,
}

impl Parameters {
    pub(super) fn of(encoding: Encoding) -> Self {
        Parameters {
            url_encoded: (encoding != Encoding::Multipart).then(UrlEncoded::default),
            multipart: (encoding != Encoding::UrlEncoded).then(Multipart::default),
        }
    }

    /// Reads more of the body, and reports what it contains. A method is reported at each end of `data` as well, so that it is
    /// known before its last byte is forwarded.
    pub(super) fn read(&mut self, data: &[u8], mut report: impl FnMut(Parameter)) {
        if let Some(form) = &mut self.url_encoded {
            data.iter().for_each(|byte| form.read(*byte, &mut report));
            form.end(&mut report);
        }
        if let Some(form) = &mut self.multipart {
            data.iter().for_each(|byte| form.read(*byte, &mut report));
            form.end(&mut report);
        }
    }
}

/// `application/x-www-form-urlencoded`.
#[derive(Debug, Default)]
struct UrlEncoded {
    place: Place,
    /// The name or the method so far.
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Name,
    Method,
    /// Another value, or a name that is too long.
    Other,
}

impl UrlEncoded {
    fn read(&mut self, byte: u8, report: &mut impl FnMut(Parameter)) {
        match (self.place, byte) {
            // Some servers also separate parameters by semicolons.
            (_, b'&' | b';') => {
                self.end(report);
                self.enter(Place::Name);
            }
            (Place::Other, _) => {}
            (Place::Name, b'=') => {
                let name = decoded(&self.text);
                self.enter(if names_method(&name) {
                    Place::Method
                } else {
                    Place::Other
                });
                if names_access_token(&name) {
                    report(Parameter::AccessToken);
                }
            }
            (place, byte) => {
                self.text.push(byte);
                // Some servers ignore blanks before a name, however many.
                if place == Place::Name && matches!(self.text.as_slice(), b"+" | b" " | b"%20") {
                    self.text.clear();
                }
                let limit = if place == Place::Name {
                    MAX_NAME_BYTES
                } else {
                    MAX_METHOD_BYTES
                };
                if self.text.len() > limit {
                    self.enter(Place::Other);
                }
            }
        }
    }

    fn end(&mut self, report: &mut impl FnMut(Parameter)) {
        if self.place == Place::Method {
            report(Parameter::Method(decoded(&self.text)));
        }
    }

    fn enter(&mut self, place: Place) {
        self.place = place;
        self.text.clear();
    }
}

fn decoded(text: &[u8]) -> String {
    // The text has no `&` and no `=` that would separate it.
    let mut pairs = url::form_urlencoded::parse(text);
    pairs.next().map_or_else(String::new, |(text, _)| text.into_owned())
}

/// `multipart/form-data` (RFC 7578). It is read without its boundary: what looks like a part within a file counts as one.
#[derive(Debug, Default)]
struct Multipart {
    place: Part,
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// The text is what may be the beginning of a header `Content-Disposition` or `Content-ID`.
    #[default]
    Line,
    /// In another line.
    Other,
    /// In the header. The text is what may be the beginning of `name=`.
    Disposition,
    /// At the beginning of the next line: a blank continues the header.
    Fold,
    /// The name of a field, until this byte or the end of the line.
    Name(u8),
    /// The headers of a part, until an empty line.
    Head,
    Method,
}

impl Multipart {
    fn read(&mut self, byte: u8, report: &mut impl FnMut(Parameter)) {
        match self.place {
            Part::Line => self.line(byte),
            Part::Other if byte == b'\n' => self.enter(Part::Line),
            Part::Other => {}
            Part::Disposition => self.disposition(byte),
            Part::Fold if matches!(byte, b' ' | b'\t') => self.enter(Part::Disposition),
            Part::Fold => {
                self.enter(Part::Line);
                self.line(byte);
            }
            Part::Name(end) if byte == end || byte == b'\n' => {
                let name = field_name(&self.text);
                self.enter(match byte {
                    _ if names_method(&name) => Part::Head,
                    b'\n' => Part::Fold,
                    _ => Part::Disposition,
                });
                if names_access_token(&name) {
                    report(Parameter::AccessToken);
                }
                if byte == b'\n' && self.place == Part::Head {
                    self.text.push(b'\n');
                }
            }
            Part::Name(_) => self.push(byte, MAX_NAME_BYTES),
            Part::Head => match byte {
                b'\n' if self.text.ends_with(b"\n") => self.enter(Part::Method),
                b'\n' => self.text = b"\n".to_vec(),
                b'\r' => {}
                _ => self.text.clear(),
            },
            Part::Method if byte == b'\n' => {
                self.end(report);
                self.enter(Part::Line);
            }
            Part::Method => self.push(byte, MAX_METHOD_BYTES),
        }
    }

    fn line(&mut self, byte: u8) {
        const DISPOSITION: &[u8] = b"content-disposition";
        const ID: &[u8] = b"content-id:";
        self.text.push(byte.to_ascii_lowercase());
        if byte == b'\n' {
            self.text.clear();
        } else if self.text == DISPOSITION {
            self.enter(Part::Disposition);
        } else if self.text == ID {
            // Some servers take it for the name of a part without one.
            self.enter(Part::Name(b'\n'));
        } else if !DISPOSITION.starts_with(&self.text) && !ID.starts_with(&self.text) {
            self.enter(Part::Other);
        }
    }

    /// Looks for `name=`, `name*=`, and blanks within.
    fn disposition(&mut self, byte: u8) {
        const NAME: &[u8] = b"name";
        match (NAME.get(self.text.len()), byte.to_ascii_lowercase()) {
            (_, b'\n') => self.enter(Part::Fold),
            (Some(expected), byte) if *expected == byte => self.text.push(byte),
            (None, b' ' | b'\t' | b'*') => {}
            (None, b'=') => self.enter(Part::Name(b';')),
            (_, byte) => {
                self.text.clear();
                self.text.extend(NAME.first().filter(|first| **first == byte));
            }
        }
    }

    fn push(&mut self, byte: u8, limit: usize) {
        match byte {
            b'"' if self.text.is_empty() && self.place == Part::Name(b';') => self.place = Part::Name(b'"'),
            b' ' | b'\t' if self.text.is_empty() => {}
            _ => self.text.push(byte),
        }
        if self.text.len() > limit {
            self.enter(Part::Other);
        }
    }

    fn end(&mut self, report: &mut impl FnMut(Parameter)) {
        if self.place == Part::Method {
            report(Parameter::Method(String::from_utf8_lossy(&self.text).into_owned()));
        }
    }

    fn enter(&mut self, place: Part) {
        self.place = place;
        self.text.clear();
    }
}

/// The name of a field without the backslashes of a quoted string, without single quotes, which some servers accept for
/// double ones, and without charset and escapes of RFC 8187.
fn field_name(text: &[u8]) -> String {
    let text: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'\\').collect();
    let text = text.trim_ascii_end();
    let text = text.strip_suffix(b"'").unwrap_or(text);
    let text = text.rsplit(|byte| *byte == b'\'').next().unwrap_or_default();
    decoded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is reported when the body arrives in pieces of this size, each once.
    fn parameters(body: &str, step: usize) -> Vec<Parameter> {
        let encoding = if body.starts_with("--") {
            Encoding::Multipart
        } else {
            Encoding::UrlEncoded
        };
        let mut parameters = Parameters::of(encoding);
        let mut found = Vec::new();
        for data in body.as_bytes().chunks(step) {
            parameters.read(data, |parameter| found.push(parameter));
        }
        found
    }

    fn has_token(body: &str, step: usize) -> bool {
        parameters(body, step).contains(&Parameter::AccessToken)
    }

    fn has_method(body: &str, step: usize) -> bool {
        let is_delete =
            |parameter: &Parameter| matches!(parameter, Parameter::Method(method) if method.trim() == "DELETE");
        parameters(body, step).iter().any(is_delete)
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
            "--b\r\nContent-ID: access_token\r\n\r\nb".to_owned(),
            "access_token%00=b".to_owned(),
        ] {
            for step in [1, 2, 7, 1000] {
                assert!(has_token(&form, step), "{form:.60} in steps of {step}");
            }
        }
    }

    #[test]
    fn a_method_is_found_in_any_fragmentation() {
        let long = "x".repeat(100_000);
        for form in [
            "_method=DELETE".to_owned(),
            "a=1&_method=DELETE&b=2".to_owned(),
            "_METHOD=DELETE".to_owned(),
            "%5fmethod=%44ELETE".to_owned(),
            ".method=+DELETE+".to_owned(),
            "_method[]=DELETE;x".to_owned(),
            format!("a={long}&_method=DELETE"),
            part("name=\"_method\"", "DELETE"),
            part("name=_method", "DELETE"),
            part("name = \"_METHOD\"\r\nContent-Type: text/plain", "DELETE"),
            part("NAME=\"_method\"; x=y", " DELETE "),
            part("x=\"name\"; name=\"_method\"", "DELETE"),
            part("filename=a; name=\"_method\"", "DELETE"),
            part("filename=a;\r\n name=\"_method\"", "DELETE"),
            part("name=\"a\"", "\n\r\n") + &part("name=\"_method\"", "DELETE"),
            part("name=\"a\"", &long) + &part("name=\"_method\"", "DELETE"),
            part("name=\"_method\"", "DELETE").replace('\r', ""),
            part("name='_method'", "DELETE"),
            part("name='_method'; filename=a", "DELETE"),
            "--b\r\nContent-ID: _method\r\n\r\nDELETE".to_owned(),
            "--b\r\nX: y\r\ncontent-id:_method\r\nContent-Type: text/plain\r\n\r\nDELETE".to_owned(),
            "_method%00=DELETE".to_owned(),
            "_method%00x=DELETE".to_owned(),
        ] {
            for step in [1, 2, 7, 1000] {
                assert!(has_method(&form, step), "{form:.60} in steps of {step}");
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
            "method=DELETE".to_owned(),
            "a=_method".to_owned(),
            "_method".to_owned(),
            part("name=\"a\"", "_method=DELETE"),
            part("name=\"method\"", "DELETE"),
            part("named=\"_method\"", "DELETE"),
            part(
                "name=\"a\"",
                "<input name=\"access_token\"> <input name=\"_method\">\r\n\r\nDELETE",
            ),
        ] {
            for step in [1, 5, 1000] {
                assert_eq!(parameters(&form, step), [], "{form} in steps of {step}");
            }
        }
    }
}
