//! Removes tokens from what a client chose.

use std::borrow::Cow;

/// The beginning of a JWS or JWE in its compact form: Base64url of `{"`.
const BEGINNING: &str = "eyJ";

const REPLACEMENT: &str = "[token]";

/// The text with `[token]` in place of each JWS or JWE in its compact form, or of what looks like the beginning of one.
pub(crate) fn without_tokens(text: &str) -> Cow<'_, str> {
    // A search for a text prepares more than most paths take.
    if !text.as_bytes().windows(3).any(|window| window == BEGINNING.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let mut clean: Option<String> = None;
    let mut rest = text;
    while let Some((before, token, after)) = split_token(rest) {
        let clean = clean.get_or_insert_default();
        clean.push_str(before);
        clean.push_str(if token.contains(['.', '%']) { REPLACEMENT } else { token });
        rest = after;
    }
    match clean {
        None => Cow::Borrowed(text),
        Some(clean) => Cow::Owned(clean + rest),
    }
}

/// The text before a possible token, the token, and the text after it.
fn split_token(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find(BEGINNING)?;
    // A dot may be escaped.
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '%');
    let length = text[start..].find(|c| !belongs(c)).unwrap_or(text.len() - start);
    let (token, after) = text[start..].split_at(length);
    Some((&text[..start], token, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced_at_any_place() {
        for (text, clean) in [
            ("/reset/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "/reset/[token]"),
            (
                "/eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln/x/eyJh.b.c",
                "/[token]/x/[token]",
            ),
            ("/a;t=eyJhbGciOiJFUzI1NiJ9.e30.", "/a;t=[token]"),
            ("/eyJhbGci.a.b.c.d,x", "/[token],x"),
            ("/eyJhbGci%2EeyJz%2ec2ln/é", "/[token]/é"),
            ("xeyJhbGci.eyJz.c2ln", "x[token]"),
            ("/keyJar", "/keyJar"),
            ("/keyJar/eyJh.b", "/keyJar/[token]"),
            ("/orders/1.2.3", "/orders/1.2.3"),
            ("", ""),
        ] {
            assert_eq!(without_tokens(text), clean, "{text}");
        }
    }

    #[test]
    fn other_text_is_not_copied() {
        assert!(matches!(without_tokens("/orders/42"), Cow::Borrowed(_)));
    }
}
