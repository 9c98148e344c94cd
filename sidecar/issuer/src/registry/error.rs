//! What is wrong with a registry file: the place, the fault, the mend.

use std::fmt;

use serde_saphyr::{Error, Location, Spanned};

/// Why a registry could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// Counted from 1; 0 where the reader could not tell.
    pub line: u64,
    /// Counted from 1; 0 where the reader could not tell.
    pub column: u64,
    /// What is wrong, without any secret of the file.
    pub message: String,
    /// What to write instead, where that can be told.
    pub mend: Option<String>,
}

impl RegistryError {
    pub(super) fn at(here: &Location, message: impl Into<String>) -> RegistryError {
        RegistryError {
            line: here.line(),
            column: here.column(),
            message: message.into(),
            mend: None,
        }
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> RegistryError {
        self.mend = Some(mend.into());
        self
    }

    /// A reference to nothing, with the nearest name there is.
    pub(super) fn unknown<'a>(
        what: &str,
        written: &Spanned<String>,
        known: impl Iterator<Item = &'a str>,
    ) -> RegistryError {
        let message = format!("unknown {what} `{}`", written.value);
        RegistryError::at(&written.referenced, message).mend(match nearest(&written.value, known) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "define it, or take it out".to_owned(),
        })
    }

    /// A fault of the text itself, as the YAML reader found it.
    pub(super) fn of(error: &Error) -> RegistryError {
        let here = error.location().unwrap_or(Location::UNKNOWN);
        match error {
            Error::SerdeUnknownField { field, expected, .. } => {
                let names = expected.iter().copied();
                let mend = match nearest(field, names.clone()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("expected one of {}", names.collect::<Vec<_>>().join(", ")),
                };
                RegistryError::at(&here, format!("unknown key `{field}`")).mend(mend)
            }
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                RegistryError::at(&here, format!("`{key}` stands twice")).mend("take one out")
            }
            other => {
                // The reader repeats the place at the end of its sentence.
                let text = other.to_string();
                let place = format!(" at line {}, column {}", here.line(), here.column());
                RegistryError::at(&here, text.strip_suffix(&place).unwrap_or(&text))
            }
        }
    }
}

/// The name a slip of the keyboard most likely meant.
fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(name, written), name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .min()
        .map(|(_, name)| name)
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)?;
        match &self.mend {
            Some(mend) => write!(f, "; {mend}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for RegistryError {}
