//! One reading of one configuration: its file, what was left out of the document, and the mistakes so far.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actgate_yaml::{Diagnostics, Omissions, Span, Spanned};

use super::values::{self, InvalidValue};
use crate::files::text_file::{FileError, read_text};

pub(super) struct ConfigReader<'a> {
    pub(super) file: &'a Path,
    pub(super) diagnostics: &'a mut Diagnostics,
    pub(super) omissions: &'a Omissions,
    /// The files that were read, or are missing, and that no part of a gate reads again by itself.
    pub(super) files: &'a mut Vec<PathBuf>,
}

impl ConfigReader<'_> {
    /// A path relative to the configuration.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Reads a file that the gate does not read again by itself.
    pub(super) fn read(&mut self, file: &Path) -> Result<String, FileError> {
        self.files.push(file.to_owned());
        read_text(file)
    }

    /// Reports a required key of `mapping` that is missing, unless it was left out with a mistake of its own.
    pub(super) fn required<'d, T>(&mut self, key: &str, value: Option<&'d T>, mapping: Span) -> Option<&'d T> {
        if value.is_none() && !self.omissions.has_key(key) {
            let help = match key {
                "audience" => "add `audience: …`, or `resources` for several APIs".to_owned(),
                key => format!("add `{key}: …`"),
            };
            self.diagnostics
                .push(mapping, format!("the key `{key}` is missing"), help);
        }
        value
    }

    pub(super) fn take<T, R>(
        &mut self,
        written: &Spanned<T>,
        parse: impl FnOnce(&T) -> Result<R, InvalidValue>,
    ) -> Option<R> {
        parse(&written.value)
            .map_err(|InvalidValue { message, help }| self.diagnostics.push(written.span(), message, help))
            .ok()
    }

    pub(super) fn optional<T, R>(
        &mut self,
        written: Option<&Spanned<T>>,
        parse: impl FnOnce(&T) -> Result<R, InvalidValue>,
    ) -> Option<R> {
        written.and_then(|written| self.take(written, parse))
    }

    /// Sets a duration if it is written and in range.
    pub(super) fn duration(
        &mut self,
        written: Option<&Spanned<String>>,
        range: RangeInclusive<Duration>,
        setting: &mut Duration,
    ) {
        if let Some(duration) = self.optional(written, |text| values::duration_within(text, range)) {
            *setting = duration;
        }
    }
}
