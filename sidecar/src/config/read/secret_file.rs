//! Files with secrets.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use actgate_yaml::{Diagnostic, Diagnostics, Spanned};

use super::reader::ConfigReader;
use crate::files::text_file::FileError;

/// What is found about files that is no mistake in the configuration.
#[derive(Debug, Default)]
pub(super) struct FileFindings {
    /// The files that this machine does not have: the machine that checks a configuration may not be the one that runs it.
    pub(super) missing: Diagnostics,
    pub(super) warnings: Diagnostics,
}

impl ConfigReader<'_> {
    /// Reads the secret in a file with `read`; `None` for a file that cannot be used, which is reported.
    pub(super) fn secret_file<T>(
        &mut self,
        key: &str,
        written: &Spanned<String>,
        read: fn(&Path) -> Result<T, FileError>,
        findings: &mut FileFindings,
    ) -> Option<(PathBuf, T)> {
        let file = self.beside(&written.value);
        let (message, help, is_missing) = match read(&file) {
            Ok(secret) => {
                if is_readable_by_all(&file) {
                    let message = format!("every user of this machine can read `{}`", file.display());
                    let help = format!("remove the permission: chmod o= {}", file.display());
                    findings.warnings.extend([self.finding(written, message, help)]);
                }
                return Some((file, secret));
            }
            Err(error) => (error.message, error.help, error.is_missing),
        };
        let message = format!("`{}`: {message}", file.display());
        let help = match help {
            "" => format!("write the path where `actgate run` finds it: `{key}: FILE`"),
            help => help.to_owned(),
        };
        match is_missing {
            true => findings.missing.extend([self.finding(written, message, help)]),
            false => self.diagnostics.push(written.span(), message, help),
        }
        None
    }

    pub(super) fn finding(&self, written: &Spanned<String>, message: String, help: String) -> Diagnostic {
        Diagnostic {
            file: Some(self.file.to_owned()),
            ..Diagnostic::new(written.span(), message, help)
        }
    }
}

fn is_readable_by_all(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}
