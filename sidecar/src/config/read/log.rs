//! The target of the decision log: standard output, or a file that the gate does not read.

use std::path::{Path, PathBuf};

use actgate_yaml::Spanned;

use super::reader::ConfigReader;
use super::values::{self, InvalidValue, invalid};
use crate::config::document::decision_log::{DecisionLogDocument, RotateDocument};
use crate::log::decision_log::LogTarget;
use crate::log::log_file::Rotation;

/// How many files of a log are kept, unless it is written.
const KEPT_FILES: u32 = 5;

impl ConfigReader<'_> {
    /// Reads the target. `policy` is the file of the policy.
    pub(super) fn decision_log(
        &mut self,
        document: Option<&Spanned<DecisionLogDocument>>,
        policy: Option<&Spanned<String>>,
    ) -> LogTarget {
        let document = document.map(|document| &document.value);
        let target = self.log_target(document.and_then(|document| document.file.as_ref()), policy);
        let Some(written) = document.and_then(|document| document.rotate.as_ref()) else {
            return target;
        };
        let rotation = self.rotation(written);
        match target {
            LogTarget::File { path, .. } => LogTarget::File { path, rotation },
            LogTarget::Stdout => {
                let message = "`rotate` is for a file, and the log goes to standard output";
                self.diagnostics
                    .push(written.span(), message, "add `file`, or remove it");
                target
            }
        }
    }

    fn rotation(&mut self, written: &Spanned<RotateDocument>) -> Option<Rotation> {
        let RotateDocument { size, keep } = &written.value;
        let size = self.required("size", size.as_ref(), written.span());
        let size = self.optional(size, |text| values::file_size(text));
        let keep = self.optional(keep.as_ref(), |keep| values::kept_files(*keep));
        Some(Rotation {
            size: size?,
            keep: keep.unwrap_or(KEPT_FILES),
        })
    }

    fn log_target(&mut self, written: Option<&Spanned<String>>, policy: Option<&Spanned<String>>) -> LogTarget {
        let Some(written) = written else {
            return LogTarget::Stdout;
        };
        let mut own = vec![self.file.to_owned()];
        own.extend(policy.map(|policy| self.beside(&policy.value)));
        let path = self.beside(&written.value);
        self.take(written, |text| match text.as_str() {
            "stdout" => Ok(LogTarget::Stdout),
            text => log_file(text, path, &own).map(|path| LogTarget::File { path, rotation: None }),
        })
        .unwrap_or(LogTarget::Stdout)
    }
}

/// What other products accept as a target of logs. Here each would be the name of a file.
const NOT_FILES: [&str; 14] = [
    "-", "stdout", "stderr", "console", "syslog", "journald", "none", "null", "off", "on", "no", "yes", "false", "true",
];

fn log_file(text: &str, path: PathBuf, own: &[PathBuf]) -> Result<PathBuf, InvalidValue> {
    const HELP: &str = "write `stdout`, or a file in an existing folder";
    if text.trim().is_empty() {
        return invalid("the path of the decision log is empty", HELP);
    }
    if text.contains('\0') {
        return invalid("the path of the decision log contains a NUL", HELP);
    }
    // The limits of file systems and of Linux.
    if text.split('/').any(|name| name.len() > 255) || path.as_os_str().len() > 4095 {
        let message = "the path of the decision log is longer than a path can be";
        return invalid(message, "write a name of at most 255 bytes, and a path of at most 4095");
    }
    if NOT_FILES.contains(&text.to_ascii_lowercase().as_str()) {
        let message = format!("`{text}` is not a file");
        return invalid(message, "write `stdout`, or a file such as decisions.log");
    }
    if text.ends_with('/') || path.is_dir() {
        return invalid(format!("`{text}` is a folder"), HELP);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !folder.unwrap_or(Path::new(".")).is_dir() {
        return invalid(format!("the folder of `{text}` does not exist"), HELP);
    }
    if own.iter().any(|own| are_the_same(own, &path)) {
        return invalid(
            format!("`{text}` is a file that the gate reads"),
            "write decisions to another file",
        );
    }
    Ok(path)
}

fn are_the_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        // A file that does not exist has no links to it.
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_file_in_an_existing_folder_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for own in ["actgate.yaml", "policy.yaml"] {
            std::fs::write(at(own), "").unwrap();
        }
        std::fs::create_dir(at("logs")).unwrap();
        let own = [at("actgate.yaml"), at("policy.yaml")];
        let read = |text: &str| log_file(text, at(text), &own).map_err(|invalid| invalid.message);
        for valid in ["decisions.log", "logs/decisions.log", "./logs/../decisions.log"] {
            assert_eq!(read(valid), Ok(at(valid)));
        }
        for (invalid, message) in [
            ("", "the path of the decision log is empty"),
            (" ", "the path of the decision log is empty"),
            ("stderr", "`stderr` is not a file"),
            ("STDOUT", "`STDOUT` is not a file"),
            ("-", "`-` is not a file"),
            ("syslog", "`syslog` is not a file"),
            ("a\0b", "the path of the decision log contains a NUL"),
            ("logs", "`logs` is a folder"),
            ("new/", "`new/` is a folder"),
            ("..", "`..` is a folder"),
            (
                "nowhere/decisions.log",
                "the folder of `nowhere/decisions.log` does not exist",
            ),
            ("actgate.yaml", "`actgate.yaml` is a file that the gate reads"),
            (
                "logs/../policy.yaml",
                "`logs/../policy.yaml` is a file that the gate reads",
            ),
        ] {
            assert_eq!(read(invalid), Err(message.to_owned()));
        }
        let long = "the path of the decision log is longer than a path can be";
        assert_eq!(read(&"x".repeat(255)), Ok(at(&"x".repeat(255))));
        for invalid in [
            "x".repeat(256),
            "logs/".to_owned() + &"x".repeat(256),
            "./".repeat(2048) + "x",
        ] {
            assert_eq!(read(&invalid), Err(long.to_owned()));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_file_that_the_gate_reads_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("actgate.yaml"), folder.path().join("link"));
        std::fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(log_file("link", link, &[file]).is_err());
    }
}
