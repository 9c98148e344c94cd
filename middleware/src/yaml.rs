//! Strict YAML with positions, for policies and for the settings of whoever embeds them.
//!
//! Unknown and duplicate keys are errors, and an error says where, what and how to mend it.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

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
    serde_saphyr::from_str_with_options(text, options).map_err(|error| YamlError::new(&error))
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
    fn new(error: &serde_saphyr::Error) -> Self {
        use serde_saphyr::Error;
        let error = error.without_snippet();
        let (line, column) = error
            .location()
            .map_or((0, 0), |location| (location.line(), location.column()));
        let (message, mend) = match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                (format!("unknown key `{field}`"), Some(nearest(field, expected)))
            }
            Error::SerdeUnknownVariant { variant, expected, .. } => {
                (format!("unknown word `{variant}`"), Some(nearest(variant, expected)))
            }
            Error::SerdeMissingField { field, .. } => (format!("the key `{field}` is missing"), None),
            Error::DuplicateMappingKey { key: Some(key), .. } => (format!("the key `{key}` stands twice"), None),
            other => (plain(&other.to_string()), None),
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

/// The library's own message without the position that we print in front.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let text = first.split(" at line ").next().unwrap_or(first);
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_lowercase().chain(characters).collect())
        .unwrap_or_default()
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
