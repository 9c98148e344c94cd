//! A token as people paste it: with its scheme, in quotes, broken into lines, in the response of the token endpoint.

use std::borrow::Cow;

use serde_json::Value;

/// A token without what surrounded it, and what that was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PastedToken {
    pub(crate) token: String,
    /// What was removed, which a request must not have.
    pub(crate) notes: Vec<Cow<'static, str>>,
}

impl PastedToken {
    /// Reads the text of standard input.
    pub(crate) fn of(text: &str) -> PastedToken {
        let mut notes = Vec::new();
        let mut token = text.trim_matches(is_blank).to_owned();
        if token.starts_with('{')
            && let Ok(Value::Object(response)) = serde_json::from_str(&token)
        {
            match (response.get("access_token"), response.get("error")) {
                (Some(Value::String(access_token)), _) => {
                    token = access_token.clone();
                    notes.push("the token is the `access_token` of a JSON object".into());
                }
                (_, Some(Value::String(error))) => {
                    notes.push(format!("this is no token: it is the error response `{error}` of an issuer").into());
                }
                _ => notes.push(
                    "this is no token: it is a JSON object without `access_token`; `--claims` takes claims".into(),
                ),
            }
        }
        if let Some(value) = strip_prefix(&token, "authorization:") {
            token = value.trim_start().to_owned();
            notes.push("`Authorization:` before the token is ignored".into());
        }
        token = unquoted(&token, &mut notes);
        if let Some(value) = strip_prefix(&token, "bearer ") {
            token = value.trim_start().to_owned();
            notes.push("`Bearer` before the token is ignored".into());
        }
        token = unquoted(&token, &mut notes);
        if token.contains(is_blank) {
            token.retain(|character| !is_blank(character));
            notes.push("white space within the token is ignored".into());
        }
        PastedToken { token, notes }
    }
}

/// White space, and the marks that some editors and consoles add.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}')
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn unquoted(text: &str, notes: &mut Vec<Cow<'static, str>>) -> String {
    const QUOTES: [char; 7] = ['"', '\'', '`', '“', '”', '‘', '’'];
    let inner = text.trim_end_matches([',', ';']).trim_matches(QUOTES);
    if inner.len() < text.len() {
        notes.push("quotes around the token are ignored".into());
    }
    inner.trim_matches(is_blank).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_token_is_removed_with_a_note() {
        let (scheme, field, quotes, blank, json) = (
            "`Bearer` before the token is ignored",
            "`Authorization:` before the token is ignored",
            "quotes around the token are ignored",
            "white space within the token is ignored",
            "the token is the `access_token` of a JSON object",
        );
        for (text, token, notes) in [
            ("a.b.c", "a.b.c", vec![]),
            ("  a.b.c\r\n", "a.b.c", vec![]),
            ("\u{feff}a.b.c\n", "a.b.c", vec![]),
            ("Bearer a.b.c", "a.b.c", vec![scheme]),
            ("bearer   a.b.c\n", "a.b.c", vec![scheme]),
            ("Authorization: Bearer a.b.c", "a.b.c", vec![field, scheme]),
            (
                "'Authorization: Bearer a.b.c'",
                "Authorization:Bearera.b.c",
                vec![quotes, blank],
            ),
            (
                r#"{"error":"invalid_client"}"#,
                r#"{"error":"invalid_client"}"#,
                vec!["this is no token: it is the error response `invalid_client` of an issuer"],
            ),
            ("\"a.b.c\"", "a.b.c", vec![quotes]),
            ("“a.b.c”", "a.b.c", vec![quotes]),
            ("\"Bearer a.b.c\",", "a.b.c", vec![quotes, scheme]),
            ("a.b\n.c", "a.b.c", vec![blank]),
            ("a.\r\n  b.c", "a.b.c", vec![blank]),
            (
                "{\"access_token\":\"a.b.c\",\"token_type\":\"Bearer\"}\n",
                "a.b.c",
                vec![json],
            ),
            (
                "{\"id_token\":\"a.b.c\"}",
                "{\"id_token\":\"a.b.c\"}",
                vec!["this is no token: it is a JSON object without `access_token`; `--claims` takes claims"],
            ),
            ("Bearer", "Bearer", vec![]),
            ("", "", vec![]),
        ] {
            let (token, notes) = (token.to_owned(), notes.into_iter().map(Cow::Borrowed).collect());
            assert_eq!(PastedToken::of(text), PastedToken { token, notes }, "{text:?}");
        }
    }
}
