//! Strict YAML with positions, for policies and for the settings of whoever embeds them.
//!
//! Unknown and duplicate keys are errors, and an error says where, what and how to mend it.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_saphyr::Error;

/// Reads one YAML document.
///
/// # Errors
/// [`YamlError`] with the position of the first mistake. For an unknown key it names the nearest known one.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| YamlError::new(&error, text))
}

/// Reads an optional key so that `key:` without a value is a mistake, not an absence.
///
/// For `#[serde(default, deserialize_with = "actgate::yaml::present")]`: serde alone would take null for [`None`], and a
/// check whose content was commented out would be gone without a word.
///
/// # Errors
/// Whatever `T` says of what is written.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Why a YAML document was not understood, and where. Lines and columns count from 1; 0 means unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// Line of the mistake.
    pub line: u64,
    /// Column of the mistake.
    pub column: u64,
    /// What is wrong, in one lowercase sentence.
    pub message: String,
    /// What to write instead, where that can be told.
    pub mend: Option<String>,
}

impl YamlError {
    fn new(error: &Error, text: &str) -> Self {
        let error = error.without_snippet();
        let place = error
            .location()
            .map_or((0, 0), |location| (location.line(), location.column()));
        let (line, column) = match error {
            Error::ExternalMessage { msg, .. } if speaks_of_a_tab(msg) => tab_from(text, place).unwrap_or(place),
            _ => place,
        };
        let (message, mend) = if is_of_the_wrong_kind(error) && nothing_stands_at(text, line, column) {
            missing()
        } else {
            told(error)
        };
        YamlError {
            line,
            column,
            message,
            mend,
        }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for YamlError {}

/// What a reader of `written` most likely meant, as a sentence.
pub fn nearest(written: &str, known: &[&str]) -> String {
    let best = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .min_by_key(|(distance, _)| *distance);
    match best {
        Some((distance, candidate)) if distance <= 1 + candidate.len() / 3 => {
            format!("did you mean `{candidate}`?")
        }
        _ => format!("expected one of {}", list(known)),
    }
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// What went wrong, and how to mend it, in words of the file and not of the program that reads it.
fn told(error: &Error) -> (String, Option<String>) {
    let (message, mend) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            return (format!("unknown key `{field}`"), Some(nearest(field, expected)));
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            return (format!("unknown word `{variant}`"), Some(nearest(variant, expected)));
        }
        Error::SerdeInvalidType {
            unexpected, expected, ..
        } => return wrong_type(unexpected, expected),
        Error::NullIntoString { .. } => return missing(),
        Error::AliasError { error, .. } => return told(error),
        // The words of our own `Deserialize`s.
        Error::Message { msg, .. } => return (msg.clone(), None),
        Error::ExternalMessage { msg, .. } => return syntax(msg),
        Error::SerdeMissingField { field, .. } => return (format!("the key `{field}` is missing"), None),
        Error::DuplicateMappingKey { key: Some(key), .. } => return (format!("the key `{key}` stands twice"), None),
        Error::SerdeInvalidValue { expected, .. } | Error::SerdeInvalidLength { expected, .. } => {
            return (format!("expected {}", in_words(expected)), None);
        }
        Error::Unexpected {
            expected: "sequence start",
            ..
        } => (
            "expected a list",
            Some("write `[a, b]`, or each item on a line of its own after `- `"),
        ),
        Error::Unexpected {
            expected: "mapping start",
            ..
        } => (
            "expected a mapping",
            Some("write keys with their values, as in `key: value`"),
        ),
        Error::Unexpected { .. } => ("expected a single value, not a list or a mapping", None),
        Error::SerdeVariantId { .. }
        | Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
        | Error::ExpectedStringKeyForExternallyTaggedEnum { .. }
        | Error::ExpectedMappingEndAfterEnumVariantValue { .. }
        | Error::UnexpectedValueForUnitEnumVariant { .. } => ("expected a single word, not a list or a mapping", None),
        Error::InvalidBooleanStrict { .. } => ("expected `true` or `false`", None),
        Error::InvalidScalar { ty: "u32", .. } => ("expected a whole number from 0 to 4294967295", None),
        Error::InvalidScalar { .. } => ("expected a whole number", None),
        Error::NonFiniteFloat { .. } => ("expected a finite number", None),
        Error::DuplicateMappingKey { key: None, .. } => ("a key stands twice", None),
        Error::MultipleDocuments { .. } => (
            "there is more than one document in the file",
            Some("keep one, and delete the `---` before the next"),
        ),
        Error::MergeKeyNotAllowed { .. } | Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            ("merge keys (`<<`) are not read", Some("write the keys out"))
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            ("an alias stands within its own anchor", Some("write out what is meant"))
        }
        Error::UnknownAnchor { .. } => (
            "this alias has no anchor",
            Some("put `&name` before the value it stands for, further up; quote a text that begins with `*`"),
        ),
        Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::Budget { .. } => ("the file is too large, too deep, or repeats too much by aliases", None),
        Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. }
        | Error::TaggedEnumMismatch { .. }
        | Error::UnsupportedTag { .. } => ("this tag does not fit the value", Some("delete the `!` and the tag")),
        Error::Eof { .. } => ("the file is empty, or ends too early", None),
        _ => ("this cannot be read as it is written", None),
    };
    (message.to_owned(), mend.map(str::to_owned))
}

