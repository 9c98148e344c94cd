//! One parameter of a query, where every server reads the same text.

use std::borrow::Cow;

use super::spelling::folded;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueryParameter<'q> {
    /// No server finds one.
    Missing,
    /// The text, decoded.
    Text(Cow<'q, str>),
    /// Servers read different texts, with the reason.
    Ambiguous(&'static str),
}

impl<'q> QueryParameter<'q> {
    /// Finds the parameter of a name in a query.
    pub(crate) fn find(query: Option<&'q str>, name: &str) -> QueryParameter<'q> {
        let query = query.unwrap_or_default();
        if query.contains(';') {
            return QueryParameter::Ambiguous("the query has a `;`, which some servers read as `&`");
        }
        let wanted = folded(name);
        let mut found = None;
        for part in query.split('&') {
            let (written, value) = part
                .split_once('=')
                .map_or((part, None), |(name, value)| (name, Some(value)));
            let Some(decoded) = decoded(written, Plus::Blank) else {
                return QueryParameter::Ambiguous("the name of a parameter is not UTF-8 in valid escapes");
            };
            if folded(&decoded) != wanted {
                continue;
            }
            if found.is_some() {
                return QueryParameter::Ambiguous("the parameter is there twice");
            }
            if *decoded != *name {
                return QueryParameter::Ambiguous("the name of the parameter is in another spelling");
            }
            found = Some(value);
        }
        match found {
            None => QueryParameter::Missing,
            Some(None) => QueryParameter::Ambiguous("the parameter has no value"),
            Some(Some(value)) => match decoded(value, Plus::Invalid) {
                Some(text) if !text.contains(char::is_control) => QueryParameter::Text(text),
                _ => QueryParameter::Ambiguous("the value has a `+`, a control character, or invalid escapes"),
            },
        }
    }
}

/// What a `+` is: in a form a blank, in RFC 3986 itself.
#[derive(Clone, Copy, PartialEq)]
enum Plus {
    Blank,
    Invalid,
}

/// The text, if each of its escapes is complete and it is UTF-8.
fn decoded(written: &str, plus: Plus) -> Option<Cow<'_, str>> {
    if !written.contains(['%', '+']) {
        return Some(Cow::Borrowed(written));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        bytes.push(match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?
            }
            (b'%', _) => return None,
            (b'+', _) if plus == Plus::Invalid => return None,
            (b'+', _) => b' ',
            (byte, _) => *byte,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// A text in a query, each byte but unreserved ones as an escape.
pub(crate) fn encoded(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(query: &str) -> QueryParameter<'_> {
        QueryParameter::find(Some(query), "dry_run")
    }

    #[test]
    fn a_parameter_that_is_there_once_has_its_decoded_text() {
        for (query, text) in [
            ("dry_run=true", "true"),
            ("a=1&dry_run=true&b", "true"),
            ("dry_run=%74rue", "true"),
            ("dry%5Frun=true", "true"),
            ("dry_run=", ""),
            ("dry_run=a=b", "a=b"),
            ("dry_run=%2B1", "+1"),
            ("&&dry_run=t%20e", "t e"),
        ] {
            assert_eq!(find(query), QueryParameter::Text(text.into()), "{query}");
        }
        for query in ["", "a=1", "dry_runs=true", "x=dry_run=true"] {
            assert_eq!(find(query), QueryParameter::Missing, "{query}");
        }
        assert_eq!(QueryParameter::find(None, "a"), QueryParameter::Missing);
    }

    #[test]
    fn what_servers_read_differently_has_no_text() {
        for query in [
            "dry_run=true&dry_run=true",
            "dry_run=true&dryRun=false",
            "dry_run=true&DRY_RUN=false",
            "dry_run=true&dry_run[]=false",
            "dry_run=true&dry_run%00=false",
            "dry_run=true&dry.run=false",
            "dry_run=true&dry+run=false",
            "dry_run=true&%64ry_run=false",
            "dry_run=true;dry_run=false",
            "dry_run=true&amp;dry_run=false",
            "dry_run=true&%ff=1",
            "dry_run=true&%u0064ry_run=false",
            "dry_run=tr%75%zz",
            "dry_run=true%00",
            "dry_run=true%0a",
            "dry_run=%ff",
            "dry_run=a+b",
            "dry_run",
            "Dry_run=true",
            "dryrun=true",
            " dry_run=true",
        ] {
            assert!(matches!(find(query), QueryParameter::Ambiguous(_)), "{query}");
        }
    }
}
