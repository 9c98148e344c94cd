//! What a part of a foreign path looks like.

/// Wildcards without a name, a regular expression for any text included.
pub(super) fn is_wildcard(text: &str) -> bool {
    let is_glob = text.contains('*') && text.bytes().all(|byte| b"*.+?".contains(&byte));
    is_glob || is_everything(text) || text == "+" || text.len() > 2 && text.bytes().all(|byte| byte == b'.')
}

/// A regular expression that matches any text.
pub(super) fn is_everything(text: &str) -> bool {
    let text = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text);
    matches!(text, ".*" | ".+" | ".*?" | ".+?" | "*" | "**" | "[\\s\\S]*")
}

/// `${x}`, `%{x}`, `#{x}`.
pub(super) fn is_variable(text: &str) -> bool {
    text.get(1..).is_some_and(|braces| {
        text.starts_with(['$', '%', '#']) && group(braces, '{', '}').is_some_and(|(_, after)| after.is_empty())
    })
}

/// `[0-9]`, `[a-z]+`, `[^/]`.
pub(super) fn is_character_class(text: &str) -> bool {
    group(text, '[', ']').is_some_and(|(inner, after)| {
        let characters: Vec<char> = inner.chars().collect();
        let is_range = characters
            .windows(3)
            .any(|range| range[1] == '-' && range[0] < range[2]);
        inner.starts_with('^')
            || inner.contains('\\')
            || is_range && (characters.len().is_multiple_of(3) || !after.is_empty())
            || matches!(after, "+" | "*")
    })
}

/// The inside of the group that a text begins with, and what follows it.
pub(super) fn group(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some((&text[open.len_utf8()..index], &text[index + close.len_utf8()..]));
            }
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// The name of the first parameter within other text, empty for a wildcard; none where there is neither.
pub(super) fn embedded_name(text: &str) -> Option<&str> {
    let named = text.find('{').or_else(|| {
        text.find('<')
            .filter(|begin| group(&text[*begin..], '<', '>').is_some())
    });
    if let Some(begin) = named {
        return Some(first_word(&text[begin..]));
    }
    let begin = text.find(['*', '[', '(', '\\'])?;
    let rest = &text[begin..];
    let is_alphanumeric = |inner: &str| inner.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match rest.chars().next() {
        Some('(') => group(rest, '(', ')')
            .filter(|(inner, _)| !is_alphanumeric(inner))
            .map(|_| ""),
        Some('[') if is_character_class(rest) => Some(""),
        Some('[') => group(rest, '[', ']')
            .filter(|(inner, _)| inner.bytes().any(|byte| !byte.is_ascii_digit()))
            .map(|(inner, _)| first_word(inner)),
        _ => Some(""),
    }
}

/// The first word of a text.
pub(super) fn first_word(text: &str) -> &str {
    let words = text.trim_start_matches(|character: char| !character.is_ascii_alphabetic() && character != '_');
    &words[..word_length(words)]
}

/// Whether a backslash is no part of a regular expression.
pub(super) fn has_plain_backslash(text: &str) -> bool {
    text.split('\\')
        .skip(1)
        .any(|after| !after.starts_with(|next: char| "dwsDWS.+*?()[]{}^$|".contains(next)))
}

/// The length of the word that a text begins with.
pub(super) fn word_length(text: &str) -> usize {
    let is_word = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    text.find(|character| !is_word(character)).unwrap_or(text.len())
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && word_length(text) == text.len()
}

/// A name for a parameter.
pub(super) fn identifier(text: &str) -> Box<str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let name: String = text
        .trim()
        .chars()
        .map(|character| if is_word(character) { character } else { '_' })
        .collect();
    let name = name.trim_matches(|character: char| character == '_' && !text.starts_with('_'));
    match name.chars().next() {
        None => "name".into(),
        Some(first) if first.is_ascii_digit() => format!("_{name}").into(),
        Some(_) => name.into(),
    }
}

/// The text with its escapes decoded, if it has any and all are valid.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    let mut has_escape = false;
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        has_escape = true;
        let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(decoded).ok().filter(|_| has_escape)
}
