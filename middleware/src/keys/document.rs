//! A JSON document of an issuer, read for the members that matter.
//!
//! Only these are read strictly. A document is public and describes much else: other members may have any value, and
//! may occur twice.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// The texts of these members of a document, in this order.
///
/// # Errors
/// A reason, which contains no part of the document.
pub(super) fn members<'d, const N: usize>(
    document: &'d [u8],
    names: [&'static str; N],
) -> Result<[Option<&'d RawValue>; N], String> {
    // RFC 8259 section 8.1 allows to ignore a byte order mark.
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let mut twice = None;
    let visitor = Members {
        names,
        twice: &mut twice,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(document);
    let found = deserializer.deserialize_map(visitor);
    let found = found.and_then(|found| deserializer.end().map(|()| found));
    found.map_err(|error| match twice {
        Some(name) => format!("the document has the member `{name}` twice"),
        None => not_an_object(document, &error),
    })
}

fn not_an_object(document: &[u8], error: &serde_json::Error) -> String {
    let begins = |text: &[u8]| document.trim_ascii_start().starts_with(text);
    if document.trim_ascii().is_empty() {
        "the document is empty".to_owned()
    } else if begins(b"<") {
        "the document is HTML or XML, not JSON".to_owned()
    } else if begins(b"-----BEGIN ") {
        "the document is PEM, not JSON".to_owned()
    } else if begins(b"\x1f\x8b") {
        "the document is compressed".to_owned()
    } else if std::str::from_utf8(document).is_err() {
        "the document is not UTF-8".to_owned()
    } else {
        match error.classify() {
            Category::Data => "the document is not a JSON object".to_owned(),
            Category::Eof => "the document ends within its JSON".to_owned(),
            Category::Syntax | Category::Io => {
                format!(
                    "the document is not JSON: line {}, column {}",
                    error.line(),
                    error.column()
                )
            }
        }
    }
}

struct Members<'t, const N: usize> {
    names: [&'static str; N],
    twice: &'t mut Option<&'static str>,
}

impl<'d, const N: usize> Visitor<'d> for Members<'_, N> {
    type Value = [Option<&'d RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(Name(name)) = entries.next_key()? {
            let Some(at) = self.names.iter().position(|wanted| *wanted == name) else {
                entries.next_value::<IgnoredAny>()?;
                continue;
            };
            if found[at].is_some() {
                *self.twice = Some(self.names[at]);
                return Err(serde::de::Error::custom("twice"));
            }
            found[at] = Some(entries.next_value()?);
        }
        Ok(found)
    }
}

/// A member's name; `Cow` alone would always be copied by serde.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &[u8]) -> Result<[Option<&str>; 2], String> {
        members(document, ["a", "b"]).map(|found| found.map(|value| value.map(RawValue::get)))
    }

    #[test]
    fn other_members_have_any_value() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let long = vec!["\"x\""; 5000].join(",");
        for other in [
            "1e400",
            "1",
            "\"\\ud800\"",
            "{\"x\":1,\"x\":2}",
            &deep,
            &format!("[{long}]"),
        ] {
            let document = format!(r#"{{"x":{other},"b":"two","x":{other}}}"#);
            assert_eq!(read(document.as_bytes()), Ok([None, Some("\"two\"")]), "{other:.40}");
        }
        assert_eq!(read(b"\xef\xbb\xbf {\"a\":1e400}\n"), Ok([Some("1e400"), None]));
        assert_eq!(read(b"{}"), Ok([None, None]));
    }

    #[test]
    fn each_failure_has_its_reason() {
        let reason = |document: &[u8]| read(document).unwrap_err();
        assert_eq!(
            reason(br#"{"a":1,"\u0061":1}"#),
            "the document has the member `a` twice"
        );
        assert_eq!(reason(b" \n"), "the document is empty");
        assert_eq!(reason(b"\xef\xbb\xbf"), "the document is empty");
        for html in [&b"<!doctype html>"[..], b"\n<html>", b"\xef\xbb\xbf<?xml?>"] {
            assert_eq!(reason(html), "the document is HTML or XML, not JSON");
        }
        for other in [&b"[]"[..], b"null", b"\"a\"", b"7"] {
            assert_eq!(reason(other), "the document is not a JSON object");
        }
        assert_eq!(reason(b"-----BEGIN PUBLIC KEY-----"), "the document is PEM, not JSON");
        assert_eq!(reason(b"\x1f\x8b\x08\x00"), "the document is compressed");
        assert_eq!(reason(b"\xff\xfe{\x00"), "the document is not UTF-8");
        assert_eq!(reason(br#"{"a":"#), "the document ends within its JSON");
        assert_eq!(reason(b"{\n a: 1}"), "the document is not JSON: line 2, column 2");
        assert_eq!(reason(b"{} x"), "the document is not JSON: line 1, column 4");
    }
}
