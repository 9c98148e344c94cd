//! `revocations`: the list of revoked tokens.

use actgate::revocation::Revocations;
use actgate_yaml::{Diagnostic, Span, Spanned};

use super::reader::ConfigReader;
use super::secret_file::FileFindings;
use crate::config::settings::RevocationSettings;
use crate::files::text_file::read_text_within;

impl ConfigReader<'_> {
    /// Reads the list. A file that this machine does not have is no mistake yet; with it missing, the gate does not start.
    pub(super) fn revocations(
        &mut self,
        written: Option<&Spanned<String>>,
        findings: &mut FileFindings,
    ) -> Option<RevocationSettings> {
        let written = written?;
        let file = self.beside(&written.value);
        let text = match read_text_within(&file, RevocationSettings::MAX_MIB) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("`{}`: {}", file.display(), error.message);
                let help = "write the path where `actgate run` finds it; a list without an entry is `revocations: []`";
                match error.is_missing {
                    true => findings
                        .missing
                        .extend([self.finding(written, message, help.to_owned())]),
                    false => self.diagnostics.push(written.span(), message, error.help),
                }
                return None;
            }
        };
        match Revocations::from_yaml(&text) {
            Ok(list) => Some(RevocationSettings {
                file,
                list: list.into(),
            }),
            Err(error) => {
                let mistakes = error.iter().map(|(line, column, message, help)| Diagnostic {
                    file: Some(file.clone()),
                    ..Diagnostic::new(Span { line, column }, message, help.unwrap_or_default())
                });
                self.diagnostics.extend(mistakes);
                None
            }
        }
    }
}