fn missing() -> (String, Option<String>) {
    (
        "a value is missing here".to_owned(),
        Some("write one, or take the key out".to_owned()),
    )
}

/// Whether another kind of value was expected: what is said of a missing value, too.
fn is_of_the_wrong_kind(error: &Error) -> bool {
    matches!(
        error,
        Error::Unexpected { .. }
            | Error::InvalidBooleanStrict { .. }
            | Error::InvalidScalar { .. }
            | Error::SerdeUnknownVariant { .. }
    )
}

/// Whether the value at a place is null: nothing at all, `~` or `null`.
fn nothing_stands_at(text: &str, line: u64, column: u64) -> bool {
    let (Ok(line), Ok(column)) = (usize::try_from(line), usize::try_from(column)) else {
        return false;
    };
    let Some(written) = line.checked_sub(1).and_then(|above| text.lines().nth(above)) else {
        return false;
    };
    let rest: String = written.chars().skip(column.saturating_sub(1)).collect();
    // Where nothing is written, the place is that of the colon.
    let rest = rest.strip_prefix(':').unwrap_or(&rest).trim_start();
    let value = rest.split([',', '}', ']', '#', ' ']).next().unwrap_or_default();
    matches!(value.trim_end(), "" | "~" | "null")
}

/// A value of a kind that its reader does not take. The value itself stays in the file.
fn wrong_type(unexpected: &str, expected: &str) -> (String, Option<String>) {
    let kind = unexpected.split(['`', '"']).next().unwrap_or_default().trim();
    let found = match kind {
        "unit value" | "Option value" => return missing(),
        "boolean" => "true or false",
        "integer" | "floating point" => "a number",
        "string" | "character" => "a text",
        "sequence" => "a list",
        "map" => "a mapping",
        _ => "something else",
    };
    let mend = matches!(kind, "boolean" | "integer" | "floating point")
        .then(|| "where a text is meant, put it in quotes".to_owned());
    (format!("expected {}, not {found}", in_words(expected)), mend)
}

/// What serde calls the shapes of values; other sentences are our own.
fn in_words(expected: &str) -> &str {
    match expected.split(' ').next() {
        Some("struct" | "map") => "a mapping",
        Some("enum" | "variant") => "a single word",
        Some("u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize") => "a whole number",
        Some("f32" | "f64") => "a number",
        _ => match expected {
            "a string" | "string" | "str" => "a text",
            "a sequence" => "a list",
            "a map" => "a mapping",
            "a boolean" => "`true` or `false`",
            other => other,
        },
    }
}

/// What the parser says of the syntax.
fn syntax(message: &str) -> (String, Option<String>) {
    if speaks_of_a_tab(message) {
        let mend = "indent with spaces".to_owned();
        ("a tab stands where only spaces may".to_owned(), Some(mend))
    } else if message.contains("recursion limit") {
        ("lists and mappings are nested too deep".to_owned(), None)
    } else {
        (format!("this is not YAML: {message}"), None)
    }
}

fn speaks_of_a_tab(message: &str) -> bool {
    message.contains(" tab") || message.starts_with("tab")
}

/// The first tab in an indentation at or after a place: the parser names the end of what stands before it.
fn tab_from(text: &str, (line, _): (u64, u64)) -> Option<(u64, u64)> {
    let mut lines = (1..).zip(text.lines()).skip_while(|(number, _)| *number < line);
    lines.find_map(|(number, written)| {
        let columns = (1..).zip(written.chars());
        let mut indentation = columns.take_while(|(_, character)| character.is_whitespace());
        let (column, _) = indentation.find(|(_, character)| *character == '\t')?;
        Some((number, column))
    })
}

/// A value together with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its line, from 1.
    pub line: u64,
    /// Its column, from 1.
    pub column: u64,
}

impl<T> At<T> {
    /// The place alone.
    pub fn place(&self) -> At<()> {
        At {
            value: (),
            line: self.line,
            column: self.column,
        }
    }

    /// Another value at the same place.
    pub fn with<U>(&self, value: U) -> At<U> {
        At {
            value,
            line: self.line,
            column: self.column,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        Ok(At {
            line: spanned.referenced.line(),
            column: spanned.referenced.column(),
            value: spanned.value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Settings {
        listen: At<String>,
        #[serde(default)]
        strict: bool,
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest_known_one() {
        let error = read::<Settings>("listen: a\nstict: true\n").unwrap_err();
        assert_eq!(error.to_string(), "2:1: unknown key `stict`; did you mean `strict`?");
        let error = read::<Settings>("listen: a\ncolour: true\n").unwrap_err();
        assert_eq!(error.mend.unwrap(), "expected one of `listen`, `strict`");
    }

    #[test]
    fn a_value_knows_its_place() {
        let settings = read::<Settings>("strict: false\nlisten: here\n").unwrap();
        assert_eq!((settings.listen.line, settings.listen.column), (2, 9));
    }

    #[test]
    fn duplicates_missing_keys_and_loose_booleans_are_errors() {
        for text in [
            "listen: a\nlisten: b\n",
            "strict: true\n",
            "listen: a\nstrict: yes\n",
            "listen: [",
            "- a",
        ] {
            let error = read::<Settings>(text).unwrap_err();
            assert!(!error.message.is_empty(), "{text}");
        }
    }
}
