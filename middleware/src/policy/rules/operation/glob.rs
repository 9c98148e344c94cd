//! `matches`: a text with `*` for any text, which may be empty. The whole text is compared.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The texts between the `*`: there are at least two, and one is not empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Glob(Box<[Box<str>]>);

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A text with `*` for any text.
    Glob = "Glob", { "type": "string", "pattern": r"^(?!\^)(?!.*\*\*)(?=.*[^*])[^?\[\]\\|({]*\*[^?\[\]\\|({]*(?<!\$)$" };
}

impl Glob {
    /// Takes the leftmost place for each part: one pass, without going back.
    ///
    /// A control character or a dot segment is not accepted: what reads the text may end or resolve it there.
    pub(super) fn accepts(&self, text: &str) -> bool {
        let has_dot_segment = text.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."));
        if has_dot_segment || text.contains(char::is_control) {
            return false;
        }
        let [first, middle @ .., last] = &*self.0 else {
            return false;
        };
        let Some(rest) = text.strip_prefix(&**first).and_then(|rest| rest.strip_suffix(&**last)) else {
            return false;
        };
        let mut rest = rest;
        middle.iter().all(|part| match rest.find(&**part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

impl Glob {
    /// A text that it accepts.
    pub(super) fn example(&self) -> Box<str> {
        self.0.join("x").into()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("*"))
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pattern;
        impl Visitor<'_> for Pattern {
            type Value = Glob;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text with `*` for any text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Glob, E> {
                let shown = text.replace(char::is_control, " ");
                let has_other = text.starts_with('^')
                    || text.ends_with('$')
                    || text.contains(['?', '[', ']', '\\', '|', '(', '{'])
                    || text.contains("**");
                if has_other {
                    return Err(E::custom(format!(
                        "`{shown}` has more than `*`, which is the only pattern\nwrite `*` for any text, or each text under `one_of`"
                    )));
                }
                match text.trim_matches('*') {
                    "" => Err(E::custom(format!(
                        "`{shown}` matches every text\nleave the test out, or write a part of the text"
                    ))),
                    _ if !text.contains('*') => Err(E::custom(format!(
                        "`{shown}` has no `*`\nwrite the value itself, without `matches`"
                    ))),
                    _ => Ok(Glob(text.split('*').map(Box::from).collect())),
                }
            }
        }
        deserializer.deserialize_str(Pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(text: &str) -> Result<Glob, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn a_star_is_any_text_and_the_whole_text_is_compared() {
        for (pattern, accepted, other) in [
            ("/a/*", &["/a/", "/a/b"][..], &["/a", "x/a/", "/A/b"][..]),
            ("*.pdf", &[".pdf", "a.pdf"], &["a.pdfx", "a.PDF"]),
            ("a*b*c", &["abc", "axbxbxc"], &["acb", "ab", "abx"]),
            ("aa*aa", &["aaaa", "aaxaa"], &["aaa", "aa"]),
            ("*a*", &["a", "xax"], &["", "x"]),
        ] {
            let glob = glob(pattern).unwrap();
            assert_eq!(glob.to_string(), pattern);
            for text in accepted {
                assert!(glob.accepts(text), "{pattern} {text}");
            }
            for text in other {
                assert!(!glob.accepts(text), "{pattern} {text}");
            }
        }
        for pattern in ["", "*", "a", "a?*", "^a*", "[a]*", "a**b", "(a|b)*", "a\\*"] {
            assert!(glob(pattern).is_err(), "{pattern}");
        }
    }
}
